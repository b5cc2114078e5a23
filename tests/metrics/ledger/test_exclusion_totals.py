"""What is left out of MRR is counted by reason and currency, as of a moment."""

from collections.abc import Sequence

import polars as pl

from metrics.evidence import Instant
from metrics.ledger.exclusion_totals import LeftOut, left_out
from metrics.retention.spans import EXCLUSIONS
from tests.metrics.life import instant, told_text

ROWS = [
    ("a", "trial", "usd", 50_000_000, 100, 200),
    ("b", "trial", "usd", 20_000_000, 150, None),
    ("c", "trial", "eur", 40_000_000, 100, None),
    ("d", "unknown_price", "usd", None, 100, None),
]


def frame(rows: Sequence[tuple[str, str, str, int | None, int, int | None]]) -> pl.DataFrame:
    """Exclusions as a book holds them."""
    return pl.DataFrame(rows, schema=EXCLUSIONS, orient="row")


def test_counts_and_amounts_by_reason_and_currency() -> None:
    """Two trials in dollars are worth 70.00; what has no price is counted as such and adds nothing."""
    assert [
        LeftOut("trial", "eur", 1, 40_000_000, 0),
        LeftOut("trial", "usd", 2, 70_000_000, 0),
        LeftOut("unknown_price", "usd", 1, 0, 1),
    ] == left_out(frame(ROWS), Instant(160))


def test_ranges_are_half_open() -> None:
    """From its beginning on, and no more from its end on: what is asked for is the last second before the moment."""
    assert [1, 1, 1] == [found.count for found in left_out(frame(ROWS), Instant(101))]
    assert [] == left_out(frame(ROWS), Instant(100))
    assert [1, 2, 1] == [found.count for found in left_out(frame(ROWS), Instant(200))]
    assert [1, 1, 1] == [found.count for found in left_out(frame(ROWS), Instant(201))]


def test_every_exclusion_of_a_life_is_counted() -> None:
    """A trial with a metered item besides: the trial's fixed part would be 50.00 a month; once it converts only usage is left out."""
    life = told_text(
        "## t\nevent 2025-01-01 status=trialing items=pro@a,usage@b trial=2025-01-01..2025-01-15\nevent 2025-01-15 status=active"
    )[0]
    rows = [(e.customer, e.reason, e.currency, e.mrr_micros, e.since, e.until) for e in life.ledger().exclusions]
    assert [LeftOut("trial", "usd", 1, 50_000_000, 0)] == left_out(frame(rows), instant("2025-01-10"))
    assert [LeftOut("metered", "usd", 1, 0, 0)] == left_out(frame(rows), instant("2025-01-20"))
