"""The whole content of the database as text in a canonical order, without what only says when and by whom it was done.

Two databases with the same dump hold the same facts and the same figures, whichever kind of database they are.
"""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from integrations.store.db.encoding import plain
from integrations.store.facts.schema import (
    catalog,
    credit_note,
    credit_note_line,
    customer_account,
    customer_state,
    event,
    invoice,
    invoice_line,
    member,
    other_line,
    payload,
    rate,
    subscription_state,
)
from integrations.store.figures.schema import billing, day_total, rollup, segment_name, snapshot
from integrations.store.ledger.schema import attribute, exclusion, finding, movement, standing, wake

FACTS = (
    *(catalog, customer_state, subscription_state, invoice, invoice_line, event, payload, rate, member, customer_account),
    *(other_line, credit_note, credit_note_line),
)
DERIVED = (movement, standing, attribute, exclusion, finding, wake, rollup, day_total, snapshot, segment_name, billing)
_OPERATIONAL = frozenset({"learnt_at", "observed_at", "run_id", "version", "current"})


def canonical(connection: Connection, *, facts: bool = True, derived: bool = True) -> Iterator[str]:
    """One line of JSON for each row, table by table, the lines of a table in order."""
    for table in (*(FACTS if facts else ()), *(DERIVED if derived else ())):
        yield from _lines(connection, table)


def _lines(connection: Connection, table: Table) -> list[str]:
    columns = [c for c in table.columns if c.name not in _OPERATIONAL]
    query = select(*columns)
    if table is rollup:
        query = query.where(rollup.c.current)
    names = [c.name for c in columns]
    return sorted(
        json.dumps({"table": table.name} | {n: _plain(table, v) for n, v in zip(names, row, strict=True)}, sort_keys=True)
        for row in connection.execute(query)
    )


def _plain(table: Table, value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        body = bytes(value)
        return zlib.decompress(body).decode(errors="replace") if table is payload else plain(body)
    return value if isinstance(value, str | int | bool) or value is None else str(value)
