"""Jobs at their edges: runs that nobody closed, accounts that keep to themselves, holders that vanish, many askers at once."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from psycopg import OperationalError as DriverError
from sqlalchemy import Engine, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts import accounts
from integrations.store.facts.accounts import AccountRefused
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job, LeaseLost
from integrations.store.work.schema import run as run_table
from integrations.stripe.errors import Refused, Transient
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker.execution.crew import Crew, Ending, close_finished, ending
from worker.execution.stop import Stop, Stopped
from worker.execution.terms import Terms
from worker.ingest.jobs import Planning
from worker.runs import steps


def started(engine: Engine, *written: Job, kind: str = "sync") -> int:
    """A run with these jobs."""
    with begin(engine) as connection:
        run = runs.start(connection, kind)
        jobs.add(connection, [replace(job, run_id=run) for job in written])
    return run


def claimed(engine: Engine, lease_seconds: float = 60.0, most_attempts: int | None = None) -> Job | None:
    """The next job, claimed."""
    with begin(engine) as connection:
        return jobs.claim(connection, owner="test", lease_seconds=lease_seconds, most_attempts=most_attempts)


def done(engine: Engine, job: Job | None) -> None:
    """The job is finished."""
    assert job is not None
    with begin(engine) as connection:
        jobs.finish(connection, job)


def status_of(engine: Engine, run: int) -> str:
    """How a run stands."""
    with read(engine) as connection:
        found = runs.get(connection, run)
    assert found is not None
    return found.status


# --- runs that nobody closed ---------------------------------------------------------------------------------------------------


def test_a_run_whose_last_worker_died_before_closing_it_is_closed_by_who_waits(engine: Engine, wire: Wire) -> None:
    """Killed between the last commit and the closing, a run has no open job and is still running: the next one sees that and goes on."""
    stripe = FakeStripe()
    stripe.fill(10)
    steps.sync(wire(default=stripe))
    run = started(engine, Job("list", 0, stream="customers"), kind="audit")
    done(engine, claimed(engine))
    assert "running" == status_of(engine, run)
    assert "done" == steps.see_through(wire(default=stripe), run).status


def test_a_finished_run_is_not_joined_for_ever(engine: Engine, wire: Wire) -> None:
    """The next sync of an account closes what was left open and starts anew."""
    stripe = FakeStripe()
    stripe.fill(10)
    first = steps.sync(wire(default=stripe))
    with begin(engine) as connection:
        runs.reopen(connection, first.run_id, exclusive_key="sync:1")
    second = steps.sync(wire(default=stripe))
    assert ("done", False) == (second.status, second.joined)
    assert first.run_id != second.run_id


def test_a_run_is_closed_once_by_the_last_of_its_jobs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of jobs done side by side only the last looks whether the run is over, and one that fails counts like any other."""
    run = started(engine, *(Job("list", 0, stream=stream) for stream in ("customers", "prices", "products")))
    crew = Crew(engine, Terms(owner="test"), Stop(), ("list",))
    looked: list[int] = []
    close = crew._close

    def counted(each: int) -> None:
        looked.append(each)
        close(each)

    monkeypatch.setattr(crew, "_close", counted)
    together = threading.Barrier(3, timeout=60)

    def do(job: Job) -> None:
        together.wait()
        if job.stream == "prices":
            raise Refused("prices", "no")
        done(engine, job)

    crew.work({"list": do}, wanted=[run], deadline=time.monotonic() + 60)
    assert looked.count(run) == 1
    assert status_of(engine, run) == "failed"


def test_ticks_close_what_was_left_open(engine: Engine) -> None:
    """Every run without an open job is closed, the others stay."""
    left = started(engine, Job("list", 0, stream="customers"))
    done(engine, claimed(engine))
    going_on = started(engine, Job("list", 0, stream="customers"))
    close_finished(engine)
    assert ("done", "running") == (status_of(engine, left), status_of(engine, going_on))


def test_what_a_canceled_run_still_gets_is_never_claimed(engine: Engine) -> None:
    """A cancel that misses jobs written down at the same moment leaves them due, and nobody takes them."""
    run = started(engine, Job("plan", 0))
    with begin(engine) as connection:
        jobs.cancel(connection, run)
        runs.finish(connection, run, "canceled")
        jobs.add(connection, [Job("list", run, stream="invoices")])
    assert claimed(engine) is None


# --- accounts keep to themselves --------------------------------------------------------------------------------------------------


