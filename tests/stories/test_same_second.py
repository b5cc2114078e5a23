"""Events of one second come in no order; what each says was before puts them in theirs."""

from itertools import permutations
from pathlib import Path

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script
from metrics.evidence import Instant, Item, Source, Subscription, SubscriptionState
from metrics.timeline.states.event_order import in_order
from tests.stories.living import derived, movements, opened, synced

BEGIN = parse_instant("2025-01-01")
AT = Instant(BEGIN)


def _seats(quantity: int, label: str) -> Subscription:
    return Subscription(
        "sub_1", "cus_1", "active", "usd", AT, AT, (Item("si_1", "price_1", quantity),), metadata=(("label", label),)
    )


def test_an_event_that_changes_nothing_counted_does_not_break_the_chain() -> None:
    """2 → 2 → 5 → 5 → 2 → 3 seats in one second end at 3, whatever ids the events have."""
    walk = [_seats(q, label) for q, label in ((2, "a"), (2, "b"), (5, "b"), (5, "c"), (2, "c"), (3, "c"))]
    for names in permutations("abcde"):
        states = [SubscriptionState(Instant(AT - 60), Source.EVENT, "evt_0", walk[0])]
        for name, before, after in zip(names, walk, walk[1:], strict=False):
            states.append(SubscriptionState(AT, Source.EVENT_BEFORE, f"evt_{name}", before))
            states.append(SubscriptionState(AT, Source.EVENT, f"evt_{name}", after))
        assert 3 == in_order(reversed(states))[-1].subscription.items[0].quantity


def test_a_schedule_that_is_released_as_it_changes_the_seats(tmp_path: Path) -> None:
    """Two events at once, one of which changes no money: the seats are those of the other."""
    scripts = tuple(
        Script(f"Customer {n}")
        .subscribe("2025-01-03T10:00", "price_team_monthly", 2)
        .schedule_change("2025-01-05T10:00", f"2025-01-{10 + n}T10:00", "price_team_monthly", 5)
        for n in range(8)
    )
    business = Business(customers=0, months=2, start=BEGIN, scripts=scripts)
    with Sandbox(business, now=BEGIN) as sandbox, opened(f"sqlite:///{tmp_path / 'nrr.sqlite3'}") as engine:
        synced(engine, sandbox, [BEGIN, BEGIN + 25 * DAY])
        found = derived(engine, sandbox.now)
        for truth in sandbox.ledger():
            assert [24_000_000, 60_000_000] == [m.after_micros for m in truth.movements]
            assert list(truth.movements) == movements(found[truth.customer])
