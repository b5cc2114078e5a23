"""The whole content of the database as text in a canonical order, without what only says when and by whom it was done.

Two databases with the same dump hold the same facts and the same figures, whichever kind of database they are.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from integrations.store.schema import (
    catalog,
    customer_state,
    event,
    invoice,
    invoice_line,
    member,
    payload,
    subscription_state,
)
from integrations.store.schema_ledger import attribute, exclusion, finding, movement, rollup, standing

FACTS = (catalog, customer_state, subscription_state, invoice, invoice_line, event, payload, member)
DERIVED = (movement, standing, attribute, exclusion, finding, rollup)
_OPERATIONAL = frozenset({"learnt_at", "observed_at", "run_id", "version", "current"})


def canonical(connection: Connection, *, facts: bool = True, derived: bool = True) -> Iterator[str]:
    """One line of JSON for each row, table by table, in order of the whole line."""
    for table in (*(FACTS if facts else ()), *(DERIVED if derived else ())):
        yield from _lines(connection, table)


def _lines(connection: Connection, table: Table) -> Iterator[str]:
    columns = [c for c in table.columns if c.name not in _OPERATIONAL]
    query = select(*columns)
    if table is rollup:
        query = query.where(rollup.c.current)
    rows = connection.execute(query)
    names = [c.name for c in columns]
    yield from sorted(
        json.dumps({"table": table.name} | {n: _plain(v) for n, v in zip(names, row, strict=True)}, sort_keys=True) for row in rows
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value if isinstance(value, str | int | bool) or value is None else str(value)
