"""Clocks that are wrong: what they say moves nothing past the present, keeps nobody waiting, and is told."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from integrations.store.alerts import outbox
from integrations.store.alerts.outbox import Message
from integrations.store.db.clock import now as database_now
from integrations.store.db.columns import UtcDateTime
from integrations.store.db.engine import begin, read
from integrations.store.facts import lookups, recheck
from integrations.store.facts.recheck import Recheck
from integrations.store.tables import metadata
from integrations.store.work import cursors, jobs, runs
from integrations.store.work.jobs import Job
from metrics.evidence import Instant
from tests.worker.conftest import Wire
from tests.worker.ingest.test_audit import quantity
from tests.worker.stripe_fake import FakeStripe
from worker.health import freshness
from worker.ingest import clocks
from worker.runs import nightly, steps
from worker.runs.tick import tick

YEARS = 3 * 365 * 86_400


def marks(engine: Engine) -> dict[str, int]:
    """Where each mark stands."""
    with read(engine) as connection:
        return {stream: mark.position for stream, mark in cursors.of_account(connection, 1).items()}


def set_back(engine: Engine, *, days: int = 1) -> None:
    """The database's clock was set back: whatever it stamped lies so much later now."""
    with begin(engine) as connection:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if not isinstance(column.type, UtcDateTime):
                    continue
                keys = list(table.primary_key)
                for row in connection.execute(select(*keys, column).where(column.is_not(None))).all():
                    mine = [key == value for key, value in zip(keys, row[:-1], strict=True)]
                    connection.execute(update(table).where(*mine).values({column.name: row[-1] + timedelta(days=days)}))


def test_an_answer_from_the_future_moves_no_mark_past_the_present(engine: Engine, wire: Wire) -> None:
    """Stripe's Date is years ahead once: marks stand at our present, it is told, and what happens afterwards is read."""
    stripe = FakeStripe(now=Instant(int(datetime.now(UTC).timestamp()) - 1_000))
    stripe.fill(6)
    true = stripe.now
    stripe.now = Instant(true + YEARS)
    steps.sync(wire(default=stripe))
    assert max(marks(engine).values()) <= true + 3_600
    with read(engine) as connection:
        assert abs(freshness.look(connection).clock_apart_seconds["default"] - YEARS) < 3_600
    stripe.now = Instant(true + 2_000)
    happened = stripe.tell(3, 9, Instant(true + 1_000 - 120))
    stripe.now = Instant(true + 1_000)
    steps.sync(wire(default=stripe))
    with read(engine) as connection:
        assert {} == freshness.look(connection).clock_apart_seconds
        assert {happened} == lookups.known_events(connection, 1, [happened])


@pytest.mark.parametrize("ahead", [86_400, YEARS])
def test_a_mark_ahead_of_the_present_is_taken_back_to_the_last_good_place(engine: Engine, wire: Wire, ahead: int) -> None:
    """Whoever moved it: the next sync reads on from where it stood before."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    good = marks(engine)["events"]
    stripe.now = Instant(stripe.now + 7_200)
    with begin(engine) as connection:
        for stream, mark in cursors.of_account(connection, 1).items():
            cursors.move(connection, 1, stream, mark.position, mark.position + ahead)
    stripe.change(3, 9)
    stripe.now = Instant(stripe.now + 120)
    stripe.asked.clear()
    steps.sync(wire(default=stripe))
    assert 9 == quantity(engine, "cus_000003")
    assert stripe.now - 60 == marks(engine)["events"]
    [since] = {since for stream, since, _, _ in stripe.asked if stream == "events"}
    assert good - 600 == since


def test_a_mark_without_a_good_place_is_read_from_the_beginning(engine: Engine, wire: Wire) -> None:
    """It was ahead from its first move on: nothing is known of where it should be."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    with begin(engine) as connection:
        for mark in cursors.of_account(connection, 1).values():
            cursors.take_back(connection, mark, -1)
            cursors.move(connection, 1, mark.stream, None, stripe.now + YEARS)
    steps.sync(wire(default=stripe))
    assert stripe.now - 60 == marks(engine)["events"]


