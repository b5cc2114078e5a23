"""Rules that ask for certainty: what may be chance is noted, what is beyond chance rings, and every message says which it is."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from metrics.alerts.content import content
from metrics.alerts.rules import DEFAULT_RULES, Change, Rule, faults
from metrics.periods import add_months
from metrics.retention.analysis.certainty import moved_by, shifted
from metrics.retention.figures import Figures
from tests.metrics.alerts.books import Nights, figures

SURE = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), certainty=95)
MEASURED = replace(SURE, name="measured", certainty=0)
MAY, JUNE, JULY = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)


def book(
    nrr: int, until: date = JUNE, *, customers: int = 100, like: int | None = None, kind: str = "trailing_12", version: int = 1
) -> Figures:
    """A book that lost by churn alone, of customers of one size; or one that weighs `like` fewer."""
    made = figures(kind, until, nrr=nrr, customers=customers, version=version)
    each = made.opening // (like or customers)
    lost = customers - customers * nrr // 100
    return replace(
        made,
        retained_customers=customers - lost,
        opening_squared=made.opening * each,
        opening_by_end=made.closing_of_cohort * each,
        end_squared=made.closing_of_cohort * each,
    )


def test_what_may_be_chance_is_a_note_and_rings_once_it_is_not() -> None:
    """NRR of 98 % of a hundred customers may be chance: noted, nobody is told. Of 85 % it rings; back at 103 % it is resolved."""
    nights = Nights(SURE)
    assert [] == nights.night(JUNE, [book(98)])
    assert "noted" == nights.state("nrr")
    assert ["firing: nrr"] == nights.night(JULY, [book(98), book(85, JULY)])
    assert ["resolved: nrr"] == nights.night(add_months(JULY, 1), [book(85, JULY), book(103, add_months(JULY, 1))])


def test_the_same_fall_rings_in_a_large_book() -> None:
    """98 % of five thousand customers is no chance."""
    assert ["firing: nrr"] == Nights(SURE).night(JUNE, [book(98, customers=5_000)])


def test_one_whale_is_too_few_to_tell() -> None:
    """A hundred customers that weigh like six: noted under certainty; a measured rule rings and says so."""
    nights = Nights(SURE, MEASURED)
    assert ["firing: measured"] == nights.night(JUNE, [book(80, like=6)])
    assert "noted" == nights.state("nrr")
    said = str(content(nights.said[0], nights.watch)["summary"])
    assert "Too few to tell: the 100 customers weigh like 6 of one size" in said


def test_a_measured_rule_says_how_sure_it_is() -> None:
    """Within noise at 98 %, with what such a book usually loses; beyond noise at 85 %."""
    usual = [book(99, add_months(JUNE, -n)) for n in range(8, 0, -1)]
    nights = Nights(MEASURED)
    nights.night(JUNE, [*(replace(f, closing_of_cohort=f.opening) for f in usual), book(98)])
    said = str(content(nights.said[0], nights.watch)["summary"])
    assert said.endswith(
        "Within noise: 2 of 100 customers left, and a steady book like this one loses as many in 1 of 4 such windows."
    )
    other = Nights(MEASURED)
    other.night(JUNE, [book(85)])
    assert "Beyond noise: 100 customers, and chance alone moves NRR within 79–91 %." in str(
        content(other.said[0], other.watch)["summary"]
    )


def test_a_restatement_can_change_the_verdict() -> None:
    """Noted as it was known first; the month turns out to be worse, and it rings on that night, once."""
    nights = Nights(SURE)
    nights.night(JUNE, [book(98)])
    assert ["firing: nrr"] == nights.night(date(2025, 6, 2), [book(84, version=2)])
    assert [] == nights.night(date(2025, 6, 3), [book(84, version=2)])


def test_a_firing_alert_ends_by_recovery_not_by_doubt() -> None:
    """Back at 98 % it lies within noise, and still beyond its limit: it goes on, without a word."""
    nights = Nights(SURE)
    nights.night(JUNE, [book(85)])
    assert [] == nights.night(JULY, [book(85), book(98, JULY)])
    assert "firing" == nights.state("nrr")


def test_figures_older_than_intervals_are_judged_as_they_were() -> None:
    """Without the sums there is no verdict: a rule rings by what was measured rather than being silent."""
    nights = Nights(SURE)
    assert ["firing: nrr"] == nights.night(JUNE, [replace(book(98), opening_squared=None)])
    assert "noise" not in str(content(nights.said[0], nights.watch)["summary"])


def test_a_drop_is_judged_by_both_windows() -> None:
    """GRR of three months falls from 97 to 90 %: a note with a hundred customers, an alarm with two thousand."""
    rule = replace(next(r for r in DEFAULT_RULES if r.name == "grr-drop"), name="drop")
    for customers, said in ((100, []), (2_000, ["firing: drop"])):
        nights = Nights(rule)
        before, after = (book(n, d, customers=customers, kind="trailing_3") for n, d in ((97, add_months(JUNE, -3)), (90, JUNE)))
        assert said == nights.night(JUNE, [before, after])
        assert "beyond_noise" == shifted([before], after, "grr", Fraction(0), level=60)


def test_preceding_is_the_span_that_ends_where_this_one_begins() -> None:
    """Three months are held against the three before them, not against the window that shares two of its months."""
    rule = Rule("drop", "grr", "trailing_3", "below", Fraction(-2, 100), Change("preceding"))
    near, far, now = (
        book(90, MAY, kind="trailing_3"),
        book(99, add_months(JUNE, -3), kind="trailing_3"),
        book(90, kind="trailing_3"),
    )
    assert ["firing: drop"] == Nights(rule).night(JUNE, [far, near, now])
    assert [] == Nights(rule).night(JUNE, [near, now])
    assert [] == Nights(replace(rule, change=Change())).night(JUNE, [far, near, now])


def test_several_earlier_windows_err_together() -> None:
    """The mean of three windows is no surer than one of them; by per cent the limit is a share of it."""
    before, after = book(97, customers=2_000), book(90, JULY, customers=2_000)
    assert moved_by(before, after, "grr", Fraction(5, 100)) == shifted([before] * 3, after, "grr", Fraction(5, 100))
    assert "beyond_noise" == shifted([before], after, "grr", Fraction(5, 100), percent=True)
    assert "within_noise" == shifted([before], after, "grr", Fraction(7, 100), percent=True)


@pytest.mark.parametrize("metric", ["mrr", "flow_nrr", "concentration"])
def test_certainty_is_refused_where_there_is_no_interval(metric: str) -> None:
    """A rule that could never be sure is a fault, not silence."""
    assert any("has no interval" in each for each in faults(replace(SURE, metric=metric)))
