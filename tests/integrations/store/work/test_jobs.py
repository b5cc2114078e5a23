"""Jobs: nobody gets the same one twice, and who lost the lease commits nothing."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine

from integrations.store.db.engine import begin
from integrations.store.work import jobs, runs
from integrations.store.work.cursors import CursorMoved, move, of_account
from integrations.store.work.jobs import Job, LeaseLost


def written(engine: Engine, *stages: int) -> int:
    """A run with a job in each of the stages."""
    with begin(engine) as connection:
        run = runs.start(connection, "sync")
        jobs.add(connection, [Job("list", run, stream=f"s{i}", stage=stage) for i, stage in enumerate(stages)])
    return run


def claim(engine: Engine, owner: str = "one", lease: float = 60) -> Job | None:
    """Claim the next job in a transaction of its own."""
    with begin(engine) as connection:
        return jobs.claim(connection, owner=owner, lease_seconds=lease)


def test_two_claimers_never_get_the_same_job(engine: Engine) -> None:
    """Eight threads claim forty jobs: each is claimed once."""
    written(engine, *([0] * 40))
    got: list[int] = []

    def work() -> None:
        while (job := claim(engine, threading.current_thread().name)) is not None:
            got.append(job.id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 40
    assert sorted(set(got)) == sorted(got)


def test_who_lost_the_lease_commits_nothing(engine: Engine) -> None:
    """After another claim the old token moves no cursor, ends nothing and gives nothing back."""
    run = written(engine, 0)
    old = claim(engine, "old", lease=0.01)
    assert old is not None
    time.sleep(0.05)
    new = claim(engine, "new")
    assert new is not None
    assert (new.id, new.token) == (old.id, old.token + 1)
    attempts: tuple[Callable[[Connection], object], ...] = (
        lambda c: jobs.advance(c, old, cursor="x", since=None, until=None, pages=1, objects=1, lease_seconds=9),
        lambda c: jobs.finish(c, old),
        lambda c: jobs.retry(c, old, "e", 0, 3),
        lambda c: jobs.extend(c, old, 9),
        lambda c: jobs.split(c, old, [5]),
    )
    for late in attempts:
        with pytest.raises(LeaseLost), begin(engine) as connection:
            late(connection)
    with begin(engine) as connection:
        jobs.finish(connection, new)
        assert [True, False] == [jobs.is_taken_over(connection, job) for job in (old, new)], "who ended it wasn't overtaken"
        assert runs.close_if_done(connection, run) == "done"


def test_a_later_stage_waits_for_the_earlier_one(engine: Engine) -> None:
    """Stage one is claimable only once nothing of stage zero is open; quarantine keeps it waiting."""
    run = written(engine, 0, 1)
    first = claim(engine)
    assert first is not None
    assert claim(engine) is None
    with begin(engine) as connection:
        assert jobs.retry(connection, first, "broken", 0, quarantine_after=1) is True
    assert claim(engine) is None
    with begin(engine) as connection:
        assert jobs.revive(connection, run) == 1
    again = claim(engine)
    assert again is not None
    with begin(engine) as connection:
        jobs.finish(connection, again)
    second = claim(engine)
    assert second is not None
    assert second.stage == 1


def test_a_range_is_split_without_a_gap(engine: Engine) -> None:
    """A job of [0, 100) cut at 30 and 60 keeps [60, 100), and the others cover [0, 30) and [30, 60)."""
    with begin(engine) as connection:
        run = runs.start(connection, "backfill")
        jobs.add(connection, [Job("list", run, stream="invoices", since=0, until=100)])
    held = claim(engine)
    assert held is not None
    with begin(engine) as connection:
        jobs.split(connection, held, [30, 60])
        assert [(0, 30), (30, 60), (60, 100)] == sorted((j.since, j.until) for j in jobs.of_run(connection, run))


def test_progress_forgives_attempts(engine: Engine) -> None:
    """Only claims without any progress count towards quarantine."""
    written(engine, 0)
    for _ in range(5):
        job = claim(engine)
        assert job is not None
        with begin(engine) as connection:
            jobs.advance(connection, job, cursor="c", since=None, until=None, pages=1, objects=100, lease_seconds=60)
            assert jobs.retry(connection, replace(job, attempts=1), "later", 0, quarantine_after=3) is False


def test_an_exclusive_run_is_alone(engine: Engine) -> None:
    """A second backfill is refused by name, and may start when the first is over."""
    with begin(engine) as connection:
        first = runs.start(connection, "backfill", exclusive_key="backfill")
        with pytest.raises(runs.AlreadyRunning, match=f"run {first}"):
            runs.start(connection, "backfill", exclusive_key="backfill")
        runs.finish(connection, first, "done", {"objects": 1})
        assert runs.start(connection, "backfill", exclusive_key="backfill") != first


def test_a_cursor_moves_only_from_where_it_stood(engine: Engine) -> None:
    """Two movers from the same position: the second is refused and nothing is lost."""
    with begin(engine) as connection:
        move(connection, 1, "events", None, 10)
        move(connection, 1, "events", 10, 20, {"a": 1})
        with pytest.raises(CursorMoved):
            move(connection, 1, "events", 10, 30)
        with pytest.raises(CursorMoved):
            move(connection, 1, "events", None, 30)
        assert of_account(connection, 1)["events"].position == 20
