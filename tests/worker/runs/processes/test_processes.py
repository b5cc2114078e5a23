"""Processes beside a command: they do its jobs as any worker would, and whatever becomes of them, the figures are the same."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from integrations.store.db.engine import begin, read
from integrations.store.work import jobs
from integrations.store.work.schema import job as job_table
from tests.worker.facts import Told, at, derived
from worker.config.load import isolated
from worker.execution.cores import cores
from worker.figures import derive as deriving
from worker.runs import handlers, refresh, steps
from worker.runs.processes import processes
from worker.runs.processes.process import Given
from worker.runs.processes.processes import Processes
from worker.wiring.wiring import Wiring, open_wiring, standing

PATIENCE_SECONDS = 60.0
"""A starved machine may take so long to start a process."""
NOW = "2025-03-01"
CUSTOMERS = 12

IN_THE_MIDST = """
import sys, time
from integrations.store.ledger import write
real = write.replace_customers
def stuck(*asked, **more):
    real(*asked, **more)
    open({mark!r}, "w").close()
    time.sleep(600)
write.replace_customers = stuck
from worker.runs.processes import process
sys.exit(process.main())
"""
"""A process that gets as far as having written customers, and never to the commit."""

SLOW = """
import sys, time
from metrics.ledger.derive import Deriver
real = Deriver.derive
def slow(*asked):
    open({mark!r}, "w").close()
    time.sleep(0.5)
    return real(*asked)
Deriver.derive = slow
from worker.runs.processes import process
sys.exit(process.main())
"""


@pytest.fixture
def wiring(engine: Engine, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """A command's wiring over some customers, each of whom is a job of its own."""
    told = Told(engine)
    told.catalog()
    for number in range(CUSTOMERS):
        told.customer(f"cus_{number}")
        told.subscription(f"cus_{number}", quantity=1 + number)
    monkeypatch.setattr(deriving, "CUSTOMERS_AT_ONCE", 1)
    monkeypatch.setattr(processes, "WORTH_STARTING", 1)
    monkeypatch.setattr(processes, "EVERY_SECONDS", 0.05)
    settings = isolated({"database_url": SecretStr(migrated_url), "processes": 1}).settings
    made = open_wiring(settings, pretended=datetime.fromtimestamp(at(NOW), UTC))
    yield made
    made.close()


def planned(wiring: Wiring) -> int:
    """A derivation of which the plan is done and everybody is still to be derived."""
    run, _ = steps.open_run(wiring, "derive", [deriving.first_job(now=wiring.now)])
    with begin(wiring.engine) as connection:
        plan = jobs.claim(connection, owner="test", lease_seconds=60, runs=[run])
    assert plan is not None
    handlers.handlers(wiring)["derive_plan"](plan)
    return run


def shards(wiring: Wiring, status: str) -> list[str | None]:
    """The holders of the run's shards that are in this status."""
    query = select(job_table.c.owner).where(job_table.c.kind == "derive_shard", job_table.c.status == status)
    with read(wiring.engine) as connection:
        return list(connection.execute(query).scalars())


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, f"after {PATIENCE_SECONDS} s still not: {what}"
        time.sleep(0.05)


def same_as_alone(wiring: Wiring) -> None:
    """What is derived is what a rebuild without anybody beside makes."""
    found = derived(wiring.engine)
    assert "done" == refresh.derive(wiring, rebuild=True).status
    assert derived(wiring.engine) == found


@contextmanager
def beside(wiring: Wiring, run: int, *command: str, at_most: int = 2) -> Iterator[list[int]]:
    """The processes of a command that does nothing by itself; how many there were from one time to the next."""
    counts: list[int] = []
    made = Processes(wiring, [run], at_most, counts.append, command=command or processes.COMMAND)
    made.start()
    try:
        yield counts
    finally:
        made.close()


