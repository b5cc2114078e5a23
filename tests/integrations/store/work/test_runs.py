"""Runs: one at a time under a key, closed by what became of their jobs, and never without a number of their own."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update

from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from integrations.store.work.runs import ABANDONED_SECONDS, AlreadyRunning
from integrations.store.work.schema import job as job_table
from integrations.store.work.schema import run as table


def start(engine: Engine, kind: str = "sync", *, key: str | None = None, count: int = 0, account: int | None = None) -> int:
    """A run with so many jobs."""
    with begin(engine) as connection:
        run = runs.start(connection, kind, exclusive_key=key, account=account, params={"n": count})
        jobs.add(connection, [Job("list", run, stream=f"s{n}") for n in range(count)])
    return run


def aged(engine: Engine, run: int, seconds: float) -> None:
    """The run has not been heard of for so long."""
    with begin(engine) as connection:
        then = now(connection) - timedelta(seconds=seconds)
        connection.execute(update(table).where(table.c.id == run).values(heartbeat_at=then, finished_at=then))


def test_a_run_is_told_as_it_was_written(engine: Engine) -> None:
    """Kind, account, parameters and, when it is closed, its result."""
    run = start(engine, "backfill", key="backfill", account=3)
    with begin(engine) as connection:
        found = runs.get(connection, run)
        assert found is not None
        assert ("backfill", 3, "running", {"n": 0}, None) == (found.kind, found.account, found.status, found.params, found.result)
        assert ([run], run) == (runs.running(connection), runs.held_by(connection, "backfill"))
        runs.finish(connection, run, "done", {"objects": 5})
        closed = runs.get(connection, run)
        assert closed is not None
        assert ("done", {"objects": 5}, True) == (closed.status, closed.result, closed.finished_at is not None)
        assert ([], None, None) == (runs.running(connection), runs.held_by(connection, "backfill"), runs.get(connection, 999))


def test_the_latest_runs_come_first(engine: Engine) -> None:
    """By kind, account and status, as many as are asked for."""
    made = [start(engine, kind, account=account) for kind, account in (("sync", 1), ("sync", 2), ("audit", 1), ("sync", 1))]
    with begin(engine) as connection:
        runs.finish(connection, made[0], "failed")
        assert made[::-1] == [r.id for r in runs.latest(connection)]
        assert [made[3], made[0]] == [r.id for r in runs.latest(connection, kind="sync", account=1)]
        assert [made[0]] == [r.id for r in runs.latest(connection, status="failed")]
        assert [made[3]] == [r.id for r in runs.latest(connection, limit=1)]


def test_of_two_who_start_at_once_one_is_refused(engine: Engine) -> None:
    """And is told which run is under way."""
    ready, started, refused = threading.Barrier(2), [], []

    def go() -> None:
        ready.wait()
        try:
            started.append(start(engine, key="figures"))
        except AlreadyRunning as error:
            refused.append(error.run_id)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (1, started) == (len(started), refused)


def test_a_dead_run_gives_its_key_away(engine: Engine) -> None:
    """Not heard of for long and no job held: it has failed, and another may begin. One whose job is held lives; one that beats lives."""
    run = start(engine, key="figures", count=1)
    aged(engine, run, ABANDONED_SECONDS - 60)
    with pytest.raises(AlreadyRunning):
        start(engine, key="figures")
    aged(engine, run, ABANDONED_SECONDS + 60)
    with begin(engine) as connection:
        held = jobs.claim(connection, owner="somebody", lease_seconds=60)
    with pytest.raises(AlreadyRunning):
        start(engine, key="figures")
    with begin(engine) as connection:
        assert held is not None
        jobs.release(connection, held)
        runs.beat(connection, run)
    with pytest.raises(AlreadyRunning):
        start(engine, key="figures")
    aged(engine, run, ABANDONED_SECONDS + 60)
    assert run < start(engine, key="figures")
    with read(engine) as connection:
        dead = runs.get(connection, run)
    assert dead is not None
    assert ("failed", {"error": "abandoned"}) == (dead.status, dead.result)


@pytest.mark.parametrize(
    ("statuses", "closed"),
    [
        (["done", "done"], "done"),
        (["done", "quarantined"], "failed"),
        (["done", "canceled"], "canceled"),
        (["canceled", "quarantined"], "failed"),
        (["done", "due"], None),
        (["quarantined", "leased"], None),
        ([], "done"),
    ],
)
def test_a_run_is_what_became_of_its_jobs(engine: Engine, statuses: list[str], closed: str | None) -> None:
    """Done when all are, failed when one can't be done, open while one is."""
    run = start(engine, count=len(statuses))
    with begin(engine) as connection:
        ids = connection.execute(select(job_table.c.id).where(job_table.c.run_id == run)).scalars().all()
        for number, status in zip(ids, statuses, strict=True):
            connection.execute(update(job_table).where(job_table.c.id == number).values(status=status))
        assert closed == runs.close_if_done(connection, run, {"x": 1})
        assert runs.close_if_done(connection, run) is None, "it is closed once"


def test_a_closed_run_can_be_set_going_again(engine: Engine) -> None:
    """With its key; and it is locked only in the status that was expected."""
    run = start(engine, key="figures")
    with begin(engine) as connection:
        runs.finish(connection, run, "failed")
        assert (True, False) == (runs.lock(connection, run, "failed"), runs.lock(connection, run, "running"))
        runs.reopen(connection, run, exclusive_key="figures")
        assert (run, True) == (runs.held_by(connection, "figures"), runs.lock(connection, run, "running"))


def test_old_work_is_tidied_up_and_its_numbers_are_not_given_again(engine: Engine) -> None:
    """Jobs of runs closed long ago go, and runs that only synced; what is open, young or of another kind stays."""
    old, young, night, alive = (
        start(engine, count=2),
        start(engine, count=1),
        start(engine, "nightly", count=1),
        start(engine, count=1),
    )
    with begin(engine) as connection:
        for run in (old, young, night):
            runs.finish(connection, run, "done")
    for run in (old, night):
        aged(engine, run, 40 * 86_400)
    with begin(engine) as connection:
        assert 3 == runs.tidy(connection, 30)
        assert [alive, night, young] == sorted([r.id for r in runs.latest(connection)], key=[alive, night, young].index)
        assert [1, 1] == [len(jobs.of_run(connection, run)) for run in (young, alive)]
    with begin(engine) as connection:
        runs.finish(connection, alive, "done")
    aged(engine, alive, 40 * 86_400)
    with begin(engine) as connection:
        runs.tidy(connection, 30)
        assert runs.get(connection, alive) is None
    assert alive < start(engine)
