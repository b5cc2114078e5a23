"""Many at once: threads and processes that ask for the same run, speak, mark, compute and wait at the same moment."""

import threading
import time

import pytest
from sqlalchemy import Engine, text

from integrations.store import migrate
from integrations.store.db.engine import begin, read
from integrations.store.facts import marks
from integrations.store.work import jobs, workers
from integrations.store.work.jobs import Job
from tests.worker.conftest import Wire
from tests.worker.execution.test_crew import done, started
from tests.worker.stripe_fake import FakeStripe
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.jobs import Planning
from worker.runs import steps

# --- many at once -------------------------------------------------------------------------------------------------------------------


def test_many_who_ask_for_the_same_run_get_one(engine: Engine, wire: Wire) -> None:
    """Eight processes open a sync of one account at the same moment: one run, its first job once."""
    wiring = wire(default=FakeStripe())
    account = wiring.sources.bind("default")
    ready = threading.Barrier(8)
    got: list[int] = []

    def ask() -> None:
        ready.wait()
        got.append(steps.open_run(wiring, "sync", [steps.plan_job(account, Planning("default", "sync"))], account=account)[0])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 == len(got)
    assert 1 == len(set(got))
    with read(engine) as connection:
        assert 1 == len(jobs.of_run(connection, got[0]))


def test_workers_that_speak_at_the_same_moment_are_one_row(engine: Engine) -> None:
    """The children of one worker send its heartbeat; whoever is first makes the row, and nobody fails."""
    ready = threading.Barrier(6)
    failed: list[BaseException] = []

    def speak() -> None:
        ready.wait()
        try:
            with begin(engine) as connection:
                workers.seen(connection, "nrr@host", {})
        except Exception as error:  # noqa: BLE001  # whatever it is, the test fails on it
            failed.append(error)

    threads = [threading.Thread(target=speak) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with read(engine) as connection:
        assert 1 == len(workers.everything(connection))
    assert [] == failed


def test_a_mark_that_is_committed_late_is_not_removed_unseen(engine: Engine) -> None:
    """Numbers are given out before they are committed. Whoever looks for marks waits for those who are writing some."""
    wrote, looked = threading.Event(), threading.Event()
    seen: list[str] = []

    def slow() -> None:
        with begin(engine) as connection:
            marks.touch(connection, 1, ["cus_slow"])
            wrote.set()
            looked.wait(2.0)

    def look() -> None:
        with begin(engine) as connection:
            customers, last = marks.touched_customers(connection)
        looked.set()
        first.join()
        with begin(engine) as connection:
            marks.drop_touched_until(connection, last)
        seen.extend(customer for _, customer in customers)

    first = threading.Thread(target=slow)
    first.start()
    wrote.wait()
    with begin(engine) as connection:
        marks.touch(connection, 1, ["cus_quick"])
    second = threading.Thread(target=look)
    second.start()
    first.join()
    second.join()
    with read(engine) as connection:
        left = [customer for _, customer in marks.marked_customers(connection)]
    assert ["cus_quick", "cus_slow"] == sorted(seen + left)


# --- the crew -----------------------------------------------------------------------------------------------------------------------


def test_heavy_jobs_are_done_few_at_a_time(engine: Engine) -> None:
    """Those that compute go on two at once in a process, those that wait for Stripe all at once."""
    started(engine, *(Job("heavy", 0) for _ in range(5)), *(Job("light", 0) for _ in range(5)))
    going, most = {"heavy": 0, "light": 0}, {"heavy": 0, "light": 0}
    lock = threading.Lock()

    def do(job: Job) -> None:
        with lock:
            going[job.kind] += 1
            most[job.kind] = max(most[job.kind], going[job.kind])
        time.sleep(0.3)
        with lock:
            going[job.kind] -= 1
        done(engine, job)

    crew = Crew(engine, Terms(owner="test", threads=12, heavy=2), Stop(), light=("light",))
    assert 10 == crew.work({"heavy": do, "light": do}).done
    assert 2 == most["heavy"]
    assert 2 < most["light"]


def test_a_schema_that_changes_under_a_crew_ends_its_work(engine: Engine) -> None:
    """It claims nothing more, finishes what it holds, and says that the database is not the one it knows."""
    started(engine, *(Job("slow", 0) for _ in range(40)))
    begun = threading.Event()

    def do(job: Job) -> None:
        begun.set()
        time.sleep(0.2)
        done(engine, job)

    def change() -> None:
        begun.wait()
        with begin(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    other = threading.Thread(target=change)
    other.start()
    crew = Crew(engine, Terms(owner="test", threads=2, lease_seconds=1.0), Stop(), light=("slow",))
    with pytest.raises(migrate.NotMigrated):
        crew.work({"slow": do})
    other.join()
    with read(engine) as connection:
        assert 0 < jobs.summary(connection).by_status.get("due", 0) < 40
