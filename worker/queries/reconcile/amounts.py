"""A file's amounts as micros of a currency: in which units they are, which currency is meant, and how changes add up to closings."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Final

import polars as pl

from integrations.files.errors import BadFile
from integrations.files.mrr_file import TheirMrr
from metrics.money import MICROS_PER_MAJOR, exponent
from metrics.periods import add_months, months_between
from metrics.reconcile.sides import SIDE

_HUNDREDFOLD: Final = 20
"""Amounts that are usually so many times ours are in minor units."""
MONTHS_IN_A_YEAR: Final = 12


def clipped(file: TheirMrr, today: date) -> tuple[TheirMrr, list[str]]:
    """The file without what lies ahead; the month that isn't over is compared as of today. Raises BadFile if nothing is left."""
    this_month = add_months(today, 1)
    amounts = file.amounts
    ahead = amounts.filter(pl.col("day") >= this_month)
    kept = amounts.filter(pl.col("day") < this_month)
    said = []
    if not ahead.is_empty():
        said.append(f"{len(ahead):,} amounts of days after {today} are left out (the last is of {ahead['day'].sort()[-1]})")
    if kept.is_empty():
        raise BadFile(f"{file.file}: all of its months lie after {today}, up to which anything is known here")
    if not kept.filter(pl.col("day") > today).is_empty():
        said.append(f"the month of {today} isn't over: it is compared as of {today}")
        kept = kept.with_columns(pl.min_horizontal("day", pl.lit(today)).alias("day"))
    return replace(file, amounts=kept), said


def their_side(
    file: TheirMrr, names: Mapping[str, str], currency_of: Mapping[str, str], fallback: str, *, minor: bool
) -> pl.DataFrame:
    """Amounts as micros by customer of the comparison, added up. Where the file names no currency it is the customer's, else `fallback`.

    Raises BadFile for an amount that is too large to be anybody's.
    """
    rows = file.amounts.with_columns(
        customer=pl.col("key").replace_strict(names, return_dtype=pl.String),
    ).with_columns(
        currency=pl.when(pl.col("currency") != "")
        .then(pl.col("currency"))
        .otherwise(pl.col("customer").replace_strict(currency_of, default=fallback, return_dtype=pl.String))
    )
    micros: dict[tuple[Decimal, str], int] = {}
    for amount, currency, line in rows.select("amount", "currency", pl.col("line")).unique(["amount", "currency"]).iter_rows():
        units = amount / 10 ** exponent(currency) if minor else amount
        found = round(units * MICROS_PER_MAJOR)
        if abs(found) >= 1 << 56:
            raise BadFile(f"{file.file}, line {line}: {amount} can't be anybody's MRR in {currency.upper()}")
        micros[amount, currency] = found
    table = pl.DataFrame(
        [(amount, currency, value) for (amount, currency), value in micros.items()],
        schema={"amount": rows.schema["amount"], "currency": pl.String, "micros": pl.Int64},
        orient="row",
    )
    return (
        rows.join(table, on=["amount", "currency"], how="left")
        .group_by("customer", "day", "currency")
        .agg(pl.col("micros").sum(), items=pl.lit(1, pl.Int32))
        .select(pl.col(name).cast(kind) for name, kind in SIDE.items())
    )


def usual_ratio(theirs: pl.DataFrame, ours: pl.DataFrame) -> float | None:
    """How many times ours their amounts usually are (a median, for guessing units alone); None where none stands beside another."""
    both = ours.join(theirs, on=["customer", "day", "currency"], suffix="_theirs").filter(
        (pl.col("micros") > 0) & (pl.col("micros_theirs") > 0)
    )
    ratios = (both["micros_theirs"] / both["micros"]).to_list()
    return median(ratios) if ratios else None


def looks_minor(theirs_as_major: pl.DataFrame, ours: pl.DataFrame) -> bool:
    """Whether amounts read as major units are usually a hundred times ours, so that they must be minor units."""
    return (usual_ratio(theirs_as_major, ours) or 0) >= _HUNDREDFOLD


def looks_yearly(theirs: pl.DataFrame, ours: pl.DataFrame) -> bool:
    """Whether amounts are usually twelve times ours, so that they are a year's."""
    return abs((usual_ratio(theirs, ours) or 0) - MONTHS_IN_A_YEAR) < 1 / 2


def closings(changes: pl.DataFrame, opening: pl.DataFrame, today: date) -> tuple[pl.DataFrame, tuple[date, ...]]:
    """What changes (SIDE, dated by the day of each) come to at the month ends that they span, on top of `opening` (SIDE, of one day)."""
    first, last = changes["day"].min(), changes["day"].max()
    assert isinstance(first, date), "a file has rows"
    assert isinstance(last, date), "a file has rows"
    days = tuple(min(window.until - timedelta(days=1), today) for window in months_between(first, last + timedelta(days=1)))
    moved = pl.concat([changes, opening.with_columns(pl.lit(first - timedelta(days=1)).alias("day"))])
    sums = [
        moved.filter(pl.col("day") <= day)
        .group_by("customer", "currency")
        .agg(pl.col("micros").sum(), pl.lit(1, pl.Int32).alias("items"))
        .with_columns(pl.lit(day).alias("day"))
        .select(list(SIDE))
        for day in dict.fromkeys(days)
    ]
    return pl.concat(sums), tuple(dict.fromkeys(days))


def currencies(side: pl.DataFrame) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For each customer the currencies in which anything is held."""
    for customer, codes in side.group_by("customer").agg(pl.col("currency").unique().sort()).iter_rows():
        yield str(customer), tuple(codes)
