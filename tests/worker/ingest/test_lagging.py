"""A replica that lags: what it tells takes no event back, and the object is read again until it has caught up."""

from datetime import timedelta

from sqlalchemy import Engine, update

from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.facts import recheck
from integrations.store.facts.schema import recheck as table
from metrics.evidence import Instant
from metrics.timeline.states.event_order import in_order
from metrics.timeline.states.lagging import without_lagging
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker.ingest.lagging import DELAYS_SECONDS
from worker.runs import steps

MINUTE = 60


def waiting(engine: Engine) -> list[tuple[str, int]]:
    """What waits to be read again, and how often it was."""
    with begin(engine) as connection:
        connection.execute(update(table).values(due_at=now(connection) - timedelta(seconds=1)))  # so that nobody has to wait for it
    with read(engine) as connection:
        return [(each.object_id, each.tries) for each in recheck.due(connection, 1, longest_delay_seconds=max(DELAYS_SECONDS))]


def believed(engine: Engine, customer: str) -> int | None:
    """The quantity that holds at last, by all that is known."""
    with read(engine) as connection:
        [group] = read_facts.groups(connection, only=[customer])
    kept, _ = without_lagging(in_order(group.members[0].subscriptions[0].states))
    return kept[-1].subscription.items[0].quantity


def changed(stripe: FakeStripe) -> None:
    """An event says nine; the replica that is asked for the subscription still says one."""
    stripe.now = Instant(stripe.now + 3_600)
    before = stripe.subscriptions["sub_000003"]
    stripe.change(3, 9)
    stripe.lagging = {"sub_000003": before}
    stripe.now = Instant(stripe.now + 2 * MINUTE)


def test_an_event_holds_against_a_replica_that_lags(engine: Engine, wire: Wire) -> None:
    """Nine holds at once; the object is read again and, once the replica has caught up, no more."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    changed(stripe)
    steps.sync(wire(default=stripe))
    assert (9, [("sub_000003", 0)]) == (believed(engine, "cus_000003"), waiting(engine))
    stripe.now = Instant(stripe.now + 2 * MINUTE)
    steps.sync(wire(default=stripe))
    assert (9, [("sub_000003", 1)]) == (believed(engine, "cus_000003"), waiting(engine))
    stripe.lagging = {}
    stripe.now = Instant(stripe.now + 10 * MINUTE)
    steps.sync(wire(default=stripe))
    assert (9, []) == (believed(engine, "cus_000003"), waiting(engine))


def test_the_tries_are_over_and_what_is_still_said_then_stands(engine: Engine, wire: Wire) -> None:
    """After an hour no replica lags: the change was undone without an event, and nobody asks for ever."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    changed(stripe)
    for minutes in (2, 10, 65):
        steps.sync(wire(default=stripe))
        assert 9 == believed(engine, "cus_000003")
        assert waiting(engine)
        stripe.now = Instant(stripe.now + minutes * MINUTE)
    steps.sync(wire(default=stripe))
    assert (1, []) == (believed(engine, "cus_000003"), waiting(engine))


def test_an_invoice_that_is_not_yet_what_its_event_says_is_read_again(engine: Engine, wire: Wire) -> None:
    """Paid by the event, open by the answer: it is read again and then known as paid."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 3_600)
    bill = stripe.bill(2, "open", created=stripe.now, event="invoice.paid")
    stripe.now = Instant(stripe.now + 2 * MINUTE)
    steps.sync(wire(default=stripe))
    assert [(bill, 0)] == waiting(engine)
    stripe.bill(2, "paid", created=stripe.now)
    stripe.now = Instant(stripe.now + 2 * MINUTE)
    steps.sync(wire(default=stripe))
    assert [] == waiting(engine)
