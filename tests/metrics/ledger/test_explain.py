"""Each movement in words: the changes under it, Stripe's objects under them, and the arithmetic."""

import json

from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from metrics.ledger.explain import WORDS, MovementWords, explain
from metrics.movement_kinds import CAUSES
from metrics.policy import preset
from metrics.timeline.timeline import Traced
from tests.metrics.groups import group
from tests.metrics.life import CATALOG, instant


def told(text: str, **choices: object) -> list[MovementWords]:
    """The movements of a life, in words."""
    deriver = Deriver({1: CATALOG}, Basis(preset("default", **choices)))
    customer = group("cus_1", text)
    traces: dict[str, list[Traced]] = {}
    ledger = deriver.derive(customer, instant("2026-01-01"), traces)
    return explain(customer, ledger, traces, deriver.pricers, deriver.basis.policy, deriver.basis.timezone)


def test_from_the_movement_to_the_arithmetic() -> None:
    """A discount that ends: the day, the amounts, the object that dates it, and the sum behind the new amount."""
    start, end = told("event 2025-01-01 id=evt_1 items=seat*3 discounts=half3:2025-01-01..2025-04-01")
    assert "2025-01-01: new of +15.00 USD a month (0.00 → 15.00): the subscription started" == start.words
    assert "10.00 USD × 3 ÷ 1 month − 50 % (coupon half3) = 15.00 USD a month" == start.changes[0].items[0].arithmetic
    assert "2025-04-01: expansion of +15.00 USD a month (15.00 → 30.00): a discount ended" == end.words
    (change,) = end.changes
    assert ("2025-04-01T00:00:00Z", "sub", 15_000_000, 30_000_000) == (
        change.at,
        change.subscription,
        change.before_micros,
        change.after_micros,
    )
    assert ("di_half3_2025-01-01",) == change.evidence
    assert "10.00 USD × 3 ÷ 1 month = 30.00 USD a month" == change.items[0].arithmetic


def test_several_changes_stay_visible_under_one_movement() -> None:
    """Two changes of one day are one movement with both underneath, in their order."""
    _, moved = told("event 2025-01-01 items=seat*5\nevent 2025-02-10T08:00 items=seat*9\nevent 2025-02-10T20:00 items=seat*7")
    assert (20_000_000, [(50_000_000, 90_000_000), (90_000_000, 70_000_000)]) == (
        moved.delta_micros,
        [(c.before_micros, c.after_micros) for c in moved.changes],
    )


def test_without_netting_each_movement_has_its_own_change() -> None:
    """Two movements of one day don't tell one another's story."""
    _, up, down = told(
        "event 2025-01-01 items=seat*5\nevent 2025-02-10T08:00 items=seat*9\nevent 2025-02-10T20:00 items=seat*7", netting=False
    )
    assert ([90_000_000], [70_000_000]) == ([c.after_micros for c in up.changes], [c.after_micros for c in down.changes])


def test_what_moves_no_mrr_has_a_name_of_its_own() -> None:
    """A failed payment, its payment, a request to cancel and its withdrawal stand under the next movement as what they are."""
    text = """
event 2025-01-01 items=seat*5
event 2025-02-01 status=past_due
event 2025-02-08 status=active
event 2025-03-01 cancel_at=2025-05-01 asked=2025-03-01
event 2025-03-08 cancel_at=none asked=none
event 2025-04-01 items=seat*7
"""
    _, rise = told(text)
    assert [
        "a payment failed: MRR counts on, at risk",
        "the open payment was made",
        "an end was scheduled: MRR counts until then",
        "the scheduled end was withdrawn",
        "the quantity was changed",
    ] == [change.words for change in rise.changes]
    assert [0, 0, 0, 0, 20_000_000] == [change.after_micros - change.before_micros for change in rise.changes]


def test_a_change_of_mrr_comes_before_a_change_of_risk() -> None:
    """Of one moment: what changed MRR names it."""
    _, rise = told("event 2025-01-01 items=seat*5\nevent 2025-02-01 status=past_due items=seat*7")
    assert ["the quantity was changed"] == [change.words for change in rise.changes]


def test_what_stripe_says_of_an_end() -> None:
    """Reason and feedback are in the words of the change."""
    ended = "status=canceled ended=2025-02-10 reason=cancellation_requested feedback=too_expensive"
    _, gone = told(f"event 2025-01-01 items=pro\nevent 2025-02-10 {ended}")
    said = "the customer canceled (Stripe's reason: cancellation_requested, the customer's feedback: too_expensive)"
    assert said == gone.changes[0].words
    _, lost = told("event 2025-01-01 items=pro\nevent 2025-02-10 status=canceled ended=2025-02-10 reason=payment_failed")
    assert "the subscription ended because it wasn't paid (Stripe's reason: payment_failed)" == lost.changes[0].words


def test_what_is_inferred_says_so() -> None:
    """A change without a trace of its own: in the movement's words, and why in the change's."""
    text = """
listed 2025-06-01 start=2025-01-01 items=seat*4
invoice 2025-01-01 reason=subscription_create line=seat*1@si_sub:2025-01-01..2025-02-01
invoice 2025-02-01 line=seat*4@si_sub:2025-02-01..2025-03-01
"""
    _, rise = told(text)
    assert rise.words.endswith("; part of it is inferred, since it left no dated trace")
    assert (
        "the quantity was changed (changed without a proration within the cycle before: dated at the cycle's start)"
        == rise.changes[0].words
    )


def test_a_currency_switch_starts_from_nothing_in_the_new_currency() -> None:
    """Euros are not compared with the dollars before."""
    moved = told("event 2025-01-01 items=pro\nevent 2025-02-01 currency=eur items=eur")
    (euros,) = [m for m in moved if m.currency == "eur"]
    assert [(0, 40_000_000)] == [(c.before_micros, c.after_micros) for c in euros.changes]


def test_one_currency_does_not_hide_the_changes_of_another() -> None:
    """A swap held by the grace tells both its changes, though the other currency moved in between."""
    text = """
event 2025-01-01 sub=a items=pro
event 2025-01-01 sub=b currency=eur items=eur
event 2025-02-01 sub=a items=seat*5
event 2025-02-02 sub=b currency=eur items=eur*2
event 2025-02-03 sub=a items=team
"""
    last = [m for m in told(text) if m.currency == "usd"][-1]
    assert ["2025-02-01T00:00:00Z", "2025-02-03T00:00:00Z"] == [c.at for c in last.changes]


def test_as_json() -> None:
    """Plain values all the way down."""
    start = told("event 2025-01-01 items=pro")[0]
    back = json.loads(json.dumps(start.as_json()))
    assert ("new", 50_000_000, "sub") == (back["kind"], back["after_micros"], back["changes"][0]["subscription"])


def test_every_cause_has_its_words() -> None:
    """No cause is shown by its bare name."""
    assert set(CAUSES) == set(WORDS)
