"""Evidence that comes late, lags or goes away: what holds, from when on, and what is said of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from metrics.entries import Timeline
from metrics.evidence import (
    GONE,
    Customer,
    CustomerEvidence,
    CustomerState,
    Discount,
    Instant,
    Source,
    SubscriptionEvidence,
    SubscriptionState,
)
from metrics.policy import preset
from metrics.timeline.states.lagging import customers_without_lagging
from metrics.timeline.timeline import build
from tests.metrics.groups import member
from tests.metrics.life import CATALOG, instant

NOW = instant("2026-01-01")
SEATS = """
event 2025-01-01 items=seat*1
before 2025-06-10T12:00 id=evt_1 items=seat*1
event 2025-06-10T12:00 id=evt_1 items=seat*5
"""


def steps(found: Timeline) -> list[tuple[Instant, int]]:
    """From when on what it is worth, in whole units."""
    return [(step.at, sum(item.net_micros for item in step.items) // 1_000_000) for step in found.steps]


def of(customer: CustomerEvidence, *more: SubscriptionState) -> Timeline:
    """The timeline of a life's only subscription, with further states."""
    evidence: SubscriptionEvidence = customer.subscriptions[0]
    evidence = replace(evidence, states=(*evidence.states, *more))
    return build(evidence, CATALOG, preset("default"), customer_states=customer.states, now=NOW)


def listed(customer: CustomerEvidence, at: str, quantity: int, *seen: str) -> SubscriptionState:
    """The subscription as it was listed, with further sightings."""
    last = customer.subscriptions[0].states[-1].subscription
    said = replace(last, items=tuple(replace(item, quantity=quantity) for item in last.items))
    return SubscriptionState(instant(at), Source.SNAPSHOT, "", said, tuple(instant(each) for each in seen))


def reasons(found: Timeline) -> list[str]:
    """What is said about it."""
    return [finding.reason for finding in found.findings]


CHANGED = [(instant("2025-01-01"), 10), (instant("2025-06-10T12:00"), 50)]


def test_a_listing_that_says_what_was_before_an_event_of_that_hour_lags() -> None:
    """The event holds, and that the object is to be read again is said until it was."""
    customer = member("cus", SEATS)
    found = of(customer, listed(customer, "2025-06-10T12:10", 1))
    assert (CHANGED, ["lagging_listing"]) == (steps(found), reasons(found))
    settled = of(customer, listed(customer, "2025-06-10T12:10", 1), listed(customer, "2025-06-10T12:12", 5))
    assert (CHANGED, []) == (steps(settled), reasons(settled))


def test_what_is_still_said_after_an_hour_is_so() -> None:
    """No replica lags that long: the change was undone without an event, and that first shows then, whether in one row or in two."""
    customer = member("cus", SEATS)
    undone = [*CHANGED, (instant("2025-06-10T13:05"), 10)]
    apart = of(customer, listed(customer, "2025-06-10T12:10", 1), listed(customer, "2025-06-10T13:05", 1))
    together = of(customer, listed(customer, "2025-06-10T12:10", 1, "2025-06-10T12:20", "2025-06-10T13:05"))
    assert undone == steps(apart) == steps(together)


def test_a_listing_that_says_something_else_is_heard_at_once() -> None:
    """Neither what was before nor what is: three seats are news of their own."""
    customer = member("cus", SEATS)
    found = of(customer, listed(customer, "2025-06-10T12:10", 3))
    assert [*CHANGED, (instant("2025-06-10T12:10"), 30)] == steps(found)


@pytest.mark.parametrize("quantity", [1, 5])
def test_a_replica_may_lag_behind_several_events(quantity: int) -> None:
    """What was before the first of them, or between them, takes nothing back."""
    customer = member(
        "cus", SEATS + "before 2025-06-10T12:01 id=evt_2 items=seat*5\nevent 2025-06-10T12:01 id=evt_2 items=seat*7\n"
    )
    found = of(customer, listed(customer, "2025-06-10T12:05", quantity))
    assert [*CHANGED, (instant("2025-06-10T12:01"), 70)] == steps(found)


FULL = {
    "a fraction of a unit": ("quantity_decimal", Decimal("1.5")),
    "a trial of the item's own": ("trial_end", instant("2025-07-01")),
    "a discount of the item's own": ("discounts", (Discount("di_1", "ten", instant("2025-01-01"), None),)),
}


