"""The engine against a naive mind, and against its own invariants, over random lives.

NRR_HISTORIES sets how many lives the comparison tries; the default is what a change has to pass. The invariants try a part of that
each. Nothing here says what a figure should be: that is said by `naive`, by the truth of a life, or by the engine asked differently.
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.vendor.pretty import pretty

from metrics.entries import CustomerLedger, Movement
from metrics.evidence import CustomerState, Instant, InvoiceEvidence, Item, Subscription, SubscriptionEvidence, Tier
from metrics.ledger.movements import fold
from metrics.periods import closing
from metrics.policy import DEFAULT, PRESETS, Policy, preset
from metrics.pricing.catalog import Catalog
from metrics.timeline.timeline import build
from tests.examples import HISTORIES
from tests.oracle.catalog import CATALOG, DAY, DAYS, NOW
from tests.oracle.histories import Case, cases
from tests.oracle.naive import Amounts, Moved, closings, movements

FIRST = date(2025, 1, 1)
UNTIL = FIRST + timedelta(days=DAYS + 1)
HORIZON = UNTIL + timedelta(days=8)
"""Nothing is told after NOW, but a day in the west closes later, a grace looks ahead, and a discount ends by itself."""
LATER = Instant(NOW + 11 * DAY)
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Pacific/Auckland")
CHOICES: list[dict[str, object]] = [
    {},
    {"discounts": "none"},
    {"discounts": "forever"},
    {"discounts": "all"},
    {"churn_at": "request"},
    {"churn_at": "paid_period_end"},
    {"past_due_out_after_days": 0},
    {"past_due_out_after_days": 3},
    {"paused_counts": True},
    {"grace_days": 0},
    {"grace_days": 7},
    {"same_month_left_out": True, "grace_days": 0},
    {"weeks": "4"},
    {"metered": True},
    {"reactivation": "in_new"},
    {"reactivation": "within_days", "reactivation_days": 20},
    {"start_at_booking": True},
]
POLICIES = [*(preset("default", **choices) for choices in CHOICES), *(p for p in PRESETS.values() if p != DEFAULT)]

policies = st.sampled_from(POLICIES)
everything = cases(customer_discounts=True, lacking=True, fractions=True)


def many(part: int = 1) -> settings:
    """One part in so many of the histories."""
    return settings(max_examples=max(1, HISTORIES // part), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ledger(
    case: Case, policy: Policy, timezone: str = "UTC", *, catalog: Catalog = CATALOG, now: Instant = LATER
) -> CustomerLedger:
    """What the engine makes of a case."""
    timelines = [build(e, catalog, policy, customer_states=case.customer_states, now=now) for e in case.evidence]
    return fold("cus", timelines, policy, timezone)


def told(movements: tuple[Movement, ...]) -> list[Moved]:
    """The engine's movements in the naive mind's words."""
    found = [
        Moved(m.day, m.currency, m.kind, m.before_micros, m.after_micros, m.list_before_micros, m.list_after_micros)
        for m in movements
        if m.day < UNTIL
    ]
    return sorted(found, key=lambda m: (m.day, m.currency))


def naive(case: Case, policy: Policy, timezone: str = "UTC") -> dict[date, Amounts]:
    """The naive mind's closings."""
    found = closings(
        list(case.evidence), CATALOG, policy, states=case.customer_states, timezone=timezone, first=FIRST, until=HORIZON
    )
    return {day: amounts for day, amounts in found.items() if day < UNTIL}


@many()
@given(everything, policies, st.sampled_from(ZONES))
def test_the_engine_agrees_with_a_naive_mind(case: Case, policy: Policy, timezone: str) -> None:
    """Whatever of a life is known, and under whatever policy: the same movements, to the micro."""
    assert movements(naive(case, policy, timezone), policy) == told(ledger(case, policy, timezone).movements)


