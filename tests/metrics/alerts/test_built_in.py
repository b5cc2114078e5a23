"""The rules that are on from the start: seldom wrong in a steady book, and told by customers where money can't tell."""

from datetime import date

import numpy as np
import pytest

from metrics.alerts.content import content
from metrics.alerts.evaluate import Shelf, readings
from metrics.alerts.rules import DEFAULT_RULES, Rule
from metrics.periods import add_months
from metrics.retention.figures import Figures
from tests.benchmarks.alerts import BUDGET, Kind, nights, simulate
from tests.metrics.alerts.books import MILLION, Nights

JUNE = date(2025, 6, 1)
RULES = {rule.name: rule for rule in DEFAULT_RULES}


def year(until: date, left: int, nrr: int) -> Figures:
    """300 customers that weigh like 113, of whom so many left in twelve months."""
    opening = 300_000 * MILLION
    each = opening // 113
    closing = opening * nrr // 100
    churn = opening * left // 300
    return Figures(
        "policy", "trailing_12", add_months(until, -12), until, "", "", "usd", opening=opening, churn=churn,
        expansion=closing - opening + churn, closing_of_cohort=closing, closing=closing, opening_customers=300,
        retained_customers=300 - left, closing_customers=300, opening_squared=opening * each,
        opening_by_end=closing * each, end_squared=closing * each * 13 // 10,
    )  # fmt: skip


def test_who_leaves_tells_where_money_cannot() -> None:
    """36 of 300 left in one year and 66 in the next: NRR of 96 % may be chance and is noted, and logo retention rings."""
    book = [year(add_months(JUNE, -12), 36, 102), year(JUNE, 66, 96)]
    told = Nights(RULES["nrr-below-100"], RULES["logo-drop"])
    assert ["firing: logo-drop"] == told.night(JUNE, book)
    assert "noted" == told.state("nrr-below-100")
    said = str(content(told.said[0], told.watch)["summary"])
    assert said.endswith("Beyond noise: 300 customers, and chance alone doesn't move two such windows so far apart.")


def test_customers_are_compared_with_the_year_before_and_no_less() -> None:
    """With one year of history nothing is said of logos, and a fall of a point or less is none."""
    rule = RULES["logo-drop"]
    assert ["none"] == [r.verdict for r in readings(rule, Shelf([year(JUNE, 66, 96)]))]
    near = [year(add_months(JUNE, -12), 36, 102), year(JUNE, 37, 102)]
    assert ["good"] == [r.verdict for r in readings(rule, Shelf(near))]


@pytest.mark.long
def test_a_steady_book_is_seldom_called_falling() -> None:
    """A hundred customers, a year, a hundred times: no rule rings more often than its budget and chance allow."""
    dice = np.random.default_rng(5)
    books = 100
    rings = dict.fromkeys(RULES, 0)
    for _ in range(books):
        for month, rule in nights(*simulate(Kind(100, "even", 0.01), dice)):
            rings[rule] += month > 0
    # Three standard deviations above what the budget lets expect.
    most = books * BUDGET + 3 * (books * BUDGET) ** 0.5
    assert {} == {rule: count for rule, count in rings.items() if count > most}


def test_every_built_in_rule_asks_for_certainty() -> None:
    """None of them rings on what was measured alone."""
    assert all(isinstance(rule, Rule) and rule.certainty >= 95 for rule in DEFAULT_RULES)
