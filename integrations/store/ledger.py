"""Writing and reading what was derived: whole customers are replaced, so deriving twice leaves what deriving once does."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, and_, delete, func, select

from integrations.store.bulk import append
from integrations.store.encoding import bucket_of
from integrations.store.schema_ledger import attribute, exclusion, finding, movement, standing
from metrics.ledger import CustomerLedger

DERIVED = (movement, standing, attribute, exclusion, finding)

_MOVEMENT = (
    "basis", "customer", "seq", "bucket", "day", "currency", "kind", "cause", "before_micros", "after_micros", "delta_micros",
    "list_before_micros", "list_after_micros", "inferred", "evidence",
)  # fmt: skip
_STANDING = (
    "basis", "customer", "currency", "day", "bucket", "account", "net_micros", "list_micros", "at_risk_micros", "scheduled_micros",
    "usage_micros", "subscriptions", "plan", "product", "interval",
)  # fmt: skip
_ATTRIBUTE = ("basis", "customer", "key", "day", "bucket", "value")
_EXCLUSION = ("basis", "customer", "seq", "bucket", "object_id", "reason", "currency", "mrr_micros", "since", "until")
_FINDING = ("basis", "customer", "seq", "bucket", "account", "object_id", "reason", "severity", "at", "detail")


def replace_customers(
    connection: Connection, basis: str, names: Sequence[str], ledgers: Iterable[CustomerLedger], *, fresh: bool = False
) -> int:
    """Put the ledgers in the place of everything that the customers `names` had under this basis; gives the movements written.

    `fresh` says that nothing can be there (a rebuild that cleared the basis first), which spares the deletion.
    """
    if not fresh:
        for index in range(0, len(names), 500):
            chunk = list(names[index : index + 500])
            for table in DERIVED:
                connection.execute(delete(table).where(and_(table.c.basis == basis, table.c.customer.in_(chunk))))
    rows: dict[Table, list[tuple[Any, ...]]] = {table: [] for table in DERIVED}
    for ledger in ledgers:
        _collect(rows, basis, ledger)
    append(connection, movement, _MOVEMENT, rows[movement])
    append(connection, standing, _STANDING, rows[standing])
    append(connection, attribute, _ATTRIBUTE, rows[attribute])
    append(connection, exclusion, _EXCLUSION, rows[exclusion])
    append(connection, finding, _FINDING, rows[finding])
    return len(rows[movement])


def _collect(rows: dict[Table, list[tuple[Any, ...]]], basis: str, ledger: CustomerLedger) -> None:
    name, bucket = ledger.customer, bucket_of(ledger.customer)
    for seq, m in enumerate(ledger.movements):
        rows[movement].append((
            basis, name, seq, bucket, m.day, m.currency, m.kind, m.cause, m.before_micros, m.after_micros, m.delta_micros,
            m.list_before_micros, m.list_after_micros, m.inferred, json.dumps(m.evidence),
        ))  # fmt: skip
    for s in ledger.standings:
        rows[standing].append((
            basis, name, s.currency, s.day, bucket, s.account, s.net_micros, s.list_micros, s.at_risk_micros, s.scheduled_micros,
            s.usage_micros, s.subscriptions, s.plan, s.product, s.interval,
        ))  # fmt: skip
    for a in ledger.attributes:
        rows[attribute].append((basis, name, a.key[:128], a.day, bucket, a.value[:512] if a.value is not None else None))
    for seq, e in enumerate(ledger.exclusions):
        rows[exclusion].append((basis, name, seq, bucket, e.object_id, e.reason, e.currency, e.mrr_micros, e.since, e.until))
    for seq, f in enumerate(ledger.findings):
        rows[finding].append((basis, name, seq, bucket, f.account, f.object_id, f.reason, f.severity, f.at, f.detail))


def clear(connection: Connection, basis: str) -> None:
    """Remove everything derived under a basis, but for the figures, which are kept in versions."""
    for table in DERIVED:
        connection.execute(delete(table).where(table.c.basis == basis))


# --- reading ---------------------------------------------------------------------------------------------------------------

_SCHEMAS: dict[str, dict[str, Any]] = {
    "movement": {
        "customer": pl.String, "day": pl.Date, "currency": pl.String, "kind": pl.String, "cause": pl.String,
        "before_micros": pl.Int64, "after_micros": pl.Int64, "delta_micros": pl.Int64, "list_before_micros": pl.Int64,
        "list_after_micros": pl.Int64, "inferred": pl.Boolean, "evidence": pl.String, "seq": pl.Int32,
    },
    "standing": {
        "customer": pl.String, "account": pl.Int32, "day": pl.Date, "currency": pl.String, "net_micros": pl.Int64,
        "list_micros": pl.Int64, "at_risk_micros": pl.Int64, "scheduled_micros": pl.Int64, "usage_micros": pl.Int64,
        "subscriptions": pl.Int32, "plan": pl.String, "product": pl.String, "interval": pl.String,
    },
    "attribute": {"customer": pl.String, "key": pl.String, "value": pl.String, "day": pl.Date},
    "exclusion": {
        "customer": pl.String, "object_id": pl.String, "reason": pl.String, "currency": pl.String, "mrr_micros": pl.Int64,
        "since": pl.Int64, "until": pl.Int64,
    },
    "finding": {
        "customer": pl.String, "account": pl.Int32, "object_id": pl.String, "reason": pl.String, "severity": pl.String,
        "at": pl.Int64, "detail": pl.String,
    },
}  # fmt: skip
_ORDER = {"movement": ("day", "customer", "seq"), "standing": ("customer", "currency", "day")}


def frame(
    connection: Connection,
    table: Table,
    basis: str,
    *,
    first: date | None = None,
    until: date | None = None,
    customer: str | None = None,
    buckets: tuple[int, int] | None = None,
    keys: Sequence[str] | None = None,
) -> pl.DataFrame:
    """The rows of a derived table as a frame: days in [first, until), one customer, a range of buckets, attributes of some keys."""
    schema = _SCHEMAS[table.name]
    query = select(*(table.c[name] for name in schema)).where(table.c.basis == basis)
    if first is not None:
        query = query.where(table.c.day >= first)
    if until is not None:
        query = query.where(table.c.day < until)
    if customer is not None:
        query = query.where(table.c.customer == customer)
    if buckets is not None:
        query = query.where(and_(table.c.bucket >= buckets[0], table.c.bucket < buckets[1]))
    if keys is not None:
        query = query.where(table.c.key.in_(list(keys)))
    if table.name in _ORDER:
        query = query.order_by(*(table.c[name] for name in _ORDER[table.name]))
    result = connection.execution_options(stream_results=True, yield_per=20_000).execute(query)
    parts = [pl.DataFrame([tuple(row) for row in part], schema=schema, orient="row") for part in result.partitions(20_000)]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def count_by(connection: Connection, table: Table, basis: str, column: str) -> dict[str, int]:
    """How many rows of a derived table there are for each value of a column."""
    query = select(table.c[column], func.count()).where(table.c.basis == basis).group_by(table.c[column])
    return {str(value): int(found) for value, found in connection.execute(query)}


def span(connection: Connection, basis: str) -> tuple[date, date] | None:
    """The first and the last day on which anything moved, if anything did."""
    first, last = connection.execute(
        select(func.min(standing.c.day), func.max(standing.c.day)).where(standing.c.basis == basis)
    ).one()
    return (first, last) if first is not None else None