@pytest.mark.parametrize("part", FULL)
def test_a_replica_that_tells_more_than_events_do_lags_all_the_same(part: str) -> None:
    """Events of an older version leave out parts of an item: what a listing says of those doesn't make it news."""
    customer = aged(member("cus", SEATS))
    lagging = told_whole(listed(customer, "2025-06-10T12:10", 1), *FULL[part])
    caught_up = told_whole(listed(customer, "2025-06-10T12:10", 5), *FULL[part])
    assert ["lagging_listing"] == [reason for reason in reasons(of(customer, lagging)) if reason.startswith("lagging")]
    assert [] == [reason for reason in reasons(of(customer, caught_up)) if reason.startswith("lagging")]


def test_a_replica_that_lags_behind_an_event_which_tells_all() -> None:
    """Half a unit more, told by an event that says so: whoever lists the whole number doesn't take it back, who lists the half says no other."""
    customer = member("cus", SEATS)
    evidence = customer.subscriptions[0]
    before, after = evidence.states[1:]
    told = replace(
        evidence,
        states=(evidence.states[0], before, told_whole(replace(before, source=after.source), *FULL["a fraction of a unit"])),
    )
    customer = replace(customer, subscriptions=(told,))
    whole = listed(customer, "2025-06-10T12:10", 1)
    lagging = told_whole(whole, "quantity_decimal", None)
    assert ["lagging_listing"] == reasons(of(customer, lagging))
    assert [] == reasons(of(customer, whole))


def aged(customer: CustomerEvidence) -> CustomerEvidence:
    """The same in events of an older version, which leave out fractions of a unit, and discounts of an item."""

    def old(state: SubscriptionState) -> SubscriptionState:
        items = tuple(replace(i, decimal_told=False, discounts_complete=False) for i in state.subscription.items)
        return replace(state, subscription=replace(state.subscription, items=items))

    evidence = customer.subscriptions[0]
    return replace(customer, subscriptions=(replace(evidence, states=tuple(map(old, evidence.states))),))


def told_whole(state: SubscriptionState, field: str, value: object) -> SubscriptionState:
    """The same with nothing left out of its items, one part of which is `value`."""
    items = tuple(replace(i, decimal_told=True, discounts_complete=True, **{field: value}) for i in state.subscription.items)  # type: ignore[arg-type]  # a field by name
    return replace(state, subscription=replace(state.subscription, items=items))


def test_a_customer_whose_metadata_an_event_leaves_out_lags_all_the_same() -> None:
    """An event ends a discount and leaves metadata out; a replica that still has the discount says other metadata than were known."""
    cut = Discount("di_1", "ten", instant("2025-01-01"), None)
    known = CustomerState(
        instant("2025-01-01"),
        Source.SNAPSHOT,
        "",
        Customer("cus", instant("2024-01-01"), discount=cut, metadata=(("team", "red"),)),
    )
    ended = CustomerState(
        instant("2025-06-10T12:00"), Source.EVENT, "evt_1", Customer("cus", instant("2024-01-01"), metadata_told=False)
    )
    told = Customer("cus", instant("2024-01-01"), discount=cut, metadata=(("team", "blue"),))
    lagging = CustomerState(instant("2025-06-10T12:10"), Source.SNAPSHOT, "", told)
    assert (known, ended) == customers_without_lagging((known, ended, lagging))


def test_an_end_is_not_taken_back_by_a_replica() -> None:
    """Deleted at noon, listed as active at ten past: it has ended."""
    customer = member("cus", "event 2025-01-01 items=pro\nevent 2025-06-10T12:00 status=canceled ended=2025-06-10T12:00")
    first = customer.subscriptions[0].states[0]
    found = of(customer, replace(first, at=instant("2025-06-10T12:10"), source=Source.SNAPSHOT, source_id=""))
    assert [(instant("2025-01-01"), 50), (instant("2025-06-10T12:00"), 0)] == steps(found)


def test_a_subscription_that_is_gone_counts_nothing_and_is_named() -> None:
    """From the moment it was missed on, with a finding; and it is back from the listing that has it again."""
    customer = member("cus", "event 2025-01-01 items=pro")
    last = customer.subscriptions[0].states[-1]
    gone = SubscriptionState(instant("2025-07-01"), Source.SNAPSHOT, "", replace(last.subscription, status=GONE))
    found = of(customer, gone)
    assert [(instant("2025-01-01"), 50), (instant("2025-07-01"), 0)] == steps(found)
    assert "subscription_gone" in reasons(found)
    back = of(customer, gone, replace(last, at=instant("2025-07-03"), source=Source.SNAPSHOT, source_id=""))
    assert (instant("2025-07-03"), 50) == steps(back)[-1]
    assert "subscription_gone" not in reasons(back)
