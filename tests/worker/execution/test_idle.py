"""Who has nothing to do is left what others have more of: lists, which one process reads no faster than it computes."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.work import idle, jobs
from integrations.store.work.jobs import Job
from tests.worker.execution.test_crew import claimed, done, started
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms

PATIENCE_SECONDS = 30.0


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, f"after {PATIENCE_SECONDS} s still not: {what}"
        time.sleep(0.02)


def is_idle(engine: Engine, run: int, *, asked_by: str) -> bool:
    """Whether somebody else has nothing to do, as `asked_by` sees it."""
    with read(engine) as connection:
        return idle.is_any(connection, asked_by, run)


def noted(engine: Engine, owner: str, *wanted: int) -> None:
    """`owner` says that it has nothing to do."""
    with begin(engine) as connection:
        idle.note(connection, owner, wanted)


def test_it_is_said_to_the_others_of_a_run_and_soon_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody hears it of themselves, nor of a run that they don't work on, nor after a while."""
    assert not is_idle(engine, 1, asked_by="busy")
    monkeypatch.setattr(idle, "FORGOTTEN_AFTER", timedelta(minutes=5))
    noted(engine, "idle", 1, 2)
    assert is_idle(engine, 1, asked_by="busy")
    assert is_idle(engine, 2, asked_by="busy")
    assert not is_idle(engine, 3, asked_by="busy")
    assert not is_idle(engine, 1, asked_by="idle")
    monkeypatch.setattr(idle, "FORGOTTEN_AFTER", timedelta(0))
    assert not is_idle(engine, 1, asked_by="busy")


def test_a_busy_process_leaves_lists_to_who_has_nothing_to_do(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another one is idle it takes no second list, though one is due; when nobody is any more, or its first is done, it does."""
    monkeypatch.setattr(idle, "FORGOTTEN_AFTER", timedelta(minutes=5))
    run = started(engine, Job("list", 0, stream="customers"))
    begun: list[str] = []
    go_on = threading.Event()

    def do(job: Job) -> None:
        begun.append(job.stream)
        assert go_on.wait(PATIENCE_SECONDS)
        done(engine, job)

    crew = Crew(engine, Terms(owner="busy"), Stop(), ("list",))
    end = time.monotonic() + PATIENCE_SECONDS
    working = threading.Thread(target=crew.work, args=({"list": do},), kwargs={"wanted": [run], "deadline": end})
    working.start()
    until(lambda: begun == ["customers"], "it reads its first list")
    noted(engine, "idle", run)
    with begin(engine) as connection:
        jobs.add(connection, [Job("list", run, stream="prices"), Job("list", run, stream="products")])
    crew.look_again()
    time.sleep(0.5)
    assert ["customers"] == begun
    taken = claimed(engine)
    assert taken is not None
    assert "prices" == taken.stream
    done(engine, taken)
    monkeypatch.setattr(idle, "FORGOTTEN_AFTER", timedelta(0))
    crew.look_again()
    until(lambda: begun == ["customers", "products"], "it takes what nobody else wants")
    go_on.set()
    working.join(PATIENCE_SECONDS)
    assert not working.is_alive()


def test_who_has_nothing_to_do_says_so_while_others_work(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's list is under way and none is due: it is said. Where nobody is at work, or one who can't read waits, nothing is."""
    monkeypatch.setattr(idle, "FORGOTTEN_AFTER", timedelta(minutes=5))
    run = started(engine, Job("list", 0, stream="customers"))

    def work(*kinds: str, seconds: float) -> None:
        crew = Crew(engine, Terms(owner="idle"), Stop(), ("list",))
        crew.work(dict.fromkeys(kinds, lambda job: done(engine, job)), wanted=[run], deadline=time.monotonic() + seconds)

    held = claimed(engine)
    assert held is not None
    work("derive_shard", seconds=0.5)
    assert not is_idle(engine, run, asked_by="test")
    with begin(engine) as connection:
        jobs.retry(connection, held, "later", 60.0, 100)
    work("list", seconds=0.5)
    assert not is_idle(engine, run, asked_by="test")
    with begin(engine) as connection:
        jobs.add(connection, [Job("list", run, stream="prices")])
    assert claimed(engine) is not None
    work("list", seconds=0.5)
    assert is_idle(engine, run, asked_by="test")
