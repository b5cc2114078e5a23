"""Changes that nothing dates exactly: a verdict that could rest on them alone isn't given, unless a rule wants them counted."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from metrics.alerts.certainty_words import verdict_in_short
from metrics.alerts.evaluate import Shelf, readings
from metrics.alerts.inferred import InferredDay, InferredParts
from metrics.alerts.rules import Change, Rule
from metrics.retention.figures import Figures

MICROS = 1_000_000


def _month(number: int, churn: int, *, expansion: int = 0) -> Figures:
    """A month of 100 customers at 1 USD each of which so many leave."""
    return Figures(
        "p",
        "month",
        date(2026, number, 1),
        date(2026, number + 1, 1),
        "",
        "",
        "all:usd",
        opening=100 * MICROS,
        expansion=expansion * MICROS,
        churn=churn * MICROS,
        closing_of_cohort=(100 - churn + expansion) * MICROS,
        opening_customers=100,
        retained_customers=100 - churn,
    )


def _inferred(day: date, micros: int, kind: str = "churn") -> InferredParts:
    return InferredParts([InferredDay(day, "all:usd", kind, micros * MICROS, micros)])


LOW = Rule("low", "grr", "month", "below", Fraction(90, 100))


@pytest.mark.parametrize(
    ("inferred", "verdict", "why"),
    [
        (InferredParts(), "bad", None),
        (_inferred(date(2026, 5, 12), 3), "bad", None),  # without them GRR is 88 %: below the limit all the same
        (_inferred(date(2026, 5, 12), 6), "note", "inferred"),
        (_inferred(date(2026, 4, 12), 6), "bad", None),  # of another month
        (_inferred(date(2026, 5, 12), 6, "expansion"), "bad", None),  # moves no GRR
    ],
)
def test_a_verdict_that_could_rest_on_them_is_not_given(inferred: InferredParts, verdict: str, why: str | None) -> None:
    """GRR of 85 % under a limit of 90 %: with 6 of the 15 lost left out it would be 91 %."""
    (found,) = readings(LOW, Shelf([_month(5, 15)]), inferred)
    assert (verdict, why) == (found.verdict, found.why)
    assert Fraction(85, 100) == found.value


def test_a_rule_says_what_is_done_with_them() -> None:
    """`count`: as any other change. `leave_out`: the rule looks at 91 %."""
    inferred = _inferred(date(2026, 5, 12), 6)
    (counted,) = readings(replace(LOW, inferred="count"), Shelf([_month(5, 15)]), inferred)
    (left_out,) = readings(replace(LOW, inferred="leave_out"), Shelf([_month(5, 15)]), inferred)
    assert ("bad", Fraction(85, 100)) == (counted.verdict, counted.value)
    assert ("good", Fraction(91, 100)) == (left_out.verdict, left_out.value)


def test_what_is_compared_with_counts_too() -> None:
    """A fall from April to May that would be none, had April's inferred gains not been."""
    rule = Rule("fall", "nrr", "month", "below", Fraction(-5, 100), Change("previous"))
    shelf = Shelf([_month(4, 0, expansion=8), _month(5, 1)])
    assert ["bad"] == [r.verdict for r in readings(rule, shelf)]
    assert ["note"] == [r.verdict for r in readings(rule, shelf, _inferred(date(2026, 4, 3), 8, "expansion"))]
    logos = InferredParts([InferredDay(date(2026, 5, 2), "all:usd", "churn", 15 * MICROS, 15)]).without(_month(5, 15))
    assert (100, 100 * MICROS) == (logos.retained_customers, logos.closing_of_cohort)


def test_a_note_that_could_rest_on_inferred_changes_is_not_called_noise() -> None:
    """In a list and in a digest too, however certain its figures are."""
    shown = {"certainty": "within_noise", "why": "inferred"}
    assert "could rest on inferred changes" == verdict_in_short(shown)
    assert ["within noise", "too few to tell", ""] == [
        verdict_in_short(each) for each in ({**shown, "why": None}, {"certainty": "too_few"}, {})
    ]
