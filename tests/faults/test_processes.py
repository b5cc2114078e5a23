"""Processes that die, hang, come twice or not at all: what is stored in the end is what is stored when nothing happens."""

import json
import os
import re
import signal
import socket
import time
import urllib.request

import pytest

from tests.faults.conftest import Built
from tests.faults.plant import Plant, differences, until
from tests.services.postgres import free_port

AT_LEAST_ONE_PAGE_IN = 3


def same(plant: Plant, expected: list[str]) -> None:
    """Nothing is left to be done, and the content is the same to the byte."""
    plant.settle()
    assert "" == differences(expected, plant.dump())


@pytest.mark.long
def test_workers_and_two_beats_come_to_what_the_command_line_comes_to(plant: Built, expected: list[str]) -> None:
    """Two workers and two beats, by Celery's commands and by ours: one sync and one night, the same content as one process with SQLite."""
    with plant() as found:
        both = (found.worker("one"), found.command("worker", "--name", "two", "--concurrency", "2"))
        until(lambda: all("ready." in each.said() for each in both), 60, "both workers are ready")
        found.beat()
        found.command("beat")
        same(found, expected)
        assert (1, 1) == (found.runs("sync"), found.runs("nightly"))
        names = [row[0] for row in found.query("SELECT name FROM worker ORDER BY name")]
        assert ["one@test", "tick", f"two@{socket.gethostname()}"] == names


@pytest.mark.parametrize(
    "moment",
    ["within:2", *(pytest.param(each, marks=pytest.mark.slow) for each in ("before:2", "after:2", "closing:1", "after:3:parent"))],
)
@pytest.mark.long
def test_killed_at_the_border_of_a_page(plant: Built, expected: list[str], moment: str) -> None:
    """kill -9 before the commit of a page, within it, after it, before the run is closed; of a pool's child and of the worker itself."""
    with plant() as found:
        worker = found.worker(NRR_TEST_DIE=moment)
        found.beat()
        until((found.folder / "died").exists, 60, "somebody dies")
        if moment.endswith("parent"):
            worker.wait()
            found.worker("two")
        same(found, expected)


@pytest.mark.slow
def test_killed_again_and_again(plant: Built, expected: list[str]) -> None:
    """Every pool child is killed as soon as it has done something, six times over."""
    with plant(latency_seconds=0.05) as found:
        worker = found.worker()
        found.beat()
        until(lambda: found.pages() >= 1, 60, "a page is stored")
        for _ in range(6):
            for pid in worker.children():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.7)
        same(found, expected)


@pytest.mark.long
def test_sigterm_finishes_the_page_and_gives_the_rest_back(plant: Built, expected: list[str]) -> None:
    """A worker asked to end does so within seconds, holds nothing any longer and has stored whole pages; another one does the rest."""
    with plant(latency_seconds=0.3) as found:
        worker = found.worker()
        found.beat()
        until(lambda: found.pages() >= AT_LEAST_ONE_PAGE_IN, 60, "pages are stored")
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait(20)
        assert time.monotonic() - began < 15
        told = [line for line in worker.said().splitlines() if "shutdown" in line or "worker_stopping" in line]
        assert [("worker_stopping", "warm")] == [(json.loads(line)["event"], json.loads(line)["how"]) for line in told]
        assert 0 == found.open_jobs().get("leased", 0)
        assert [] == found.query("SELECT name FROM worker WHERE name = 'one@test'")
        found.worker("two")
        same(found, expected)


@pytest.mark.slow
def test_stopped_for_twice_the_lease_and_woken(plant: Built, expected: list[str]) -> None:
    """Others take over what the stopped one held; woken, it commits nothing of it: every object is counted once."""
    with plant(latency_seconds=0.5, NRR_SHARDS="1", NRR_LEASE_SECONDS="3") as found:
        counted_once(found, expected)


def counted_once(found: Plant, expected: list[str], switch: str = "") -> None:
    """Stop a worker in the middle of its pages for twice the lease, let another one finish, wake it."""
    first = found.worker("one", processes=1, switch=switch)
    found.beat()
    page = "SELECT 1 FROM job WHERE stream = 'invoices' AND status = 'leased' AND pages > 0"
    until(lambda: found.query(page), 60, "the first page of invoices is stored", every=0.02)
    stopped = [first.pid, *first.children()]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    found.worker("two", processes=1, switch=switch)
    time.sleep(6.0)
    until(lambda: found.runs("sync", "done"), 60, "the other one has read everything")
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    until(lambda: "nrr.seen" in first.said()[-3000:], 60, "the first one is at it again")
    time.sleep(2.0)
    same(found, expected)
    first_run = "SELECT min(run_id) FROM job WHERE stream = 'invoices'"  # a later run reads the newest of them again
    [(invoices,)] = found.query(f"SELECT sum(objects) FROM job WHERE stream = 'invoices' AND run_id = ({first_run})")
    assert sum('"table": "invoice"' in line for line in expected) == invoices


