"""What is billed by calendar month: rows of `classify.BILLED` with their month and in micros, and the sums that are kept."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from metrics.money import MICROS_PER_MAJOR, exponent

KEY: Final = ("month", "account", "currency", "class", "mark", "product")


def dated(billed: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """The rows with `month` (its first day in the reporting time zone), `micros` and `discount_micros`."""
    codes = billed["currency"].unique().sort().to_list()
    per_minor = pl.DataFrame(
        {"currency": codes, "per_minor": [MICROS_PER_MAJOR // 10 ** exponent(code) for code in codes]},
        schema={"currency": pl.String, "per_minor": pl.Int64},
    )
    local = pl.from_epoch("at", time_unit="s").dt.replace_time_zone("UTC").dt.convert_time_zone(timezone)
    return billed.join(per_minor, on="currency", how="left").with_columns(
        local.dt.date().dt.month_start().alias("month"),
        (pl.col("amount") * pl.col("per_minor")).alias("micros"),
        (pl.col("discount") * pl.col("per_minor")).alias("discount_micros"),
    )


def summed(rows: pl.DataFrame, by: Sequence[str] = KEY) -> pl.DataFrame:
    """Sums of `lines`, `micros` and `discount_micros` by some columns, in their order. Amounts of a sum must be of one currency."""
    assert "currency" in by, "amounts of several currencies never add up"
    return rows.group_by(by).agg(pl.col("lines", "micros", "discount_micros").sum()).sort(by)


def only(rows: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    """The rows of some months."""
    return rows.filter(pl.col("month").is_in(list(months)))