@settings(max_examples=20, deadline=None)
@given(everything)
def test_a_case_that_fails_can_be_read(case: Case) -> None:
    """Hypothesis shows it as it tells itself, and not field by field, of which it would say no more than that it is too much."""
    assert repr(case) == pretty(case)


@many(4)
@given(everything, policies)
def test_every_day_adds_up(case: Case, policy: Policy) -> None:
    """Opening + movements = closing for the customer, each currency and every day, and every standing says the same as they do.

    The kinds are those of the table: what rose is new, a reactivation or an expansion, what fell a contraction or a churn.
    """
    found = ledger(case, policy)
    running: dict[str, tuple[int, int]] = {}
    days = sorted({m.day for m in found.movements} | {s.day for s in found.standings})
    for day in days:
        for m in (m for m in found.movements if m.day == day):
            assert (running.get(m.currency, (0, 0))[0], m.before_micros) == (m.before_micros, m.after_micros - m.delta_micros)
            assert (m.delta_micros > 0) == (m.kind in ("new", "reactivation", "expansion")), m
            assert (m.kind == "churn") <= (m.after_micros == 0)
            running[m.currency] = m.after_micros, m.list_after_micros
        for s in (s for s in found.standings if s.day == day):
            assert running.get(s.currency, (0, 0))[0] == s.net_micros
            assert 0 <= s.net_micros <= s.list_micros
            assert max(s.at_risk_micros, s.scheduled_micros) <= s.net_micros
            running[s.currency] = s.net_micros, s.list_micros


@many(4)
@given(everything, policies, st.randoms(use_true_random=False))
def test_order_repetition_and_paging_change_nothing(case: Case, policy: Policy, random: Random) -> None:
    """Facts may come in any order, any number of times, and an invoice's lines a page at a time."""

    def shaken(e: SubscriptionEvidence) -> SubscriptionEvidence:
        states = [*e.states, *random.choices(e.states, k=3)] if e.states else []
        invoices = list(e.invoices)
        random.shuffle(states)
        random.shuffle(invoices)
        return replace(e, states=tuple(states), invoices=tuple(invoices))

    members = [shaken(e) for e in case.evidence]
    customer_states: list[CustomerState] = [*case.customer_states, *case.customer_states]
    random.shuffle(customer_states)
    again = Case(case.lives, tuple(members), tuple(customer_states))
    assert ledger(case, policy) == ledger(again, policy)


@many(4)
@given(everything, policies, st.integers(20, DAYS), st.sampled_from(ZONES))
def test_another_now_never_changes_a_complete_past(case: Case, policy: Policy, day: int, timezone: str) -> None:
    """Asked at any later moment of the same facts, what closed more than the grace before the earlier one is the same.

    A stay that ends within its month is known to be one only then, so under that rule the month itself is open as well.
    """
    asked = FIRST + timedelta(days=day)
    complete = asked - timedelta(days=policy.grace_days)
    if policy.same_month_left_out:
        complete = complete.replace(day=1) - timedelta(days=1)
    early, late = ledger(case, policy, timezone, now=closing(asked, timezone)), ledger(case, policy, timezone)

    def past(found: CustomerLedger) -> tuple[object, ...]:
        return [m for m in found.movements if m.day <= complete], [s for s in found.standings if s.day <= complete]

    assert past(late) == past(early)


@many(8)
@given(everything, policies, st.integers(2, 5))
def test_scaling_all_prices_scales_all_figures(case: Case, policy: Policy, factor: int) -> None:
    """Three times the prices, amounts off and billed usage are three times the MRR, but for each item's one rounding."""
    scaled = scaled_catalog(CATALOG, factor)
    dearer = Case(case.lives, tuple(scaled_evidence(e, factor) for e in case.evidence), case.customer_states)
    small, large = ledger(case, policy), ledger(dearer, policy, catalog=scaled)
    items = 1 + max((len(s.items) for t in large.timelines for s in t.steps), default=0) * len(large.timelines)
    ours = {(s.day, s.currency): s for s in small.standings}
    theirs = {(s.day, s.currency): s for s in large.standings}
    assert ours.keys() <= theirs.keys()
    for key, s in ours.items():
        assert abs(theirs[key].net_micros - factor * s.net_micros) <= factor * items
        assert abs(theirs[key].list_micros - factor * s.list_micros) <= factor * items


