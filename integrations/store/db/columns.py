"""What every table is made of: the types of columns, and the few ways to declare one. No table is described here.

Facts are dated as Stripe dates them, in whole seconds since the epoch (BIGINT): the same on both databases and traceable to Stripe's
JSON. Our own times (jobs, runs, when something was learnt) are UTC timestamps that refuse naive values. Days are DATE, money is BIGINT:
micros where it was derived, minor units where Stripe said it. Words have no length: a longer one than was thought of must not stop a
page. They are compared byte by byte on both databases, so that both have the same order.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Dialect, Integer, LargeBinary, MetaData, SmallInteger, Text
from sqlalchemy.types import TypeDecorator

BUCKETS = 1024
"""Customers are spread over this many buckets, by a stable hash of their name."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

COPIED: dict[str, bool] = {"copied": True}
"""Said of a table that a copy for a dry run must have: facts, and how far they reach."""
STAYS: dict[str, bool] = {"copied": False}
"""Said of a table of facts that no copy has: what Stripe sent, names, and what is still to be done."""

Big = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer; SQLite's own is one, and only INTEGER keys count up there."""
Word = Text().with_variant(Text(collation="C"), "postgresql")
"""An id or another word by which rows are found, compared by code point."""
Day = Date()
Small = SmallInteger()
Whole = Integer()
Flag = Boolean()
Bytes = LargeBinary()


def shard_buckets(shard: tuple[int, int]) -> tuple[int, int]:
    """The half-open range of buckets that the i-th of n shards (i, n) is."""
    index, count = shard
    return BUCKETS * index // count, BUCKETS * (index + 1) // count


def require_zone(value: datetime) -> datetime:
    """The value itself. Raises ValueError for a naive one, which would mean something else on another machine."""
    if value.tzinfo is None:
        raise ValueError("a time without its zone can't be stored")
    return value


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored in UTC. A naive value is refused: it would mean something else on another machine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        utc = require_zone(value).astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Time = UtcDateTime()


def key(name: str, kind: Any, comment: str) -> "Column[Any]":
    """A part of the primary key."""
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False, comment=comment)


def number(comment: str, kind: Any = Whole) -> "Column[Any]":
    """The column `id`, given out by the database."""
    return Column("id", kind, primary_key=True, autoincrement=True, comment=comment)


def must(name: str, kind: Any, comment: str, **more: Any) -> "Column[Any]":
    """A column that always has a value."""
    return Column(name, kind, nullable=False, comment=comment, **more)


def may(name: str, kind: Any, comment: str, **more: Any) -> "Column[Any]":
    """A column that can be empty."""
    return Column(name, kind, nullable=True, comment=comment, **more)