def test_one_account_put_aside_keeps_only_itself_waiting(engine: Engine) -> None:
    """Its later stages are canceled; another account's go on, and so does what is of no account once nothing else is under way."""
    run = started(
        engine,
        Job("list", 0, account=1, stage=0),
        Job("list", 0, account=2, stage=0),
        Job("mark", 0, account=1, stage=1),
        Job("mark", 0, account=2, stage=1),
        Job("derive", 0, stage=2),
    )
    bad = claimed(engine)
    assert bad is not None
    assert 1 == bad.account
    with begin(engine) as connection:
        jobs.retry(connection, bad, "refused", 0, quarantine_after=0)
        jobs.cancel_blocked(connection, run)
    good = claimed(engine)
    assert good is not None
    assert (2, "list") == (good.account, good.kind)
    assert claimed(engine) is None
    done(engine, good)
    mark = claimed(engine)
    assert mark is not None
    assert (2, "mark") == (mark.account, mark.kind)
    assert claimed(engine) is None
    done(engine, mark)
    last = claimed(engine)
    assert last is not None
    assert "derive" == last.kind
    done(engine, last)
    close_finished(engine)
    assert "failed" == status_of(engine, run)


def test_what_is_of_no_account_keeps_everybody_waiting(engine: Engine) -> None:
    """Figures that can't be derived must not be rolled up, whatever account is looked at."""
    started(engine, Job("derive", 0, stage=0), Job("list", 0, account=1, stage=1), Job("rollup", 0, stage=1))
    bad = claimed(engine)
    assert bad is not None
    with begin(engine) as connection:
        jobs.retry(connection, bad, "defect", 0, quarantine_after=0)
    assert claimed(engine) is None


def test_a_refused_key_does_not_keep_another_account_from_its_news(engine: Engine, wire: Wire) -> None:
    """Both accounts are asked for; the one with a good key is read to its end, and the report says what is wrong with the other."""
    good, bad = FakeStripe(account_id="acct_good"), FakeStripe(account_id="acct_bad")
    good.fill(20)
    bad.fill(20)
    steps.sync(wire(bad=bad, good=good))

    def refuse(*_: object) -> None:
        raise Refused("account", "the key was revoked")

    bad.before_page = refuse
    good.change(3, 7)
    good.now = bad.now = type(good.now)(good.now + 3_600)
    wiring = wire(bad=bad, good=good)
    bad.account = refuse  # type: ignore[method-assign,assignment]  # what a revoked key gets
    report = steps.sync(wiring)
    assert ("failed", True) == (report.status, isinstance(report.error, Refused))
    assert {"events": 1} == {stream: count for stream, count in report.objects.items() if stream == "events"}


def test_live_and_test_keys_that_come_first_at_the_same_moment_are_not_both_taken(engine: Engine) -> None:
    """Whoever binds second sees the first one, however close."""
    ready = threading.Barrier(2)
    refused: list[AccountRefused] = []

    def bind(name: str, livemode: bool) -> None:
        ready.wait()
        try:
            with begin(engine) as connection:
                accounts.bind(connection, name=name, stripe_id=f"acct_{name}", livemode=livemode)
                time.sleep(0.1)
        except AccountRefused as error:
            refused.append(error)

    threads = [threading.Thread(target=bind, args=pair) for pair in (("a", True), ("b", False))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with read(engine) as connection:
        assert 1 == len(accounts.everything(connection))
    assert 1 == len(refused)


# --- holders that vanish ----------------------------------------------------------------------------------------------------------


def test_a_job_that_kills_its_holders_is_put_aside(engine: Engine) -> None:
    """After so many leases that ran out without progress nobody takes it any more, and the reason says so."""
    run = started(engine, Job("derive", 0))
    for _ in range(3):
        assert claimed(engine, lease_seconds=0.0, most_attempts=3) is not None
        time.sleep(0.02)
    assert claimed(engine, most_attempts=3) is None
    with read(engine) as connection:
        [job] = jobs.of_run(connection, run)
    assert "quarantined" == job.status
    assert "its lease expired 3 times in a row" in str(job.last_error)


def test_progress_under_this_very_claim_counts(engine: Engine) -> None:
    """A job claimed for the last time that then makes progress is tried again when it fails: only claims without progress wear it out."""
    started(engine, Job("list", 0, stream="customers"))
    for _ in range(2):
        assert claimed(engine, lease_seconds=0.0) is not None
        time.sleep(0.02)
    job = claimed(engine)
    assert job is not None
    assert 3 == job.attempts
    with begin(engine) as connection:
        jobs.advance(connection, job, cursor="c", since=None, until=None, pages=1, objects=1, lease_seconds=60)
        assert jobs.retry(connection, job, "later", 0, quarantine_after=3) is False


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Stopped(), Ending("release")),
        (LeaseLost(1, 1), Ending("drop")),
        (Transient("events", "busy", retry_after_seconds=99.0), Ending("again", 99.0)),
        (Refused("events", "401"), Ending("aside", 0.0, 0)),
        (AccountRefused("another account"), Ending("aside", 0.0, 0)),
        (OperationalError("COPY", None, DriverError("gone")), Ending("again", 2.0)),
        (ZeroDivisionError(), Ending("again", 2.0, 5)),
    ],
)
def test_how_a_job_ends_by_the_kind_of_error(error: BaseException, expected: Ending) -> None:
    """What may pass is tried for ever, what can't is parked at once, and what nobody knows is tried a few times."""
    assert expected == ending(error, 1, Terms(owner="x"), chance=lambda _low, high: high)


