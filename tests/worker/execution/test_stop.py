"""Nobody waits for ever: not for a wish to stop made in a signal's handler, not for a thread that never began or met what nobody foresaw."""

import signal
import threading
import time
from typing import Any

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import read
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from tests.worker.conftest import Wire
from tests.worker.execution.test_crew import started
from tests.worker.ingest.test_read import held
from tests.worker.stripe_fake import FakeStripe
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest import writer
from worker.runs import steps


def test_a_signal_may_come_in_the_midst_of_whatever_asks_it() -> None:
    """The handler runs in the very thread that waits, reads and takes parts, a thousand times in a second, and holds nobody up."""
    stops: list[Stop] = [Stop()]
    heard = 0

    def ask(_number: int, _frame: Any) -> None:
        nonlocal heard
        heard += 1
        stops[-1].request()

    before = signal.signal(signal.SIGALRM, ask)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            stops.append(Stop())
            part = stops[-1].part()
            stops[-1].request()
            assert part.wait(5.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 0 < heard


def test_whoever_asks_while_he_holds_the_lock_is_heard() -> None:
    """What a handler does, at the worst moment that there is."""
    stop = Stop()
    with stop._changed:
        stop.request()
    assert stop.wanted


def test_a_thread_that_the_system_refuses_is_waited_for_by_nobody(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job stays leased until its lease runs out; the process ends with the system's reason."""
    run = started(engine, Job("derive", 0))
    ordinary = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("derive-"):
            raise RuntimeError("can't start new thread")
        ordinary(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    crew = Crew(engine, Terms(owner="one", lease_seconds=60), Stop())
    with pytest.raises(RuntimeError, match="can't start new thread"):
        crew.work({"derive": lambda _job: None}, wanted=[run])
    with read(engine) as connection:
        assert {"leased": 1} == dict(jobs.summary(connection).by_status)
        found = runs.get(connection, run)
    assert found is not None
    assert "running" == found.status


def test_what_the_writers_thread_meets_is_told_to_the_readers(engine: Engine, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault where none was foreseen: whoever waits for the writer hears of it and reads on, and nothing is missing."""
    stripe = FakeStripe()
    stripe.fill(400)
    raised: list[str] = []
    ordinary = writer._Work.settle

    def settle(work: writer._Work, failure: BaseException | None) -> None:
        if not raised:
            raised.append("once")
            raise KeyError("what nobody foresaw")
        ordinary(work, failure)

    monkeypatch.setattr(writer._Work, "settle", settle)
    report = steps.sync(wire(default=stripe))
    assert (["once"], "done") == (raised, report.status)
    assert (400, 400) == (held(engine, "subscription_state"), held(engine, "customer_state"))
