"""From which day on two ledgers of the same customers may differ: what ended before is the same in both, and needn't be added up twice.

News is mostly of the last days, and of the windows kept nearly all ended before. What reaches further back than its own day (the earliest
value of an attribute, which holds before it; the first movement, which is the month of signing up; a further currency) counts as a
difference from the beginning.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from metrics.retention.rankings import TRIAL
from metrics.retention.spans import BEGINNING, Book

NEVER: Final = date.max
_WEIGHT: Final = "times in one more than in the other"


def first_change(before: Book, now: Book) -> date:
    """The first day whose closing, or whose movements, may differ between the two; NEVER when nothing does.

    Windows that ended before it (`until` on or before it) and totals of days before it are the same, whatever they are made by.
    """
    known = _customers(before).join(_customers(now), on="customer")
    if any(not of(before, known).equals(of(now, known)) for of in (_origins, _earliest)):
        return BEGINNING
    pairs = [(getattr(before, name), getattr(now, name)) for name in ("standings", "movements", "attributes")]
    days = [_differing(one, other)["day"].min() for one, other in pairs]
    instant = _first_trial(before.exclusions, now.exclusions)
    if instant is not None:  # which is a day earlier or later elsewhere
        days.append(datetime.fromtimestamp(instant, UTC).date() - timedelta(days=1))
    found: list[Any] = [day for day in days if day is not None]
    return min(found, default=NEVER)


def _customers(book: Book) -> pl.DataFrame:
    """Who has anything of a ledger: whoever has it in one of two ledgers only differs from its first day on, and has nothing before."""
    return pl.concat([book.standings.select("customer"), book.movements.select("customer")]).unique()


def _differing(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """The rows that are in one more often than in the other."""
    both = pl.concat(
        [one.with_columns(pl.lit(1).alias(_WEIGHT)), other.select(one.columns).with_columns(pl.lit(-1).alias(_WEIGHT))]
    )
    return both.group_by(one.columns).agg(pl.col(_WEIGHT).sum()).filter(pl.col(_WEIGHT) != 0)


def _first_trial(before: pl.DataFrame, now: pl.DataFrame) -> int | None:
    """The first instant at which another trial is under way: of one whose end alone is new, the earlier end. No other exclusion is counted."""
    differing = _differing(*(some.filter(pl.col("reason") == TRIAL) for some in (before, now)))
    begun = differing.group_by("customer", "currency", "mrr_micros", "since").agg(
        pl.col(_WEIGHT).sum(), until=pl.col("until").fill_null(pl.col("until").max()).min()
    )
    found: Any = begun.select(pl.when(pl.col(_WEIGHT) == 0).then(pl.coalesce("until", "since")).otherwise("since").min()).item()
    return None if found is None else int(found)


def _origins(book: Book, whose: pl.DataFrame) -> pl.DataFrame:
    """customer, currency, day: every line of these customers, with the day of the customer's first movement."""
    lines = pl.concat([book.standings.select("customer", "currency"), book.movements.select("customer", "currency")]).unique()
    first = book.movements.group_by("customer").agg(pl.col("day").min())
    return lines.join(whose, on="customer", how="semi").join(first, on="customer", how="left").sort("customer", "currency")


def _earliest(book: Book, whose: pl.DataFrame) -> pl.DataFrame:
    """The earliest of each attribute of these customers, which holds before its own day too."""
    mine = book.attributes.join(whose, on="customer", how="semi").sort("customer", "key", "day", "value")
    return mine.unique(["customer", "key"], keep="first", maintain_order=True).select("customer", "key", "day", "value")