@pytest.mark.long
def test_processes_do_what_a_command_would(wiring: Wiring) -> None:
    """Two processes derive everybody while the command does nothing, and are gone when nothing of it is left; it is as if it had done it alone."""
    run = planned(wiring)
    with beside(wiring, run) as counts:
        until(lambda: len(shards(wiring, "done")) == CUSTOMERS, "everybody derived")
        until(lambda: counts[-1] == 0, "the processes are gone")
        assert 2 == max(counts)
    owners = set(shards(wiring, "done"))
    assert 1 <= len(owners) <= 2
    assert "test" not in owners
    assert "done" == steps.see_through(wiring, run).status
    same_as_alone(wiring)


def test_one_that_is_killed_in_the_midst_loses_nothing(wiring: Wiring, tmp_path: Path) -> None:
    """Killed before its commit, with a lease that would last for minutes: its job is free at once, nothing of it is stored, and after two
    such deaths the command goes on by itself."""
    run = planned(wiring)
    mark = tmp_path / "written"
    killed = set()
    with beside(wiring, run, sys.executable, "-c", IN_THE_MIDST.format(mark=str(mark)), at_most=1) as counts:
        for death in range(processes.FAILURES):
            until(mark.exists, "a process has written")
            mark.unlink()
            [owner] = [each for each in shards(wiring, "leased") if each not in killed]
            killed.add(owner)
            _kill_children()
            until(lambda death=death: counts.count(0) == death + 1, "its death is noticed")  # type: ignore[misc]  # a default holds the loop's value
        with begin(wiring.engine) as connection:
            free = jobs.waiting(connection, [run], ["derive_shard"])[0]
        assert {"derive_shard": CUSTOMERS} == free
        assert "done" == steps.see_through(wiring, run).status
        assert [1, 0] * processes.FAILURES == counts
    same_as_alone(wiring)


def _kill_children() -> None:
    """Kill -9 what this process has started and not waited for."""
    for pid in _children():
        os.kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state != "Z" and _is_ours(path.parent):
            found.append(int(path.parent.name))
    return found


def _is_ours(process: Path) -> bool:
    return b"replace_customers" in (process / "cmdline").read_bytes()


@pytest.mark.long
def test_the_end_of_its_command_ends_a_process(wiring: Wiring, tmp_path: Path) -> None:
    """When the command is gone, however it went, its pipe ends: the process gives back what it holds, and goes."""
    run = planned(wiring)
    mark = tmp_path / "derives"
    assert wiring.settings is not None
    given = Given(wiring.settings, "beside", (run,), wiring.basis, wiring.kept, wiring.pretended)
    process = subprocess.Popen([sys.executable, "-c", SLOW.format(mark=str(mark))], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(given))
    process.stdin.flush()
    until(mark.exists, "it derives")
    process.stdin.close()
    assert 0 == process.wait(PATIENCE_SECONDS)
    assert [] == shards(wiring, "leased")
    assert "done" == steps.see_through(wiring, run).status
    same_as_alone(wiring)


def test_who_has_processes_beside(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that waits for runs, as many as are set less itself; not a standing worker's process, nor one without settings."""
    asked: list[int] = []

    class Recorded(Processes):
        def start(self) -> None:
            asked.append(self._at_most)

        def close(self) -> None:
            asked.append(0)

    monkeypatch.setattr(processes, "Processes", Recorded)
    several = replace(wiring, processes=3)
    assert "done" == refresh.derive(several).status
    assert [2, 0] == asked
    for alone in (wiring, standing(several, "worker"), replace(several, settings=None)):
        assert "done" == refresh.derive(alone).status
    steps.work(several, seconds=0.1)
    assert [2, 0] == asked


@pytest.mark.parametrize(("told", "expected"), [("max 100000", None), ("150000 100000", 1), ("50000 100000", 1), ("", None)])
def test_cores_of_a_container(tmp_path: Path, told: str, expected: int | None) -> None:
    """What a container may use counts, whole cores only, and at least one; without a limit all that there are."""
    (tmp_path / "cpu.max").write_text(told)
    everything = len(os.sched_getaffinity(0))
    assert (expected or everything) == cores(tmp_path)
    (tmp_path / "cpu.max").unlink()
    assert everything == cores(tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert 1 == cores(tmp_path)
