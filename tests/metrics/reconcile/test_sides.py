"""Both sides beside one another: what stands on the days of a file, and how far apart is still the same."""

from datetime import date

import polars as pl
import pytest

from metrics.reconcile.sides import SIDE, beside, differing, held_on
from tests.metrics.retention.books import Stand, book

DAY = date(2026, 1, 31)


def _side(micros: int, items: int = 1, currency: str = "usd") -> pl.DataFrame:
    return pl.DataFrame([("a", DAY, currency, micros, items)], schema=SIDE, orient="row")


@pytest.mark.parametrize(
    ("ours", "theirs", "items", "places", "currency", "agrees"),
    [
        (40_000_000, 40_010_000, 1, 2, "usd", True),
        (40_000_000, 40_010_001, 1, 2, "usd", False),
        (40_000_000, 40_030_000, 3, 2, "usd", True),
        (72_400_000, 72_000_000, 1, 0, "usd", True),
        (72_000_000, 73_000_000, 1, 0, "usd", False),
        (40_000_000, 40_010_000, 1, 6, "usd", True),
        (500_000_000, 501_000_000, 1, 0, "jpy", True),
        (31_257_600, 31_260_000, 1, 2, "kwd", True),
        (31_257_600, 31_267_600, 1, 2, "kwd", False),
    ],
)
def test_what_is_rounding(ours: int, theirs: int, items: int, places: int, currency: str, *, agrees: bool) -> None:
    """A last place for each subscription; less than one where the file leaves minor units out."""
    both = beside(_side(ours, items, currency), _side(theirs, currency=currency), places)
    assert agrees is differing(both).is_empty()


def test_who_is_on_one_side_alone_has_nothing_on_the_other() -> None:
    """Both ways."""
    both = beside(_side(40_000_000), _side(9_000_000, currency="eur"), 2).sort("currency")
    assert [("eur", 0, 9_000_000), ("usd", 40_000_000, 0)] == both.select("currency", "ours", "theirs").rows()


def test_what_stands_on_a_day_is_the_last_before_it() -> None:
    """Two customers of the ledger that are one in the file are added."""
    standings = book(
        [Stand("a", date(2026, 1, 5), 10_000_000), Stand("a", date(2026, 2, 5), 0), Stand("b", date(2026, 1, 31), 5_000_000)]
    ).standings
    found = held_on(standings, [date(2026, 1, 4), DAY, date(2026, 2, 28)], {"a": "ab", "b": "ab"}).sort("day")
    assert [(DAY, 15_000_000), (date(2026, 2, 28), 5_000_000)] == found.select("day", "micros").rows()