@many(8)
@given(cases(ways=("events", "mixed")), st.sampled_from([p for p in POLICIES if not p.metered]))
def test_two_items_of_half_the_quantity_are_worth_the_same(case: Case, policy: Policy) -> None:
    """Where the price is per unit, one item of 2n and two of n come to the same MRR, but for the second item's one rounding."""
    whole, halves = Case((), tuple(map(doubled, case.evidence))), Case((), tuple(map(split, case.evidence)))
    a, b = ledger(whole, policy), ledger(halves, policy)
    items = 1 + 2 * max((len(s.items) for t in b.timelines for s in t.steps), default=0) * len(b.timelines)
    ours, theirs = {(m.day, m.currency): m for m in a.movements}, {(m.day, m.currency): m for m in b.movements}
    for key in ours.keys() | theirs.keys():
        one, two = ours.get(key), theirs.get(key)
        if one is None or two is None:  # what moved by less than a rounding
            assert abs((one or two).delta_micros) <= items  # type: ignore[union-attr]  # one of them is there
        else:
            assert abs(one.after_micros - two.after_micros) <= items


def scaled_catalog(catalog: Catalog, factor: int) -> Catalog:
    """Everything at so many times its price."""

    def times(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else amount * factor

    def tiers(steps: tuple[Tier, ...] | None) -> tuple[Tier, ...] | None:
        return None if steps is None else tuple(replace(t, unit=times(t.unit), flat=times(t.flat)) for t in steps)

    prices = {
        name: replace(
            p,
            unit=times(p.unit),
            tiers=tiers(p.tiers),
            options=tuple(replace(o, unit=times(o.unit), tiers=tiers(o.tiers)) for o in p.options),
        )
        for name, p in catalog.prices.items()
    }
    coupons = {
        name: replace(
            c,
            amount_off=None if c.amount_off is None else c.amount_off * factor,
            amount_options=tuple((code, amount * factor) for code, amount in c.amount_options),
        )
        for name, c in catalog.coupons.items()
    }
    return Catalog(prices, coupons, catalog.products)


def scaled_evidence(e: SubscriptionEvidence, factor: int) -> SubscriptionEvidence:
    """The same evidence with invoices of so many times the amount."""

    def scaled(i: InvoiceEvidence) -> InvoiceEvidence:
        return replace(i, lines=tuple(replace(x, amount=x.amount * factor) for x in i.lines))

    return replace(e, invoices=tuple(map(scaled, e.invoices)))


def doubled(e: SubscriptionEvidence) -> SubscriptionEvidence:
    """Every per-unit item has twice its quantity; no invoices, which would have to be told anew."""
    return _each(
        e, lambda item: (replace(item, quantity=2 * item.quantity),) if halvable(item) and item.quantity is not None else (item,)
    )


def split(e: SubscriptionEvidence) -> SubscriptionEvidence:
    """Every per-unit item is there twice."""
    return _each(e, lambda item: (item, replace(item, id=f"{item.id}_b")) if halvable(item) else (item,))


def halvable(item: Item) -> bool:
    """Whether the item is priced per unit."""
    price = CATALOG.prices[item.price or ""]
    return price.scheme == "per_unit" and price.usage == "licensed"


def _each(e: SubscriptionEvidence, change: object) -> SubscriptionEvidence:
    def changed(s: Subscription) -> Subscription:
        return replace(s, items=tuple(new for item in s.items for new in change(item)))  # type: ignore[operator]  # one of the two above

    return replace(e, states=tuple(replace(x, subscription=changed(x.subscription)) for x in e.states), invoices=())
