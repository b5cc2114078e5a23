"""Intervals, effective customers and verdicts: the formulas of the definitions, worked out again from the customers' own rows."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import isclose, sqrt
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.retention.analysis.certainty import (
    FEWEST,
    NOT_SUMMED,
    TOO_FEW,
    against,
    certainty,
    effective_customers,
    interval,
    moved_by,
    standard_error,
    why_no_interval,
    wilson,
)
from metrics.retention.figures import OPENING_ZERO, Figures

Z90 = NormalDist().inv_cdf(0.95)


def of(pairs: Sequence[tuple[int, int]], *, summed: bool = True) -> Figures:
    """The figures of a cohort of (opening, end) pairs, in micros."""
    return Figures(
        "v",
        "month",
        date(2026, 1, 1),
        date(2026, 2, 1),
        "",
        "",
        "usd",
        opening=sum(a for a, _ in pairs),
        closing_of_cohort=sum(b for _, b in pairs),
        expansion=sum(b - a for a, b in pairs if b > a),
        contraction=sum(a - b for a, b in pairs if 0 < b < a),
        churn=sum(a for a, b in pairs if b == 0),
        opening_customers=len(pairs),
        retained_customers=sum(1 for _, b in pairs if b),
        reason=None if pairs else OPENING_ZERO,
        opening_squared=sum(a * a for a, _ in pairs) if summed else None,
        opening_by_end=sum(a * b for a, b in pairs) if summed else None,
        end_squared=sum(b * b for _, b in pairs) if summed else None,
    )


cohorts = st.lists(st.tuples(st.integers(1, 10**13), st.one_of(st.just(0), st.integers(0, 10**13))), min_size=12, max_size=60)


@given(cohorts)
def test_nrr_by_the_residuals_of_each_customer(pairs: list[tuple[int, int]]) -> None:
    """k · Σ(b − R·a)² ÷ (Σa)² is the variance: the three sums give what a loop over customers gives."""
    figures = of(pairs)
    total = sum(a for a, _ in pairs)
    size = total**2 / sum(a * a for a, _ in pairs)
    assert isclose(size, float(effective_customers(figures) or 0), rel_tol=1e-12)
    bounds = interval(figures, "nrr")
    if size < FEWEST:
        assert bounds is None
        assert TOO_FEW == why_no_interval(figures, "nrr")
        return
    rate = sum(b for _, b in pairs) / total
    half = Z90 * sqrt(size / (size - 2) * sum((b - rate * a) ** 2 for a, b in pairs)) / total
    assert bounds is not None
    assert isclose(max(rate - half, 0), float(bounds.low), abs_tol=2e-6, rel_tol=1e-6)
    assert isclose(rate + half, float(bounds.high), abs_tol=2e-6, rel_tol=1e-6)


def _by_scipy(kept: int, size: int) -> Any:
    """The interval of a share as scipy has it, which takes two seconds to import: for who asks alone."""
    from scipy.stats import binomtest

    return binomtest(kept, size).proportion_ci(0.9, method="wilson")


@given(st.integers(1, 500), st.data())
def test_wilson_is_scipys(size: int, data: st.DataObject) -> None:
    """A share of a whole number of customers has the interval that scipy gives it."""
    kept = data.draw(st.integers(0, size))
    told = _by_scipy(kept, size)
    low, high = wilson(Fraction(kept, size), Fraction(size))
    assert isclose(float(told.low), float(low), abs_tol=1e-8)
    assert isclose(float(told.high), float(high), abs_tol=1e-8)


def test_logos_count_heads_and_money_counts_weights() -> None:
    """100 customers of whom one pays half weigh like few: the money's interval is wide or none, that of logos as ever."""
    pairs = [(99 * 10**6, 99 * 10**6)] + [(10**6, 10**6)] * 99
    figures = of(pairs)
    size = effective_customers(figures)
    assert size is not None
    assert Fraction(198**2, 99**2 + 99) == size
    assert interval(figures, "grr") is None
    logos = interval(figures, "logo_retention")
    told = _by_scipy(100, 100)
    assert logos is not None
    assert f"{told.low:.6f}" == f"{logos.low:.6f}"


def test_equal_customers_weigh_what_they_are() -> None:
    """A book of equal customers has as many effective ones as it has, and its GRR the interval of its logos."""
    figures = of([(5 * 10**6, 5 * 10**6)] * 90 + [(5 * 10**6, 0)] * 10)
    assert Fraction(100) == effective_customers(figures)
    assert interval(figures, "logo_retention") == interval(figures, "grr") == interval(figures, "churn_only_retention")


def test_churn_is_as_sure_as_what_stays() -> None:
    """A churn rate is 1 less a retention: the bounds change places."""
    figures = of([(10**6, 10**6)] * 95 + [(10**6, 0)] * 5)
    stays, leaves = interval(figures, "logo_retention"), interval(figures, "customer_churn_rate")
    assert stays is not None
    assert leaves is not None
    assert (1 - stays.high, 1 - stays.low) == (leaves.low, leaves.high)


@pytest.mark.parametrize(("customers", "verdict"), [(9, "too_few"), (60, "within_noise"), (4000, "beyond_noise")])
def test_below_a_limit_beyond_noise_or_not(customers: int, verdict: str) -> None:
    """98 % against a limit of 100 %: noise for 60 customers, none for 4,000, and nothing can be said of nine."""
    sizes = [(10**6, 10**6)] * customers
    lost = max(customers // 50, 1)
    sizes[:lost] = [(10**6, 0)] * lost
    assert verdict == against(of(sizes), "nrr", Fraction(1))


def test_a_change_is_judged_by_both_windows() -> None:
    """A fall from 97 to 93 % is noise in a book of 100 and none in one of 3,000; a rise is judged the same way."""
    for customers, verdict in ((100, "within_noise"), (3000, "beyond_noise")):
        before = of([(10**6, 10**6)] * (customers * 97 // 100) + [(10**6, 0)] * (customers * 3 // 100))
        after = of([(10**6, 10**6)] * (customers * 93 // 100) + [(10**6, 0)] * (customers * 7 // 100))
        for rate in ("grr", "nrr", "logo_retention"):
            assert verdict == moved_by(before, after, rate)
            assert verdict == moved_by(after, before, rate, rise=True)
            assert "within_noise" == moved_by(after, before, rate)
        errors = standard_error(before, "logo_retention"), standard_error(after, "logo_retention")
        assert None not in errors


def test_what_has_no_interval_says_why() -> None:
    """No cohort, too few, or figures older than the sums: never an interval of nothing."""
    assert OPENING_ZERO == why_no_interval(of([]), "nrr")
    assert TOO_FEW == why_no_interval(of([(10**6, 10**6)] * 9), "logo_retention")
    assert NOT_SUMMED == why_no_interval(of([(10**6, 10**6)] * 50, summed=False), "nrr")
    with pytest.raises(KeyError):
        why_no_interval(of([]), "quick_ratio")


def test_what_is_shown_beside_the_rates() -> None:
    """Every bound as a decimal text, the weight of the book to a tenth, and the level."""
    shown = certainty(of([(10**6, 10**6)] * 95 + [(10**6, 0)] * 5))
    assert ("100.0", 90) == (shown["effective_customers"], shown["level"])
    assert "0.913" == str(shown["nrr_low"])[:5]
    assert None is certainty(of([]))["grr_low"]