def test_nobody_waits_for_a_clock_that_was_set_back(engine: Engine, wire: Wire) -> None:
    """Leases, tries, runs, messages and rests that lie a day ahead are over: everything goes on at once."""
    stripe = FakeStripe()
    stripe.fill(6)
    wiring = wire(default=stripe)
    steps.sync(wiring)
    with begin(engine) as connection:
        run = runs.start(connection, "backfill")
        jobs.add(connection, [Job("mark", run, account=1, stream="one"), Job("mark", run, account=1, stream="two")])
        leased = jobs.claim(connection, owner="vanished", lease_seconds=60)
        outbox.enqueue(connection, [Message("rule", "", "", "firing", "slack", {})])
        recheck.note(connection, [Recheck(1, "subscription", "sub_000001", "evt_1")], 120)
    set_back(engine)
    with begin(engine) as connection:
        assert [] == jobs.held_elsewhere(connection, [])
        claimed = [jobs.claim(connection, owner="next", lease_seconds=60) for _ in range(2)]
        assert leased is not None
        assert leased.id in {job.id for job in claimed if job is not None}
        assert None not in claimed
        assert outbox.is_any_due(connection)
        assert outbox.claim(connection, 60) is not None
        assert recheck.due(connection, 1, longest_delay_seconds=3_900)
        for job in claimed:
            jobs.finish(connection, job)  # type: ignore[arg-type]  # none is None
        runs.close_if_done(connection, run)
    assert "sync:default" in tick(wiring, sync_minutes=5).opened


def test_an_abandoned_run_of_before_is_taken_over(engine: Engine) -> None:
    """Its heart beat last in a time that is yet to come."""
    with begin(engine) as connection:
        first = runs.start(connection, "derive", exclusive_key="figures")
    set_back(engine)
    with begin(engine) as connection:
        assert first < runs.start(connection, "derive", exclusive_key="figures")


def test_an_age_below_zero_is_told(engine: Engine, wire: Wire) -> None:
    """Nothing that is dated after the present is taken for fresh."""
    stripe = FakeStripe()
    stripe.fill(2)
    steps.sync(wire(default=stripe))
    with read(engine) as connection:
        assert [] == freshness.from_the_future(freshness.look(connection))
    set_back(engine)
    with read(engine) as connection:
        said = freshness.from_the_future(freshness.look(connection))
    assert any("the last good sync" in sentence for sentence in said)
    assert any("the mark of events" in sentence for sentence in said)


@pytest.mark.parametrize(("told", "expected"), [(0, 0), (299, 299), (-299, -299), (301, 0), (YEARS, 0), (-YEARS, -YEARS)], ids=str)
def test_the_present_is_the_earlier_of_two_clocks_that_disagree(told: int, expected: int) -> None:
    """Stripe's while they agree by minutes."""
    ours = datetime(2026, 3, 5, tzinfo=UTC)
    mine = int(ours.timestamp())
    assert Instant(mine + expected) == clocks.earlier(Instant(mine + told), ours)


def test_a_night_that_has_not_come_is_not_done(engine: Engine, wire: Wire) -> None:
    """Somebody says that it is years later: the night that is done is the one that is over by Stripe's clock."""
    from dataclasses import replace

    stripe = FakeStripe()
    stripe.fill(3)
    wiring = replace(wire(default=stripe), pretended=datetime.fromtimestamp(stripe.now + YEARS, UTC))
    report = nightly.run(wiring)
    assert report is not None
    assert "done" == report.status
    with read(engine) as connection:
        through = nightly.through(connection)
    yesterday = datetime.fromtimestamp(stripe.now, UTC).date() - timedelta(days=1)
    assert yesterday == through
    assert max(marks(engine).values()) <= stripe.now


def test_a_night_that_was_done_before_its_time_is_done_again(engine: Engine) -> None:
    """A run through a day years ahead keeps no night from being done, and is told."""
    moment = Instant(int(datetime(2026, 3, 5, 6, tzinfo=UTC).timestamp()))
    with begin(engine) as connection:
        ahead = database_now(connection).date() + timedelta(days=900)
        for through in (date(2026, 3, 1), ahead):
            run = runs.start(connection, "nightly", params={"first": through.isoformat(), "through": through.isoformat()})
            runs.finish(connection, run, "done")
    with read(engine) as connection:
        assert nightly.Days(date(2026, 3, 2), date(2026, 3, 4)) == nightly.missing(connection, moment, "UTC")
        assert any("has not come yet" in sentence for sentence in freshness.from_the_future(freshness.look(connection)))