def test_a_driver_that_speaks_for_itself_is_understood(engine: Engine) -> None:
    """COPY goes past SQLAlchemy; its errors arrive as the database's own all the same."""
    with pytest.raises(OperationalError), begin(engine):
        raise DriverError("server closed the connection unexpectedly")


def test_a_part_of_a_wish_to_stop(engine: Engine) -> None:
    """A part hears the whole, the whole doesn't hear a part, and a part made too late hears all the same."""
    whole = Stop()
    first, second = whole.part(), whole.part()
    first.request()
    assert (True, False, False) == (first.wanted, second.wanted, whole.wanted)
    whole.request()
    assert (True, True) == (second.wanted, whole.part().wanted)


def test_tidying_forgets_pages_and_keeps_what_counts(engine: Engine) -> None:
    """Jobs of runs closed long ago go, and syncs with them; a backfill stays in the list; nothing open or recent is touched."""
    old = started(engine, Job("list", 0))
    kept = started(engine, Job("list", 0), kind="backfill")
    for _ in range(2):
        done(engine, claimed(engine))
    close_finished(engine)
    with begin(engine) as connection:
        connection.execute(update(run_table).values(finished_at=datetime(2020, 1, 1, tzinfo=UTC)))
    recent = started(engine, Job("list", 0))
    with begin(engine) as connection:
        assert 2 == runs.tidy(connection, 30)
        assert [recent, kept] == [run.id for run in runs.latest(connection)]
        assert runs.get(connection, old) is None
        assert 1 == len(jobs.of_run(connection, recent))


def test_who_falls_silent_in_a_transaction_loses_it(engine: Engine) -> None:
    """A process stopped in the middle of its commit holds locks; the database ends its transaction, and the job can be claimed."""
    if engine.dialect.name == "sqlite":
        return  # a file's locks go with the process; one that is stopped keeps writers waiting until it is killed or woken
    run = started(engine, Job("list", 0, stream="customers"))
    silent = open_engine(engine.url.render_as_string(hide_password=False), idle_seconds=1.0)

    def fall_silent() -> None:
        with begin(silent) as connection:
            held = jobs.claim(connection, owner="silent", lease_seconds=60)
            assert held is not None
            time.sleep(2.5)
            jobs.finish(connection, held)

    with pytest.raises(OperationalError):
        fall_silent()
    silent.dispose()
    again = claimed(engine)
    assert again is not None
    assert (run, 1) == (again.run_id, again.token)


# --- waiting for others ----------------------------------------------------------------------------------------------------------


def test_who_waits_for_a_dead_process_is_told_for_how_long(engine: Engine, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose holder died is done once its lease is over; meanwhile it is said, once, who holds it and for how long at most."""
    monkeypatch.setattr("worker.execution.crew.IDLE_TOLD_SECONDS", 0.2)
    stripe = FakeStripe()
    stripe.fill(3)
    wiring = wire(default=stripe)
    bound = wiring.sources.bind("default")
    run, _ = steps.open_run(wiring, "sync", [steps.plan_job(bound, Planning("default", "sync"))], account=bound)
    with begin(engine) as connection:
        assert jobs.claim(connection, owner="a dead process", lease_seconds=2.0) is not None
    with capture_logs() as logs:
        report = steps.see_through(wiring, run)
    assert "done" == report.status
    told = [each for each in logs if each["event"] == "waiting_for_jobs_held_by_others"]
    assert [(1, ["a dead process"])] == [(each["jobs"], each["owners"]) for each in told]
    assert 0 < told[0]["seconds_at_most"] <= 2
