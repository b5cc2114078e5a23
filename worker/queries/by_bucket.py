"""The ledger's rows by the bucket of their customers: as many parts as are asked for, each of whole customers, one after the other.

For engines elsewhere (DuckDB, ClickHouse) that keep or read tables in parts: `bucket` is the same hash of the customer's name by which the
database lies, so rows of one customer are in one part of each table, and parts of two tables can be joined one by one.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.db.words import bucket_of
from integrations.store.figures import snapshots
from integrations.store.ledger import read as read_ledger
from integrations.store.ledger import totals
from metrics.periods import months_between
from worker.queries.frames import named_month_ends, named_movements
from worker.queries.session import Session, ledger

BUCKET: Final = "bucket"
MOST: Final = 1024
"""There are no more buckets."""

Shard = tuple[int, int]


def movements(session: Session, parts: int, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """The movements of [first, until) as `worker.queries.frames.movements` gives them, and `bucket`; one frame for each part, in order.

    All in one reading transaction, and no more than one part in memory. Raises NothingDerived.
    """
    version = session.basis.version
    with ledger(session) as connection:
        found = (
            read_ledger.movements(connection, version, first, until, shard=(part, parts), beside=True) for part in range(parts)
        )
        yield from map(_with_bucket, named_movements(session, found))


def month_ends(session: Session, parts: int, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """What stood at the month ends in [first, until) as `worker.queries.frames.mrr_by_customer` gives it, and `bucket`, in the same way."""
    version = session.basis.version
    with ledger(session) as connection:
        span = totals.span(connection, version)
        low = first or (span[0] if span else session.today)
        high = until or session.today + timedelta(days=1)
        ends = [window.until - timedelta(days=1) for window in months_between(low, high)]
        days = [day for day in ends if low <= day < high] or [low]
        found = (_at(connection, version, days, (part, parts)) for part in range(parts))
        yield from map(_with_bucket, named_month_ends(session, found))


def _at(connection: Connection, version: str, days: list[date], shard: Shard) -> pl.DataFrame:
    return pl.concat([snapshots.month_end(connection, version, day, shard=shard) for day in days])


def _with_bucket(rows: pl.DataFrame) -> pl.DataFrame:
    names = rows["customer"].unique().to_list()
    buckets = pl.DataFrame(
        {"customer": names, BUCKET: [bucket_of(name) for name in names]}, schema={"customer": pl.String, BUCKET: pl.Int16}
    )
    return rows.join(buckets, on="customer", how="left", maintain_order="left").select(BUCKET, *rows.columns)


TABLES: Final[Mapping[str, Callable[[Session, int, date | None, date | None], Iterator[pl.DataFrame]]]] = {
    "movements": movements,
    "snapshots": month_ends,
}
"""What can be had by bucket: all that is of single customers."""
