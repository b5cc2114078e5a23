"""The audit: what no event told is found, healed, counted and named; what an event explains is not called drift."""

import pytest
from sqlalchemy import Engine

from integrations.store import evidence
from integrations.store.engine import read
from metrics.evidence import Instant
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker import steps
from worker.audit import unexplained


def quantity(engine: Engine, customer: str) -> int | None:
    """The quantity in the newest state held of a customer's subscription."""
    with read(engine) as connection:
        [group] = evidence.groups(connection, only=[customer])
    newest = max(group.members[0].subscriptions[0].states, key=lambda state: (state.at, state.source))
    return newest.subscription.items[0].quantity


def test_a_change_without_event_is_healed_counted_and_named(engine: Engine, wire: Wire) -> None:
    """The sync can't see it; the audit stores what is so and says which subscription drifted; the next audit finds nothing."""
    stripe = FakeStripe()
    stripe.fill(40)
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 7_200)
    stripe.change(5, 9, seen=False)
    steps.sync(wire(default=stripe))
    assert 1 == quantity(engine, "cus_000005")
    report, [drift] = steps.audit(wire(default=stripe))
    assert "done" == report.status
    assert (1, ("sub_000005",)) == (drift.subscriptions, drift.named)
    assert 9 == quantity(engine, "cus_000005")
    stripe.now = Instant(stripe.now + 7_200)
    _, [drift] = steps.audit(wire(default=stripe))
    assert 0 == drift.subscriptions


def test_news_on_its_way_is_no_drift(engine: Engine, wire: Wire) -> None:
    """A change in the last minute has its event, which the next sync reads: the audit sees the difference and knows why."""
    stripe = FakeStripe()
    stripe.fill(40)
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 30)
    stripe.change(5, 9)
    stripe.now = Instant(stripe.now + 5)
    _, [drift] = steps.audit(wire(default=stripe))
    assert 0 == drift.subscriptions


@pytest.mark.parametrize(
    ("changed", "explained", "expected"),
    [
        ([], set(), []),
        ([("sub_1", "cus_1")], set(), ["sub_1"]),
        ([("sub_1", "cus_1")], {"sub_1"}, []),
        ([("sub_1", "cus_1"), ("sub_2", "cus_2")], {"cus_2"}, ["sub_1"]),
    ],
)
def test_unexplained(changed: list[tuple[str, str]], explained: set[str], expected: list[str]) -> None:
    """An event of the subscription or of its customer explains a difference."""
    assert expected == unexplained(changed, explained)
