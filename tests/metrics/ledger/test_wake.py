"""A ledger says when to look again: until then the same evidence gives the same ledger, whatever the clock says."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from metrics.entries import CustomerLedger
from metrics.evidence import Instant
from metrics.ledger.movements import fold
from metrics.policy import Policy, preset
from metrics.timeline.timeline import build
from tests.examples import so_many
from tests.metrics.life import Life, instant, told_text
from tests.oracle.catalog import BEGIN, CATALOG, DAY
from tests.oracle.histories import Case, cases

FAR = instant("2045-01-01")


def ledger(text: str, now: str, **choices: object) -> CustomerLedger:
    """The ledger of a life told in words, as of a moment."""
    life: Life = told_text("## A life\n" + text)[0]
    return replace(life, now=instant(now), policy=preset("default", **choices)).ledger()


def test_nothing_dated_is_nothing_to_wait_for() -> None:
    """A plain subscription changes only by new facts."""
    assert ledger("event 2025-01-01 items=pro", "2025-02-01").wake is None


def test_a_discount_wakes_at_its_end() -> None:
    """And no more, once it is over; one that is yet to begin wakes at its start."""
    text = "event 2025-01-01 items=pro discounts=half3:2025-01-01..2025-04-01"
    assert instant("2025-04-01") == ledger(text, "2025-02-01").wake
    assert ledger(text, "2025-04-01").wake is None
    assert instant("2025-03-01") == ledger("event 2025-01-01 items=pro discounts=ten:2025-03-01..", "2025-02-01").wake


def test_the_earliest_of_several_subscriptions_counts() -> None:
    """A customer is looked at again for the first of its subscriptions."""
    text = """
event 2025-01-01 sub=one items=pro discounts=half3:2025-01-01..2025-04-01
event 2025-01-01 sub=two items=pro discounts=ten:2025-01-01..2025-03-01
"""
    assert instant("2025-03-01") == ledger(text, "2025-02-01").wake
    assert instant("2025-04-01") == ledger(text, "2025-03-01").wake


def test_past_due_wakes_when_it_has_lasted_too_long() -> None:
    """Only where the policy sets a limit."""
    text = "event 2025-01-01 items=pro\nevent 2025-02-01 status=past_due"
    assert instant("2025-02-15") == ledger(text, "2025-02-03", past_due_out_after_days=14).wake
    assert ledger(text, "2025-02-03").wake is None


def test_an_end_booked_later_wakes_when_it_comes() -> None:
    """Canceled at once, paid until May: churn is due in May."""
    text = """
event 2025-01-01 items=quarter
invoice 2025-02-01 line=quarter@si_sub:2025-02-01..2025-05-01
event 2025-02-10 status=canceled ended=2025-02-10 asked=2025-02-10
"""
    early = ledger(text, "2025-02-11", churn_at="paid_period_end")
    assert (["new"], instant("2025-05-01")) == ([m.kind for m in early.movements], early.wake)
    late = ledger(text, "2025-05-01", churn_at="paid_period_end")
    assert (["new", "churn"], None) == ([m.kind for m in late.movements], late.wake)


def test_a_fact_ahead_of_the_clock_wakes_too() -> None:
    """A server's clock may lag behind Stripe's: what is not yet true is looked at when it is."""
    assert instant("2025-03-01") == ledger("event 2025-01-01 items=pro\nevent 2025-03-01 items=team", "2025-02-01").wake


@so_many(150)
@given(
    cases(customer_discounts=True),
    st.integers(10, 150),
    st.sampled_from(
        [
            {},
            {"discounts": "all"},
            {"past_due_out_after_days": 3},
            {"churn_at": "paid_period_end", "grace_days": 0, "same_month_left_out": True},
            {"metered": True},
        ]
    ),
)
def test_nothing_happens_before_the_wake(case: Case, day: int, choices: dict[str, object]) -> None:
    """One second before it everything is as it was, and it is still the same wake."""

    policy: Policy = preset("default", **choices)

    def at(now: Instant) -> CustomerLedger:
        timelines = [build(e, CATALOG, policy, customer_states=case.customer_states, now=now) for e in case.evidence]
        return fold("cus", timelines, policy, "UTC")

    asleep = at(Instant(BEGIN + day * DAY + 5))
    assert asleep == at(Instant((FAR if asleep.wake is None else asleep.wake) - 1))