@pytest.mark.slow
def test_beat_was_dead_for_three_days(plant: Built, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One tick makes up for all days that were missed, in one night's run, and events bring what changed meanwhile."""
    from integrations.sandbox.sandbox import Sandbox
    from tests.faults.conftest import undisturbed
    from tests.faults.plant import BUSINESS

    with Sandbox(BUSINESS, now="2024-06-10T06:00:00Z") as other:
        wanted = undisturbed(tmp_path_factory.mktemp("three"), other, "2024-06-13T06:00:00Z")
    with plant(NRR_SYNC_MINUTES="1") as found:
        found.stripe.set_now("2024-06-10T06:00:00Z")
        found.worker()
        beat = found.beat()
        found.settle()
        beat.signal(signal.SIGTERM)
        beat.wait()
        found.stripe.set_now("2024-06-13T06:00:00Z")
        found.query("SELECT 1")
        _age_runs(found)
        found.beat()
        until(lambda: found.runs("nightly", "done") == 2, 60, "the nights are made up for")
        same(found, wanted)
        [(days,)] = found.query("SELECT params FROM run WHERE kind = 'nightly' ORDER BY id DESC LIMIT 1")
        assert '{"first": "2024-06-10", "through": "2024-06-12"}' == days


def _age_runs(found: Plant) -> None:
    """What was done was done an hour ago: the next sync is due."""
    from sqlalchemy import text

    from integrations.store.db.engine import begin

    with begin(found.engine) as connection:
        connection.execute(
            text("UPDATE run SET started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour'")
        )


@pytest.mark.slow
def test_a_worker_that_is_alive_but_stuck_is_noticed(plant: Built, expected: list[str]) -> None:
    """Stopped, its process is there and it takes no message: health says so, the metrics show its age; woken, it is healthy again."""
    with plant() as found:
        worker = found.command("worker", "--concurrency", "1")
        beat = found.command("beat")
        port = free_port()
        exporter = found.command("exporter", "--port", str(port))
        same(found, expected)
        assert 0 == found.command("health", "--stuck-after", "20").wait(30)
        assert 0 == found.command("health", "--all", "--stuck-after", "20").wait(30)
        for pid in (worker.pid, *worker.children()):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(12.0)
        stuck = found.command("health", "--stuck-after", "8")
        assert 1 == stuck.wait(30)
        assert "is stuck: it was last heard of" in stuck.said()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            [age] = re.findall(r"nrr_worker_age_seconds\{[^}]*\} (\S+)", answer.read().decode())
        assert 8 < float(age)
        for pid in (worker.pid, *worker.children()):
            os.kill(pid, signal.SIGCONT)
        until(lambda: found.command("health", "--stuck-after", "8").wait(30) == 0, 60, "the worker is healthy again", every=1.0)
        for process in (exporter, beat, worker):
            process.signal(signal.SIGTERM)
        assert [0, 0, 0] == [process.wait(40) for process in (exporter, beat, worker)]


@pytest.mark.long
def test_a_schema_that_changes_under_a_worker_ends_it_with_its_own_exit_code(plant: Built) -> None:
    """A worker of an older version does nothing on a newer schema: it ends with 10, and so does every command."""
    with plant() as found:
        worker = found.worker()
        found.beat()
        found.settle()
        changed_schema(found)
        assert 10 == worker.wait(30)
        assert 10 == found.command("sync").wait(30)


def changed_schema(found: Plant) -> None:
    """A newer version has migrated the database."""
    from sqlalchemy import text

    from integrations.store.db.engine import begin

    with begin(found.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


@pytest.mark.slow
def test_two_backfills_at_the_same_time(plant: Built, expected: list[str]) -> None:
    """The second one is refused with exit 11 and says by what; the first one ends well."""
    with plant(latency_seconds=0.3) as found:
        first = found.command("backfill", "run")
        until(lambda: found.runs("backfill", "running"), 30, "the first one runs")
        second = found.command("backfill", "run")
        assert 11 == second.wait(30)
        assert "another backfill is running (run 1" in second.said()
        assert 0 == first.wait(60)
        found.worker()
        found.beat()
        same(found, expected)


@pytest.mark.slow
def test_ctrl_c_finishes_the_page_and_saves(plant: Built, expected: list[str]) -> None:
    """Interrupted, a backfill ends with 130; what it has read is stored, and `resume` reads the rest and nothing twice."""
    with plant(latency_seconds=0.4) as found:
        first = found.command("backfill", "run", "--shards", "1")
        until(lambda: found.pages() >= AT_LEAST_ONE_PAGE_IN, 30, "pages are stored")
        first.signal(signal.SIGINT)
        assert 130 == first.wait(30)
        assert "resume" in first.said()
        before = found.pages()
        assert 0 < before
        assert 0 == found.command("backfill", "resume").wait(60)
        found.worker()
        found.beat()
        same(found, expected)


@pytest.mark.slow
def test_a_clock_that_is_a_day_off(plant: Built, expected: list[str]) -> None:
    """The machine's own clock is a day ahead: leases go by the database's, days by Stripe's, and nothing changes."""
    with plant() as found:
        found.worker(NRR_TEST_CLOCK="86400")
        found.start(
            "beat",
            "-m",
            "celery",
            "-A",
            "tests.faults.broken",
            "beat",
            "--max-interval",
            "1",
            environment={"NRR_TEST_CLOCK": "86400"},
        )
        same(found, expected)
