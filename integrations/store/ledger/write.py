"""Writing and reading what was derived: whole customers are replaced, so deriving twice leaves what deriving once does."""

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, delete, select, tuple_

from integrations.store.db.bulk import append, asked_for
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.words import bucket_of
from integrations.store.ledger import previous
from integrations.store.ledger.schema import attribute, exclusion, finding, movement, standing, wake
from metrics.dimensions import CARRIED
from metrics.entries import CustomerLedger

DERIVED = (movement, standing, attribute, exclusion, finding, wake)

_MOVEMENT = (
    "basis",
    "bucket",
    "customer",
    "seq",
    "day",
    "currency",
    "kind",
    "cause",
    "before_micros",
    "after_micros",
    "delta_micros",
    "list_before_micros",
    "list_after_micros",
    "inferred",
    "evidence",
)
_STANDING = (
    "basis",
    "bucket",
    "customer",
    "currency",
    "day",
    "account",
    "net_micros",
    "list_micros",
    "at_risk_micros",
    "scheduled_micros",
    "usage_micros",
    "subscriptions",
    *CARRIED,
)
_carried = attrgetter(*CARRIED)
_ATTRIBUTE = ("basis", "bucket", "customer", "key", "day", "value")
_EXCLUSION = ("basis", "bucket", "customer", "seq", "object_id", "reason", "currency", "mrr_micros", "since", "until")
_FINDING = ("basis", "bucket", "customer", "seq", "account", "object_id", "reason", "severity", "at", "detail")
_WAKE = ("basis", "bucket", "customer", "at")
_DELETED_AT_ONCE = 1000


# --- writing ---------------------------------------------------------------------------------------------------------------


def replace_customers(
    connection: Connection,
    basis: str,
    names: Sequence[str],
    ledgers: Iterable[CustomerLedger],
    *,
    fresh: bool = False,
) -> int:
    """Put the ledgers in the place of everything that the customers `names` had under this basis; gives the movements written.

    `fresh` says that nothing can be there (a rebuild that cleared the basis first), which spares the deletion.
    """
    if not fresh:
        previous.remember(connection, basis, names)
        _remove(connection, basis, names)
    rows = rows_of(basis, ledgers)
    for table, columns in COLUMNS.items():
        append(connection, table, columns, rows[table])
    return len(rows[movement])


def _remove(connection: Connection, basis: str, names: Sequence[str]) -> None:
    for chunk in chunks(names, _DELETED_AT_ONCE):
        asked = asked_for(connection, chunk)
        for table in DERIVED:
            theirs = tuple_(table.c.bucket, table.c.customer).in_(select(asked.c.bucket, asked.c.name))
            connection.execute(delete(table).where(table.c.basis == basis, theirs))


def _collect(rows: dict[Table, list[tuple[Any, ...]]], basis: str, ledger: CustomerLedger) -> None:
    name, bucket = ledger.customer, bucket_of(ledger.customer)
    for seq, m in enumerate(ledger.movements):
        rows[movement].append(
            (
                basis,
                bucket,
                name,
                seq,
                m.day,
                m.currency,
                m.kind,
                m.cause,
                m.before_micros,
                m.after_micros,
                m.delta_micros,
                m.list_before_micros,
                m.list_after_micros,
                m.inferred,
                json.dumps(m.evidence),
            )
        )
    for s in ledger.standings:
        rows[standing].append(
            (
                basis,
                bucket,
                name,
                s.currency,
                s.day,
                s.account,
                s.net_micros,
                s.list_micros,
                s.at_risk_micros,
                s.scheduled_micros,
                s.usage_micros,
                s.subscriptions,
                *_carried(s),
            )
        )
    for a in ledger.attributes:
        rows[attribute].append((basis, bucket, name, a.key, a.day, a.value))
    for seq, e in enumerate(ledger.exclusions):
        rows[exclusion].append((basis, bucket, name, seq, e.object_id, e.reason, e.currency, e.mrr_micros, e.since, e.until))
    for seq, f in enumerate(ledger.findings):
        rows[finding].append((basis, bucket, name, seq, f.account, f.object_id, f.reason, f.severity, f.at, f.detail))
    if ledger.wake is not None:
        rows[wake].append((basis, bucket, name, ledger.wake))


def clear(connection: Connection, basis: str) -> None:
    """Remove everything derived under a basis, but for the figures, which are kept in versions."""
    previous.forget(connection, basis)
    for table in DERIVED:
        connection.execute(delete(table).where(table.c.basis == basis))


def clear_shard(connection: Connection, basis: str, shard: tuple[int, int]) -> None:
    """Remove everything derived under a basis of the customers in the i-th of n shards (i, n) of the buckets."""
    previous.forget(connection, basis)
    low, high = shard_buckets(shard)
    for table in DERIVED:
        connection.execute(delete(table).where(table.c.basis == basis, table.c.bucket >= low, table.c.bucket < high))


def rows_of(basis: str, ledgers: Iterable[CustomerLedger]) -> dict[Table, list[tuple[Any, ...]]]:
    """What `replace_customers` would write of some ledgers, by table; each row begins with basis, bucket and customer."""
    rows: dict[Table, list[tuple[Any, ...]]] = {table: [] for table in DERIVED}
    for each in ledgers:
        _collect(rows, basis, each)
    return rows


COLUMNS = {
    movement: _MOVEMENT,
    standing: _STANDING,
    attribute: _ATTRIBUTE,
    exclusion: _EXCLUSION,
    finding: _FINDING,
    wake: _WAKE,
}
"""The columns of those rows."""
