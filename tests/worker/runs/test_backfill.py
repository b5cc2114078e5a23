"""Backfills: one at a time, interrupted without loss, told about truthfully."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import read
from integrations.store.facts.schema import subscription_state
from integrations.store.work.jobs import Job
from integrations.store.work.runs import AlreadyRunning
from metrics.evidence import Instant
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import HOUR, START, FakeStripe
from worker.ingest.range_split import FLOOR
from worker.runs import backfill
from worker.runs.backfill import NoBackfill, Request, StreamStatus


def held(engine: Engine) -> int:
    """How many states of subscriptions are stored."""
    with read(engine) as connection:
        return len(connection.execute(subscription_state.select()).all())


def test_a_plan_writes_nothing(engine: Engine, wire: Wire) -> None:
    """It says what would be read, for which account, and leaves the store as it is."""
    stripe = FakeStripe()
    stripe.fill(30)
    [planned] = backfill.planned(wire(default=stripe), Request(streams=("subscriptions",), since=Instant(START)))
    assert ("default", "acct_fake", None) == (planned.account, planned.stripe_id, planned.subscriptions_held)
    assert {"subscriptions"} == {job.stream for job in planned.plan.jobs if job.kind == "list"}
    assert 0 == held(engine)


def test_only_what_was_asked_for_is_read(engine: Engine, wire: Wire) -> None:
    """Objects created in the time asked for, of the streams asked for; the end is told with its counts."""
    stripe = FakeStripe()
    stripe.fill(100)
    asked = Request(("subscriptions",), Instant(START + 20 * HOUR), Instant(START + 70 * HOUR))
    report = backfill.run(wire(default=stripe), asked)
    assert ("done", {"subscriptions": 50}) == (report.status, dict(report.objects))
    assert 50 == held(engine)
    status = backfill.status(wire(default=stripe))
    assert ("done", 50, None) == (status.status, status.objects, status.eta_seconds)


def test_a_second_one_is_refused_and_an_interrupted_one_is_resumed(engine: Engine, wire: Wire) -> None:
    """A stop finishes the page and saves; until it is resumed or canceled no other backfill begins; resuming reads the rest."""
    stripe = FakeStripe()
    stripe.fill(300)
    wiring = wire(default=stripe)

    def stop_soon(stream: str, _since: Instant | None, _cursor: str | None) -> None:
        if stream == "subscriptions" and sum(each[0] == "subscriptions" for each in stripe.asked) > 8:
            wiring.stop.request()

    stripe.before_page = stop_soon
    assert "running" == backfill.run(wiring, Request(("subscriptions",))).status
    stripe.before_page = lambda *_: None
    assert 0 < held(engine) < 300
    with pytest.raises(AlreadyRunning):
        backfill.run(wire(default=stripe), Request(("subscriptions",)))
    status = backfill.status(wire(default=stripe))
    assert "running" == status.status
    assert 0 < status.streams[0].share < 1
    assert "done" == backfill.resume(wire(default=stripe)).status
    assert 300 == held(engine)
    with pytest.raises(NoBackfill):
        backfill.resume(wire(default=stripe))


def test_a_canceled_one_makes_room_and_can_still_be_resumed(engine: Engine, wire: Wire) -> None:
    """What it stored stays; the next may begin; without another one the canceled one can be gone on with."""
    stripe = FakeStripe()
    stripe.fill(200)
    wiring = wire(default=stripe)
    stripe.before_page = lambda stream, _since, cursor: wiring.stop.request() if stream == "subscriptions" and cursor else None
    backfill.run(wiring, Request(("subscriptions",)))
    stripe.before_page = lambda *_: None
    canceled = backfill.cancel(wire(default=stripe))
    with pytest.raises(NoBackfill):
        backfill.cancel(wire(default=stripe))
    assert "canceled" == backfill.status(wire(default=stripe)).status
    report = backfill.resume(wire(default=stripe))
    assert (canceled, "done") == (report.run_id, report.status)
    assert 200 == held(engine)


@pytest.mark.parametrize("wrong", [{"streams": ("subscriptionz",)}, {"since": Instant(5), "until": Instant(5)}])
def test_a_senseless_request_is_refused(wrong: dict[str, object]) -> None:
    """Unknown streams and an end before the beginning are said before anything is asked of anybody."""
    with pytest.raises(ValueError):
        Request(**wrong)  # type: ignore[arg-type]  # one wrong argument at a time


def test_progress_goes_by_the_time_covered() -> None:
    """A stream whose open ranges hold a quarter of its time is three quarters done; closed ones are done whole."""
    began = Instant(FLOOR + 4_000)
    found = [
        Job("list", 1, 1, 1, "invoices", since=None, until=FLOOR + 1_000, status="due", objects=0),
        Job("list", 1, 2, 1, "invoices", since=FLOOR + 1_000, until=FLOOR + 1_500, status="done", objects=700),
        Job("list", 1, 3, 1, "customers", status="done", objects=40),
    ]
    streams = backfill.progress_of(found, {"since": None, "until": None}, began)
    assert (
        StreamStatus("customers", 40, 0, 1, 1.0),
        StreamStatus("invoices", 700, 1, 2, 0.75),
    ) == streams
    assert 20.0 == pytest.approx(backfill.eta_seconds(streams, 60.0))


def test_nothing_is_foretold_before_a_stream_moved() -> None:
    """Without progress there is no estimate; with nothing open there is nothing left."""
    assert backfill.eta_seconds([StreamStatus("invoices", 0, 1, 1, 0.0)], 5.0) is None
    assert 0.0 == backfill.eta_seconds([], datetime.now(UTC).timestamp())
