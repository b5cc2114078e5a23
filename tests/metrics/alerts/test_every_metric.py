"""What is declared of each metric is true of its figures, and alerts on it name who made it worse. All metrics, also those to come."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from metrics.alerts.content import content
from metrics.alerts.rules import Rule, Watch, faults
from metrics.movement_kinds import KINDS
from metrics.retention.figures import METRICS, Figures, Metric, metric
from tests.metrics.alerts.books import Nights, figures

JUNE = date(2025, 6, 1)
LOST, GREW = "cus_lost", "cus_grew"
STEP = 1_000_000
EVERY = pytest.mark.parametrize("declared", METRICS.values(), ids=lambda declared: declared.name)


def book() -> Figures:
    """A month in which some customers leave, some grow and some come: nothing of it is zero."""
    largest = [{"customer": f"cus_big_{n}", "opening": 5 * STEP, "closing": 5 * STEP} for n in range(10)]
    companions: dict[str, Any] = {
        "largest": largest,
        "lost": [{"customer": LOST, "opening": 9 * STEP, "closing": STEP}],
        "gained": [{"customer": GREW, "opening": STEP, "closing": 9 * STEP}],
        "causes": [],
        "lowest": 700 * STEP,
        "list": 1_200 * STEP,
        "at_risk": 20 * STEP,
        "scheduled": 30 * STEP,
        "usage": 40 * STEP,
        "trial_pipeline": 50 * STEP,
        "outside": 60 * STEP,
        "invoiced": 600 * STEP,
        **{f"flow_{kind}": 100 * STEP for kind in ("expansion", "contraction", "churn")},
    }
    made = figures("month", JUNE, nrr=110, grr=80, opening=1_000, customers=100, companions=companions)
    return replace(
        made, contraction=100 * STEP, churn=100 * STEP, new=60 * STEP, reactivation=60 * STEP, new_logos=6, returned_logos=6
    )


def moved(f: Figures, kind: str) -> Figures:
    """The same month with one movement more, which ends a customer's MRR if it is a churn."""
    sign = -1 if kind in ("churn", "contraction") else 1
    more = {f"flow_{kind}": f.companion(f"flow_{kind}") + STEP, "list": f.companion("list") + sign * STEP}
    if sign < 0:
        more["lowest"] = f.companion("lowest") - STEP
    f = replace(f, companions={**f.companions, **more}, closing=f.closing + sign * STEP)
    match kind:
        case "new":
            return replace(f, new=f.new + STEP, new_logos=f.new_logos + 1, closing_customers=f.closing_customers + 1)
        case "reactivation":
            return replace(
                f,
                reactivation=f.reactivation + STEP,
                returned_logos=f.returned_logos + 1,
                closing_customers=f.closing_customers + 1,
            )
    f = replace(f, closing_of_cohort=f.closing_of_cohort + sign * STEP, **{kind: getattr(f, kind) + STEP})
    if kind != "churn":
        return f
    return replace(
        f,
        retained_customers=f.retained_customers - 1,
        closing_customers=f.closing_customers - 1,
        lost_logos=f.lost_logos + 1,
    )


@EVERY
@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_is_moved_by_what_it_says(declared: Metric, kind: str) -> None:
    """A loss makes it worse and a gain better, if the metric says that such movements move it; others leave it as it is.

    Where a rise is bad news (contracted MRR), a loss raises it.
    """
    if declared.moved_by is None:
        return
    before, after = (Fraction(metric(f, declared.name) or 0) for f in (book(), moved(book(), kind)))
    better = after > before if declared.good == "high" else after < before
    worse = after < before if declared.good == "high" else after > before
    expected = (
        kind in declared.moved_by and kind in ("churn", "contraction"),
        kind in declared.moved_by and kind not in ("churn", "contraction"),
    )
    assert expected == (worse, better)


@EVERY
def test_a_message_of_what_went_wrong_names_who_lost(declared: Metric) -> None:
    """Make it worse, and the message names the customers that made it worse; never the one that grew."""
    value = Fraction(metric(book(), declared.name) or 0)
    side, limit = ("below", value + 1) if declared.good == "high" else ("above", value - 1)
    rule = Rule("watched", declared.name, "month", side, limit)  # type: ignore[arg-type]  # one of both sides
    nights = Nights(rule)
    nights.night(JUNE, [book()])
    [notice] = nights.said
    assert [LOST] == [each["customer"] for each in content(notice, Watch(rules=(rule,), system=()))["customers"]]


@EVERY
def test_a_metric_is_known_where_it_says(declared: Metric) -> None:
    """A rule on a day, or on a part of the book, is one that can be exactly where the metric is known of such."""
    of_a_day = Rule("r", declared.name, "day", "below", Fraction(1))
    of_a_plan = Rule("r", declared.name, "month", "below", Fraction(1), dimension="plan")
    assert (declared.daily, declared.by_segment) == (faults(of_a_day) == [], faults(of_a_plan) == [])
    bare = replace(book(), companions={})
    assert not declared.needs or metric(bare, declared.name) is None
