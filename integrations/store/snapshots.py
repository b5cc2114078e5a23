"""Day totals and month-end snapshots: what a day looked like, kept so that nobody has to add it up again.

Both are derived and replaced: writing the days from the first changed one on leaves what writing all of them does.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Select, delete, select, tuple_

from integrations.store.bulk import append, asked_for
from integrations.store.encoding import bucket_of
from integrations.store.frames import read_frame
from integrations.store.schema_figures import day_total, snapshot

_AMOUNTS: Final = {
    "net_micros": pl.Int64, "list_micros": pl.Int64, "at_risk_micros": pl.Int64, "scheduled_micros": pl.Int64, "usage_micros": pl.Int64,
    "subscriptions": pl.Int64,
}  # fmt: skip
DAY_TOTALS: Final[dict[str, Any]] = {
    "dimension": pl.String, "segment": pl.String, "currency": pl.String, "day": pl.Date, **_AMOUNTS, "customers": pl.Int64,
}  # fmt: skip
"""Columns and types of a frame of day totals."""
SNAPSHOTS: Final[dict[str, Any]] = {
    "day": pl.Date, "customer": pl.String, "currency": pl.String, "account": pl.Int32, **_AMOUNTS, "plan": pl.String,
    "product": pl.String, "interval": pl.String,
}  # fmt: skip
"""Columns and types of a frame of snapshots."""
_AT_ONCE: Final = 1000


def replace_day_totals(connection: Connection, basis: str, totals: pl.DataFrame, *, first: date | None = None) -> int:
    """Put day totals (DAY_TOTALS) in the place of all that there are from the day `first` on; gives the rows written."""
    mine = delete(day_total).where(day_total.c.basis == basis)
    connection.execute(mine if first is None else mine.where(day_total.c.day >= first))
    kept = totals if first is None else totals.filter(pl.col("day") >= first)
    rows = [(basis, *row) for row in kept.select(list(DAY_TOTALS)).sort("dimension", "segment", "currency", "day").iter_rows()]
    return append(connection, day_total, ("basis", *DAY_TOTALS), rows)


def day_totals(
    connection: Connection,
    basis: str,
    *,
    first: date | None = None,
    until: date | None = None,
    dimension: str = "",
    currency: str | None = None,
) -> pl.DataFrame:
    """Totals of the days [first, until) by one dimension (empty: the whole book), in order of segment, currency and day."""
    query = _chosen(day_total, DAY_TOTALS, basis).where(day_total.c.dimension == dimension)
    if first is not None:
        query = query.where(day_total.c.day >= first)
    if until is not None:
        query = query.where(day_total.c.day < until)
    if currency is not None:
        query = query.where(day_total.c.currency == currency)
    return read_frame(connection, query.order_by(day_total.c.segment, day_total.c.currency, day_total.c.day), DAY_TOTALS)


def replace_month_ends(
    connection: Connection, basis: str, days: Sequence[date], frame: pl.DataFrame, *, customers: Sequence[str] | None = None
) -> int:
    """Put snapshots (SNAPSHOTS) of `days` in the place of those that there are, of all customers or of some; gives the rows written."""
    mine = delete(snapshot).where(snapshot.c.basis == basis, snapshot.c.day.in_(list(days)))
    if customers is None:
        connection.execute(mine)
    for index in range(0, len(customers or ()), _AT_ONCE):
        names = list((customers or ())[index : index + _AT_ONCE])
        asked = asked_for(connection, [bucket_of(n) for n in names], names)
        connection.execute(mine.where(tuple_(snapshot.c.bucket, snapshot.c.customer).in_(select(asked.c.bucket, asked.c.name))))
    rows = [(basis, bucket_of(row[1]), *row) for row in frame.select(list(SNAPSHOTS)).iter_rows()]
    return append(
        connection, snapshot, ("basis", "bucket", *SNAPSHOTS), sorted(rows, key=lambda row: (row[2], row[1], row[3], row[4]))
    )


def month_end(connection: Connection, basis: str, day: date) -> pl.DataFrame:
    """The snapshot of a month's last day, in order of customer and currency."""
    query = _chosen(snapshot, SNAPSHOTS, basis).where(snapshot.c.day == day).order_by(snapshot.c.customer, snapshot.c.currency)
    return read_frame(connection, query, SNAPSHOTS)


def _chosen(table: Any, schema: dict[str, Any], basis: str) -> Select[Any]:
    return select(*(table.c[name] for name in schema)).where(table.c.basis == basis)
