"""Stories with intervals, reckoned by hand: a small book, a whale that leaves, a price rise, a restatement that changes the verdict.

Each book is given by what every customer paid at its opening and pays at its end; bounds are those of 90 %, 1.644854 standard errors off.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from metrics.alerts.content import content
from metrics.alerts.rules import DEFAULT_RULES, Rule
from metrics.periods import add_months
from metrics.retention.analysis.certainty import interval
from metrics.retention.figures import Figures
from tests.metrics.alerts.books import MILLION, Nights, figures

SURE = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), certainty=95)
MEASURED = replace(SURE, name="measured", certainty=0)
DROP = next(rule for rule in DEFAULT_RULES if rule.name == "grr-drop")
JUNE, JULY = date(2025, 6, 1), date(2025, 7, 1)


def book(opening: Sequence[int], end: Sequence[int], until: date = JUNE, kind: str = "trailing_12", version: int = 1) -> Figures:
    """The figures of a cohort, customer by customer."""
    assert len(opening) == len(end)
    a, b = [each * MILLION for each in opening], [each * MILLION for each in end]
    pairs = list(zip(a, b, strict=True))
    stay = sum(1 for each in b if each)
    lost = sorted(((n, x, y) for n, (x, y) in enumerate(pairs) if y < x), key=lambda each: each[2] - each[1])[:10]
    ranked = sorted(((x, y) for x, y in pairs), reverse=True)[:10]
    return replace(
        figures(kind, until, version=version),
        opening=sum(a),
        closing=sum(b),
        closing_of_cohort=sum(b),
        expansion=sum(max(0, y - x) for x, y in pairs),
        contraction=sum(x - y for x, y in pairs if 0 < y < x),
        churn=sum(x for x, y in pairs if not y),
        opening_customers=len(a),
        closing_customers=stay,
        retained_customers=stay,
        lost_logos=len(a) - stay,
        opening_squared=sum(x * x for x in a),
        opening_by_end=sum(x * y for x, y in pairs),
        end_squared=sum(y * y for y in b),
        companions={
            "lost": [{"customer": f"cus_{n}", "opening": x, "closing": y} for n, x, y in lost],
            "gained": [],
            "largest": [{"customer": f"cus_{n}", "opening": x, "closing": y} for n, (x, y) in enumerate(ranked)],
        },
    )


def _bounds(of: Figures, rate: str) -> tuple[Decimal, Decimal]:
    found = interval(of, rate)
    assert found is not None
    return found.low, found.high


def _said(nights: Nights, number: int = -1) -> dict[str, Any]:
    return content(nights.said[number], nights.watch)


def test_of_a_small_book_one_who_leaves_is_a_note_and_four_are_an_alarm() -> None:
    """Twelve at 100. One leaves: 91.67 % ± 14.38, which may be chance. Four left by July: 66.67 % ± 24.52, which can't."""
    one, four = book([100] * 12, [100] * 11 + [0]), book([100] * 12, [100] * 8 + [0] * 4, JULY)
    assert (Decimal("0.772905"), Decimal("1.060428")) == _bounds(one, "nrr")
    assert (Decimal("0.421466"), Decimal("0.911867")) == _bounds(four, "nrr")
    nights = Nights(SURE)
    assert [] == nights.night(JUNE, [one])
    assert "noted" == nights.state("nrr")
    assert ["firing: nrr"] == nights.night(JULY, [one, four])
    assert "Beyond noise: 12 customers, and chance alone moves NRR within 42–91 %." in _said(nights)["summary"]


def test_one_whale_that_leaves_is_a_note_where_as_many_small_ones_are_an_alarm() -> None:
    """400 at 100 and one at 4,000 weigh like 97: without it 90.91 % ± 13.75. Forty of 440 who leave take as much: ± 2.26, beyond noise."""
    whale, many = book([4_000] + [100] * 400, [0] + [100] * 400), book([100] * 440, [0] * 40 + [100] * 400)
    assert (Decimal("0.771555"), Decimal("1.046627")) == _bounds(whale, "nrr")
    assert (Decimal("0.886497"), Decimal("0.931685")) == _bounds(many, "nrr")
    assert (whale.opening, whale.churn) == (many.opening, many.churn)
    nights = Nights(SURE, MEASURED)
    assert ["firing: measured"] == nights.night(JUNE, [whale])
    assert "noted" == nights.state("nrr")
    said = _said(nights)
    assert "Within noise: the 401 customers weigh like 97 of one size: the ten largest hold 11 %" in said["summary"]
    assert ["cus_0"] == [each["customer"] for each in said["customers"]]
    assert ["firing: nrr, measured"] == Nights(SURE, MEASURED).night(JUNE, [many])


