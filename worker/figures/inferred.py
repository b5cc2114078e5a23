"""The inferred changes of the ledger by day, in each currency and in the reporting currency at each day's rate."""

from datetime import date

import polars as pl
from sqlalchemy import Connection

from integrations.store.ledger import read as read_ledger
from metrics.alerts.inferred import InferredDay
from metrics.exchange_rates import Exchange, rates_or_first, worth


def inferred_days(
    connection: Connection, basis: str, abroad: Exchange | None, first: date | None = None, until: date | None = None
) -> list[InferredDay]:
    """What is inferred on the days [first, until), of each currency and, with rates, of the whole book; what has no rate is in no whole."""
    found = read_ledger.inferred_by_day(connection, basis, first, until)
    out = [_day(row) for row in found.iter_rows(named=True)]
    if abroad is None or not found.height:
        return out
    priced = found.hstack(rates_or_first(abroad, found.select("currency", "day"))).filter(pl.col("numerator").is_not_null())
    whole = (
        priced.with_columns(
            micros=worth(pl.col("micros"), pl.col("numerator"), pl.col("denominator")), currency=pl.lit(abroad.label)
        )
        .group_by("day", "currency", "kind")
        .agg(pl.col("micros", "movements").sum())
        .sort("day", "kind")
    )
    return [*out, *(_day(row) for row in whole.iter_rows(named=True))]


def _day(row: dict[str, object]) -> InferredDay:
    return InferredDay(row["day"], str(row["currency"]), str(row["kind"]), abs(int(row["micros"])), int(row["movements"]))  # type: ignore[arg-type,call-overload]  # the columns' types
