"""The bridge between two policies names the customers and the rule behind each difference, and adds up exactly."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import CustomerEvidence, CustomerGroup, Instant
from metrics.ledger.basis import Basis, InternalRule
from metrics.ledger.derive import Deriver
from metrics.ledger.policy_bridge import SAME_MRR, Incomparable, compare, standing, switched
from metrics.policy import PRESETS, preset
from tests.examples import so_many
from tests.metrics.groups import group
from tests.metrics.life import CATALOG, instant
from tests.oracle import catalog
from tests.oracle.histories import Case, cases

NOW = instant("2025-06-01")


BOOK = [
    group("plain", "event 2025-01-01 items=pro", kind="own"),
    group("half", "event 2025-03-01 items=team discounts=half3:2025-03-01..2025-06-01"),
    group("asked", "event 2025-01-01 items=pro\nevent 2025-02-10 cancel_at=2025-12-31 asked=2025-02-10"),
    group(
        "both",
        "event 2025-03-01 items=pro discounts=half3:2025-03-01..2025-06-01\nevent 2025-03-20 cancel_at=2025-12-31 asked=2025-03-20",
    ),
    group("euro", "event 2025-01-01 currency=eur items=eur"),
]
DEFAULT, STRIPE = Basis(PRESETS["default"]), Basis(PRESETS["stripe"])


def test_each_difference_names_its_rule() -> None:
    """On 1 April `stripe` shows half at full price (+40) and asked gone (−50); both rises by 25 for its coupon, then loses 50."""
    bridge = compare(BOOK, {1: CATALOG}, DEFAULT, STRIPE, date(2025, 4, 1), NOW)
    assert ("default", "stripe", ["discounts", "churn_at", "grace_days"]) == (
        bridge.ours,
        bridge.theirs,
        [rule.choice for rule in bridge.rules],
    )
    found = {d.customer: (d.ours_micros, d.theirs_micros, d.shares) for d in bridge.differences}
    assert {
        "half": (40_000_000, 80_000_000, (("discounts", 40_000_000),)),
        "asked": (50_000_000, 0, (("churn_at", -50_000_000),)),
        "both": (25_000_000, 0, (("discounts", 25_000_000), ("churn_at", -50_000_000))),
    } == found


def test_totals_and_shares() -> None:
    """165 USD under `default`, 130 under `stripe`: +65 by discounts, −100 by churn at the request. Euros agree."""
    bridge = compare(BOOK, {1: CATALOG}, DEFAULT, STRIPE, date(2025, 4, 1), NOW)
    totals = [(t.currency, t.ours_micros, t.theirs_micros, t.customers) for t in bridge.totals]
    assert [("eur", 40_000_000, 40_000_000, 0), ("usd", 165_000_000, 130_000_000, 3)] == totals
    shares = [(s.rule.choice, s.rule.ours, s.rule.theirs, s.currency, s.delta_micros, s.customers) for s in bridge.shares]
    assert [
        ("discounts", "forever_repeating", "forever", "usd", 65_000_000, 2),
        ("churn_at", "end", "request", "usd", -100_000_000, 2),
    ] == shares


def test_the_largest_difference_comes_first() -> None:
    """Ties go by the customer's name."""
    bridge = compare(BOOK, {1: CATALOG}, DEFAULT, STRIPE, date(2025, 4, 1), NOW)
    assert ["asked", "half", "both"] == [d.customer for d in bridge.differences]


def test_a_policy_against_itself_is_an_empty_bridge() -> None:
    """Nothing differs, and the totals are those of the book."""
    bridge = compare(BOOK, {1: CATALOG}, DEFAULT, DEFAULT, date(2025, 4, 1), NOW)
    assert ((), (), ()) == (bridge.rules, bridge.shares, bridge.differences)
    assert [165_000_000] == [t.ours_micros for t in bridge.totals if t.currency == "usd"]


def test_choices_that_name_movements_are_no_rungs() -> None:
    """How a return is called, or GRR is reckoned, moves nobody's MRR."""
    theirs = Basis(preset("default", reactivation="in_new", grr_by="running_minimum", reactivation_in_net_flow=True))
    assert ((), [DEFAULT]) == switched(DEFAULT, theirs)
    assert {"reactivation", "reactivation_days", "reactivation_in_net_flow", "grr_by", "name"} == SAME_MRR


def test_what_lies_around_the_policy_is_a_rule_too() -> None:
    """Who is internal, say: leaving `plain` out is −50, and named as such."""
    theirs = replace(DEFAULT, internal=(InternalRule("kind", ("own",)),))
    bridge = compare(BOOK, {1: CATALOG}, DEFAULT, theirs, date(2025, 4, 1), NOW)
    assert [("plain", (("internal", -50_000_000),))] == [(d.customer, d.shares) for d in bridge.differences]


def test_customers_merged_differently_cannot_be_compared() -> None:
    """Both sides must mean the same by a customer."""
    with pytest.raises(Incomparable, match="'org' on the other"):
        compare(BOOK, {1: CATALOG}, DEFAULT, replace(DEFAULT, merge_key="org"), date(2025, 4, 1), NOW)


@so_many(40)
@given(
    st.lists(cases(customer_discounts=True), min_size=1, max_size=3),
    st.sampled_from(sorted(PRESETS)),
    st.sampled_from(sorted(PRESETS)),
    st.integers(20, 150),
)
def test_a_bridge_adds_up(lives: list[Case], ours: str, theirs: str, days: int) -> None:
    """For each customer, each currency and in total, and its ends are what each policy shows by itself."""
    book = [
        CustomerGroup(f"c{n}", (CustomerEvidence(1, f"c{n}", case.customer_states, case.evidence),)) for n, case in enumerate(lives)
    ]
    catalogs = {1: catalog.CATALOG}
    day = date.fromordinal(date(2025, 1, 1).toordinal() + days)
    a, b, now = Basis(PRESETS[ours]), Basis(PRESETS[theirs]), Instant(catalog.NOW)
    bridge = compare(book, catalogs, a, b, day, now)
    for basis, side in ((a, "ours_micros"), (b, "theirs_micros")):
        alone: dict[str, int] = {}
        for customer in book:
            for currency, micros in standing(Deriver(catalogs, basis).derive(customer, now), day).items():
                alone[currency] = alone.get(currency, 0) + micros
        assert alone == {t.currency: getattr(t, side) for t in bridge.totals if getattr(t, side)}
    for d in bridge.differences:
        assert d.delta_micros == sum(micros for _, micros in d.shares) != 0
    for t in bridge.totals:
        assert t.theirs_micros == t.ours_micros + sum(s.delta_micros for s in bridge.shares if s.currency == t.currency)
        assert t.customers == sum(1 for d in bridge.differences if d.currency == t.currency)
