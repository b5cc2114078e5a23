"""Both sides as frames, set side by side: what each customer held on the days of a file, ours and theirs, in one currency each."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from metrics.exchange_rates import Exchange, rates_on, worth
from metrics.money import MICROS_PER_MAJOR, exponent

SIDE: Final = {"customer": pl.String, "day": pl.Date, "currency": pl.String, "micros": pl.Int64, "items": pl.Int32}
"""One row for each customer, day and currency in which anything is held; `items` are the subscriptions that it is the sum of."""


def held_on(standings: pl.DataFrame, days: Sequence[date], names: Mapping[str, str]) -> pl.DataFrame:
    """What stands at the closings of `days`, as SIDE, zeros left out. `standings` are `spans.STANDINGS`; customers are called by `names`."""
    known = standings.select("customer", "currency", "day", "net_micros", "subscriptions").sort("day")
    lines = known.select("customer", "currency").unique()
    asked = lines.join(pl.DataFrame({"day": sorted(days)}, schema={"day": pl.Date}), how="cross").sort("day")
    found = asked.join_asof(known, on="day", by=["customer", "currency"], check_sortedness=False).filter(pl.col("net_micros") != 0)
    renamed = pl.col("customer").replace(names) if names else pl.col("customer")
    return (
        found.with_columns(renamed)
        .group_by("customer", "day", "currency")
        .agg(micros=pl.col("net_micros").sum(), items=pl.col("subscriptions").sum().cast(pl.Int32))
        .select(pl.col(name).cast(kind) for name, kind in SIDE.items())
    )


def expressed(side: pl.DataFrame, abroad: Exchange) -> pl.DataFrame:
    """A side in the one currency of `abroad`, at the rates of each day; what has no rate is worth nothing."""
    priced = side.hstack(rates_on(abroad, side.select("currency", "day")))
    rated = worth(pl.col("micros"), pl.col("numerator").fill_null(0), pl.col("denominator").fill_null(1))
    return (
        priced.with_columns(micros=rated, currency=pl.lit(abroad.reporting))
        .group_by("customer", "day", "currency")
        .agg(pl.col("micros").sum(), pl.col("items").sum())
        .select(pl.col(name).cast(kind) for name, kind in SIDE.items())
    )


def beside(ours: pl.DataFrame, theirs: pl.DataFrame, places: int | None) -> pl.DataFrame:
    """Both sides in a row: customer, day, currency, `ours`, `theirs`, `tolerance` (micros); `places` are those of the file in major
    units, None where it is in minor units.

    Amounts differ by rounding if they are a last place of the file (at least a minor unit) a subscription apart; where the file leaves minor units out, less
    than that.
    """
    both = ours.rename({"micros": "ours"}).join(
        theirs.select("customer", "day", "currency", theirs="micros"), on=["customer", "day", "currency"], how="full", coalesce=True
    )
    codes = both["currency"].unique().to_list()
    step = {code: last_place(code, places) for code in codes}
    coarse = pl.col("currency").is_in([code for code in codes if step[code] > last_place(code)])
    items = pl.max_horizontal(pl.col("items").fill_null(1), pl.lit(1)).cast(pl.Int64)
    return both.select(
        "customer",
        "day",
        "currency",
        pl.col("ours").fill_null(0),
        pl.col("theirs").fill_null(0),
        tolerance=pl.col("currency").replace_strict(step, return_dtype=pl.Int64) * items - coarse.cast(pl.Int64),
    )


def last_place(currency: str, places: int | None = None) -> int:
    """The micros of a file's last place, and of the currency's minor unit where that is larger, or where there are no `places`."""
    own = exponent(currency)
    return int(MICROS_PER_MAJOR // 10 ** (own if places is None else min(places, own)))


def differing(both: pl.DataFrame) -> pl.DataFrame:
    """The rows whose sides are further apart than rounding."""
    return both.filter((pl.col("theirs") - pl.col("ours")).abs() > pl.col("tolerance"))
