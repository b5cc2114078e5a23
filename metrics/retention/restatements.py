"""Who is behind a change of months that were closed: each customer's months as they were held to be, and as they are now known.

News of an open month is no restatement; which months were closed is handed in.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from metrics.movement_kinds import KINDS
from metrics.periods import Window
from metrics.retention import window_changes
from metrics.retention.spans import Book, build

_KEYS: Final = ["window", "customer", "currency"]
_VALUES: Final = ["opening", "closing", *KINDS]
RESTATED: Final = {
    "customer": pl.String,
    "currency": pl.String,
    **{f"{name}_before": pl.Int64 for name in _VALUES},
    **{f"{name}_after": pl.Int64 for name in _VALUES},
    "month": pl.Date,
}
"""Columns of what `restated` finds."""


def restated(before: Book, now: Book, months: Sequence[Window]) -> pl.DataFrame:
    """RESTATED: month (its first day), customer, currency, and opening, closing and the KINDS of movement before and after.

    Only rows in which anything differs, in order; micros, and losses as positive sums. `before` and `now` are the ledgers of the same customers.
    """
    firsts = pl.DataFrame({"month": [m.first for m in months]}, schema={"month": pl.Date}).with_row_index("window")
    both = _of_months(before, months).join(_of_months(now, months), on=_KEYS, how="full", coalesce=True, suffix="_after")
    renamed = both.rename({name: f"{name}_before" for name in _VALUES}).with_columns(
        pl.col(f"{name}_{end}").fill_null(0) for name in _VALUES for end in ("before", "after")
    )
    differs = pl.any_horizontal(pl.col(f"{name}_before") != pl.col(f"{name}_after") for name in _VALUES)
    return renamed.filter(differs).join(firsts, on="window").sort("month", "customer", "currency").select(*RESTATED)


def _of_months(book: Book, months: Sequence[Window]) -> pl.DataFrame:
    spans = build(book, window_changes.asked_days(months))
    values = window_changes.values(spans, window_changes.pairs(spans, months, unchanged=True))
    lines = spans.lines.select("customer", "currency").select(pl.all().gather(values["line"]))
    return values.select("window", *_VALUES).hstack(lines)
