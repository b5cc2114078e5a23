"""What is billed by calendar month: rows of `classify.BILLED` with their month and in micros, and the sums that are kept."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from metrics.billings import classes
from metrics.billings.shares import Share, share_of
from metrics.money import micros_per_minor

KEY: Final = ("month", "account", "currency", "class", "mark", "product")


def reporting_day(at: str, timezone: str) -> pl.Expr:
    """The day in the reporting time zone that holds the moment in a column of epoch seconds."""
    return pl.from_epoch(at, time_unit="s").dt.replace_time_zone("UTC").dt.convert_time_zone(timezone).dt.date()


def dated(billed: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """The rows with `month` (its first day in the reporting time zone), `micros` and `discount_micros`."""
    codes = billed["currency"].unique().sort().to_list()
    per_minor = pl.DataFrame(
        {"currency": codes, "per_minor": [micros_per_minor(code) for code in codes]},
        schema={"currency": pl.String, "per_minor": pl.Int64},
    )
    return billed.join(per_minor, on="currency", how="left").with_columns(
        reporting_day("at", timezone).dt.month_start().alias("month"),
        (pl.col("amount") * pl.col("per_minor")).alias("micros"),
        (pl.col("discount") * pl.col("per_minor")).alias("discount_micros"),
    )


def summed(rows: pl.DataFrame, by: Sequence[str] = KEY) -> pl.DataFrame:
    """Sums of `lines`, `micros` and `discount_micros` by some columns, in their order. Amounts of a sum must be of one currency."""
    assert "currency" in by, "amounts of several currencies never add up"
    return rows.group_by(by).agg(pl.col("lines", "micros", "discount_micros").sum()).sort(by)


def share(rows: pl.DataFrame) -> Share:
    """The share outside subscriptions of rows of one currency, in micros."""
    amounts = {str(name): int(micros) for name, micros in rows.group_by("class").agg(pl.col("micros").sum()).iter_rows()}
    return share_of(amounts, int(rows.filter(pl.col("class") == classes.OUTSIDE)["discount_micros"].sum()))


def only(rows: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    """The rows of some months."""
    return rows.filter(pl.col("month").is_in(list(months)))
