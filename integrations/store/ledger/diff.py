"""The ledger as it is stored against what would be stored now: the difference, customer by customer. Nothing is changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from integrations.store.db.bulk import cleaned
from integrations.store.db.columns import shard_buckets
from integrations.store.ledger.write import COLUMNS, rows_of
from metrics.entries import CustomerLedger


@dataclass(frozen=True, slots=True)
class RowDifference:
    """Rows of one table and customer that are stored but would not be, and that would be but aren't."""

    table: str
    customer: str
    stored: tuple[tuple[Any, ...], ...]
    fresh: tuple[tuple[Any, ...], ...]

    def __str__(self) -> str:
        said = f"{self.table} of {self.customer}: {len(self.stored)} stored rows differ from {len(self.fresh)} fresh ones"
        pair = (self.stored[0] if self.stored else None, self.fresh[0] if self.fresh else None)
        return f"{said}; first stored {_shown(pair[0])}, first fresh {_shown(pair[1])}"


def _shown(row: Sequence[Any] | None) -> str:
    return "none" if row is None else ", ".join(str(value) for value in row[3:])


def differences(
    connection: Connection, basis: str, shard: tuple[int, int], ledgers: Iterable[CustomerLedger], but: frozenset[str] = frozenset()
) -> list[RowDifference]:
    """How what is stored of the i-th of n shards (i, n) of buckets differs from `ledgers`, without the customers `but`."""
    expected = rows_of(basis, ledgers)
    low, high = shard_buckets(shard)
    out = []
    for table, columns in COLUMNS.items():
        fresh = _by_customer(tuple(row) for row in cleaned(table, columns, expected[table]))
        held = _by_customer(_stored(connection, table, columns, basis, low, high))
        for customer in sorted({*fresh, *held} - but):
            one, other = held.get(customer, set()), fresh.get(customer, set())
            if one != other:
                out.append(
                    RowDifference(table.name, customer, tuple(sorted(one - other, key=str)), tuple(sorted(other - one, key=str)))
                )
    return out


def _stored(connection: Connection, table: Table, columns: Sequence[str], basis: str, low: int, high: int) -> list[tuple[Any, ...]]:
    query = select(*(table.c[name] for name in columns))
    mine = query.where(table.c.basis == basis, table.c.bucket >= low, table.c.bucket < high)
    return [tuple(row) for row in connection.execute(mine)]


def _by_customer(rows: Iterable[tuple[Any, ...]]) -> dict[str, set[tuple[Any, ...]]]:
    out: dict[str, set[tuple[Any, ...]]] = {}
    for row in rows:
        out.setdefault(str(row[2]), set()).add(row)
    return out
