"""The tables. Facts are append-only on natural keys; everything derived can be thrown away and made again.

Facts are dated as Stripe dates them, in whole seconds since the epoch (BIGINT): the same on both databases and traceable to Stripe's
JSON. Our own times (jobs, runs, when a fact was learnt) are UTC timestamps that refuse naive values. Days are DATE, money is BIGINT:
micros where it was derived, minor units where Stripe said it.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

BUCKETS = 1024
"""Customers are spread over this many buckets, by a stable hash of their name."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Big = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer; SQLite's own is one, and only INTEGER keys count up there."""


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
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def part_of_key() -> dict[str, Any]:
    """What a column of the primary key is declared with."""
    return {"primary_key": True, "nullable": False, "autoincrement": False}


def _instant(name: str, **more: Any) -> "Column[int]":
    return Column(name, Big, **more)


# --- who is read -----------------------------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True, comment="what the installation calls it"),
    Column("stripe_id", String(255), nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("country", String(2)),
    Column("default_currency", String(8)),
    Column("bound_at", UtcDateTime, nullable=False),
    UniqueConstraint("stripe_id", "livemode"),
    comment="Stripe accounts, each bound to a name and a mode at first sight",
)

# --- facts ------------------------------------------------------------------------------------------------------------------

catalog = Table(
    "catalog",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("kind", String(8), **part_of_key()),
    Column("object_id", String(255), **part_of_key()),
    Column("digest", String(32), **part_of_key()),
    Column("rank", SmallInteger, nullable=False, comment="1 listed whole, 0 seen inside another object"),
    Column("observed_at", Big, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("learnt_at", UtcDateTime, nullable=False),
    comment="Prices, coupons and products in every version seen",
)

customer_state = Table(
    "customer_state",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("customer_id", String(255), **part_of_key()),
    Column("at", Big, **part_of_key()),
    Column("source", SmallInteger, **part_of_key(), comment="1 before an event, 2 event, 3 listing"),
    Column("source_id", String(255), **part_of_key()),
    Column("bucket", SmallInteger, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("learnt_at", UtcDateTime, nullable=False),
    comment="What a customer was at a moment, without personal data",
)

subscription_state = Table(
    "subscription_state",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("subscription_id", String(255), **part_of_key()),
    Column("at", Big, **part_of_key()),
    Column("source", SmallInteger, **part_of_key(), comment="1 before an event, 2 event, 3 listing"),
    Column("source_id", String(255), **part_of_key()),
    Column("customer_id", String(255), nullable=False),
    Column("bucket", SmallInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("digest", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("learnt_at", UtcDateTime, nullable=False),
    Index(None, "account", "customer_id"),
    comment="What a subscription was at a moment",
)

invoice = Table(
    "invoice",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("invoice_id", String(255), **part_of_key()),
    Column("status", String(32), **part_of_key()),
    Column("customer_id", String(255)),
    Column("subscription_id", String(255)),
    Column("bucket", SmallInteger, nullable=False),
    _instant("created", nullable=False),
    Column("currency", String(8), nullable=False),
    Column("billing_reason", String(64)),
    Column("amount_paid", Big, nullable=False),
    _instant("finalized_at"),
    _instant("paid_at"),
    _instant("voided_at"),
    _instant("uncollectible_at"),
    Column("learnt_at", UtcDateTime, nullable=False),
    Index(None, "account", "customer_id"),
    comment="Heads of invoices, one row for each status they were seen in",
)

invoice_line = Table(
    "invoice_line",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("invoice_id", String(255), **part_of_key()),
    Column("line_id", String(255), **part_of_key()),
    Column("customer_id", String(255)),
    Column("subscription_id", String(255), nullable=False),
    Column("bucket", SmallInteger, nullable=False),
    Column("item_id", String(255)),
    Column("price_id", String(255)),
    Column("quantity", Big),
    Column("amount", Big, nullable=False, comment="minor units"),
    Column("currency", String(8), nullable=False),
    _instant("period_start", nullable=False),
    _instant("period_end", nullable=False),
    Column("proration", Boolean, nullable=False),
    Column("inclusive_tax", Big, nullable=False, comment="minor units"),
    Column("extra", LargeBinary, comment="discounts and credited lines, where there are any"),
    Column("learnt_at", UtcDateTime, nullable=False),
    Index(None, "account", "customer_id"),
    comment="Lines of finalised invoices that belong to a subscription",
)

event = Table(
    "event",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("event_id", String(255), **part_of_key()),
    Column("type", String(128), nullable=False),
    _instant("created", nullable=False),
    Column("object_id", String(255), nullable=False),
    Column("customer_id", String(255)),
    Column("subscription_id", String(255)),
    Column("invoice_id", String(255)),
    Column("learnt_at", UtcDateTime, nullable=False),
    Index(None, "account", "created"),
    comment="Events seen, so that a hole or a repetition can be told",
)

payload = Table(
    "payload",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("kind", String(16), **part_of_key()),
    Column("object_id", String(255), **part_of_key()),
    Column("source_id", String(255), **part_of_key()),
    Column("body", LargeBinary, nullable=False, comment="zlib"),
    Column("learnt_at", UtcDateTime, nullable=False),
    comment="What Stripe sent, kept because events are forgotten after thirty days",
)

member = Table(
    "member",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("customer_id", String(255), **part_of_key()),
    Column("name", String(512), nullable=False, index=True),
    Column("bucket", SmallInteger, nullable=False),
    comment="Stripe customers that a metadata rule makes part of another customer",
)

touched = Table(
    "touched",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("account", Integer, nullable=False),
    Column("customer_id", String(255), nullable=False),
    Index(None, "account", "customer_id"),
    comment="Customers with facts that nothing was derived from yet",
)
