"""Day totals and month-end snapshots: what a day looked like, kept so that nobody has to add it up again.

Totals are kept of every day. Snapshots of each customer are kept of the latest month ends, and any other day is read off the standings.

Both are derived and replaced: writing the days from the first changed one on leaves what writing all of them does.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from integrations.store.db.bulk import asked_for
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.frames import append_frame, read_frame
from integrations.store.figures.schema import day_total, snapshot
from integrations.store.ledger.read import as_of
from integrations.store.ledger.schema import standing
from metrics.dimensions import CARRIED

_AMOUNTS: Final = {
    "net_micros": pl.Int64,
    "list_micros": pl.Int64,
    "at_risk_micros": pl.Int64,
    "scheduled_micros": pl.Int64,
    "usage_micros": pl.Int64,
    "subscriptions": pl.Int64,
}
DAY_TOTALS: Final[dict[str, Any]] = {
    "dimension": pl.String,
    "segment": pl.String,
    "currency": pl.String,
    "day": pl.Date,
    **_AMOUNTS,
    "customers": pl.Int64,
}
"""Columns and types of a frame of day totals."""
SNAPSHOTS: Final[dict[str, Any]] = {
    "day": pl.Date,
    "customer": pl.String,
    "currency": pl.String,
    "account": pl.Int32,
    **_AMOUNTS,
    **dict.fromkeys(CARRIED, pl.String),
}
"""Columns and types of a frame of snapshots."""
_AT_ONCE: Final = 1000


def replace_day_totals(connection: Connection, basis: str, totals: pl.DataFrame, *, first: date | None = None) -> int:
    """Put day totals (DAY_TOTALS) in the place of all that there are from the day `first` on; gives the rows written."""
    mine = delete(day_total).where(day_total.c.basis == basis)
    connection.execute(mine if first is None else mine.where(day_total.c.day >= first))
    kept = totals if first is None else totals.filter(pl.col("day") >= first)
    rows = kept.select(pl.lit(basis).alias("basis"), *DAY_TOTALS).sort("dimension", "segment", "currency", "day")
    return append_frame(connection, day_total, rows)


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


def put_month_ends(
    connection: Connection,
    basis: str,
    days: Sequence[date],
    *,
    shard: tuple[int, int] = (0, 1),
    customers: Sequence[str] | None = None,
) -> int:
    """Put what stands at the closings of `days` in the place of what is kept of them, for one of n shards of customers or for some of them.

    Made of the standings within the database: a customer's row is carried from month to month without leaving it. Gives the rows written.
    """
    if not days:
        return 0
    if customers is None:
        low, high = shard_buckets(shard)
        return _put_month_ends(connection, basis, days, lambda table: and_(table.c.bucket >= low, table.c.bucket < high))
    return sum(_put_month_ends(connection, basis, days, _among(connection, some)) for some in chunks(customers, _AT_ONCE))


def _among(connection: Connection, names: list[str]) -> Callable[[Table], ColumnElement[bool]]:
    asked = asked_for(connection, names)
    return lambda table: tuple_(table.c.bucket, table.c.customer).in_(select(asked.c.bucket, asked.c.name))


def _put_month_ends(connection: Connection, basis: str, days: Sequence[date], whose: Callable[[Table], ColumnElement[bool]]) -> int:
    connection.execute(delete(snapshot).where(snapshot.c.basis == basis, snapshot.c.day.in_(list(days)), whose(snapshot)))
    line = (standing.c.bucket, standing.c.customer, standing.c.currency)
    following = func.lead(standing.c.day).over(partition_by=line, order_by=standing.c.day).label("following")
    found = select(standing, following).where(standing.c.basis == basis, whose(standing)).subquery("found")
    ends = union_all(*(select(literal(day, Date).label("end")) for day in sorted(set(days)))).subquery("ends")
    holds = and_(found.c.day <= ends.c.end, or_(found.c.following.is_(None), found.c.following > ends.c.end))
    columns = ["basis", "bucket", *SNAPSHOTS]
    values = [ends.c.end if name == "day" else found.c[name] for name in columns]
    stands = or_(*(found.c[name] != 0 for name in _AMOUNTS))
    source = select(*values).select_from(found.join(ends, holds)).where(stands)
    return connection.execute(insert(snapshot).from_select(columns, source)).rowcount


def month_ends_kept(connection: Connection, basis: str) -> list[date]:
    """The days whose closings are kept, ascending.

    Each is looked up behind the one before it, which the key answers at once: to ask for all that differ reads every row.
    """
    found: list[date] = []
    first = select(func.min(snapshot.c.day)).where(snapshot.c.basis == basis)
    day = connection.execute(first).scalar_one()
    while day is not None:
        found.append(day)
        day = connection.execute(first.where(snapshot.c.day > day)).scalar_one()
    return found


def drop_month_ends(connection: Connection, basis: str, kept: Sequence[date]) -> None:
    """Remove all month ends but those of the days `kept`."""
    outdated = [day for day in month_ends_kept(connection, basis) if day not in kept]
    if outdated:
        connection.execute(delete(snapshot).where(snapshot.c.basis == basis, snapshot.c.day.in_(outdated)))


def month_end(connection: Connection, basis: str, day: date, *, shard: tuple[int, int] = (0, 1)) -> pl.DataFrame:
    """MRR per customer of one of n shards at the closing of `day`, in order of customer and currency: as kept, or read off the standings
    where it isn't."""
    low, high = shard_buckets(shard)
    query = _chosen(snapshot, SNAPSHOTS, basis).where(snapshot.c.day == day, snapshot.c.bucket >= low, snapshot.c.bucket < high)
    found = read_frame(connection, query.order_by(snapshot.c.customer, snapshot.c.currency), SNAPSHOTS)
    if not found.is_empty():
        return found
    standing_then = as_of(connection, basis, day, shard=shard).with_columns(pl.lit(day).alias("day"))
    return standing_then.select(pl.col(name).cast(kind) for name, kind in SNAPSHOTS.items())


def _chosen(table: Any, schema: dict[str, Any], basis: str) -> Select[Any]:
    return select(*(table.c[name] for name in schema)).where(table.c.basis == basis)