def test_where_a_whale_holds_most_nobody_can_tell() -> None:
    """39 at 100 and one at 6,000 weigh like 2.7: NRR without it is 39 %, and there is no interval; of heads 97.5 % stay."""
    left = book([6_000] + [100] * 39, [0] + [100] * 39)
    assert interval(left, "nrr") is None
    nights = Nights(SURE, MEASURED)
    assert ["firing: measured"] == nights.night(JUNE, [left])
    assert "noted" == nights.state("nrr")
    told = _said(nights)["summary"]
    assert "Too few to tell: the 40 customers weigh like 3 of one size: the ten largest hold 70 %; of fewer than 10" in told
    heads = Rule("heads", "logo_retention", "trailing_12", "below", Fraction(95, 100), certainty=95)
    assert [] == Nights(heads).night(JUNE, [left])


@pytest.mark.parametrize(("customers", "leave", "before", "state"), [(200, 12, 1, "firing"), (100, 6, 1, "noted")])
def test_a_price_rise_hides_churn_from_nrr_and_not_from_grr(customers: int, leave: int, before: int, state: str) -> None:
    """From 50 to 60 for all, and 6 % leave over it: NRR rises to 112.8 %, GRR of three months falls from 99.5 to 94 %.

    3.5 points past the limit of 2, of 200 customers ± 3.19 at 96 %: an alarm. Of 100, from 99 to 94 %: 3 points, ± 4.82, so a note.
    """
    then = book([50] * customers, [50] * (customers - before) + [0] * before, add_months(JUNE, -3), "trailing_3")
    now = book([50] * customers, [60] * (customers - leave) + [0] * leave, JUNE, "trailing_3")
    year = book([50] * customers, [60] * (customers - leave) + [0] * leave, JUNE)
    nights = Nights(SURE, DROP)
    assert (["firing: grr-drop"] if state == "firing" else []) == nights.night(JUNE, [then, now, year])
    assert ("ok", state) == (nights.state("nrr"), nights.state("grr-drop"))
    if state == "firing":
        said = _said(nights)
        assert "GRR fell by 5.5 points to 94 % (the 3 months to May 2025)" == said["title"]
        assert ["NRR", "112.8 %"] in said["facts"]
        assert [
            ["Opening", "10,000 USD", "10,000 USD"],
            ["Expansion", "+1,880 USD", "0 USD"],
            ["Churn", "\N{MINUS SIGN}600 USD", "\N{MINUS SIGN}50 USD"],
            ["End of the cohort", "11,280 USD", "9,950 USD"],
        ] == said["bridge"]
        assert said["lever"].startswith("Retention: churn took 6 % of the opening MRR in three months")


def test_a_restatement_turns_a_note_into_an_alarm_and_says_so() -> None:
    """Two of a hundred left: 98 % ± 2.33. It turns out to be three: 97 % ± 2.83, told once. Two again: no end, it isn't back. None: over."""
    two, three = (book([100] * 100, [100] * (100 - n) + [0] * n, version=version) for n, version in ((2, 1), (3, 2)))
    assert (Decimal("0.956738"), Decimal("1.003262")) == _bounds(two, "nrr")
    assert (Decimal("0.941656"), Decimal("0.998344")) == _bounds(three, "nrr")
    nights = Nights(SURE)
    assert [] == nights.night(JUNE, [two])
    assert ["firing: nrr"] == nights.night(date(2025, 6, 2), [three])
    restated = "This is a restatement: NRR of the 12 months to May 2025 was 98 % when it was first judged and is 97 % now."
    assert restated in _said(nights)["notes"]
    assert [] == nights.night(date(2025, 6, 3), [three])
    assert [] == nights.night(date(2025, 6, 4), [replace(two, version=3)])
    assert "firing" == nights.state("nrr")
    assert ["resolved: nrr"] == nights.night(date(2025, 6, 5), [book([100] * 100, [101] * 100, version=4)])


def test_what_stands_below_another_in_a_message_has_its_own_verdict() -> None:
    """The whole is beyond noise; plan b of twelve customers, one of whom left, isn't, and the line about it says so."""
    plans = replace(MEASURED, name="plans", dimension="plan")
    whole = book([100] * 440, [0] * 40 + [100] * 400)
    plan = replace(book([100] * 12, [100] * 11 + [0]), dimension="plan", segment="b")
    nights = Nights(SURE, plans)
    assert ["firing: nrr, plans plan=b"] == nights.night(JUNE, [whole, plan])
    assert ["NRR of plan=b below 100 %: 91.7 % (the 12 months to May 2025): within noise"] == _said(nights)["also"]
