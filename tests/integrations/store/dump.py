"""The whole content of the database as text in a canonical order, without what only says when and by whom it was done.

Two databases with the same dump hold the same facts and the same figures, whichever kind of database they are.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, literal, select

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
from integrations.stripe.decode.sent import unpacked

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
    columns = sorted((*(c for c in table.columns if c.name not in _OPERATIONAL), literal(table.name).label("table")), key=_name)
    query = select(*columns).select_from(table)
    if table is rollup:
        query = query.where(rollup.c.current)
    names = [_name(c) for c in columns]
    line = json.JSONEncoder(default=_sent if table is payload else _plain).encode
    return sorted(line(dict(zip(names, row, strict=True))) for row in connection.execute(query))


def _name(column: ColumnElement[Any]) -> str:
    return str(getattr(column, "name", ""))


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    return plain(bytes(value)) if isinstance(value, bytes | memoryview) else str(value)


def _sent(value: Any) -> Any:
    """The same of an answer that was kept as it was sent."""
    return unpacked(bytes(value)).decode(errors="replace") if isinstance(value, bytes | memoryview) else _plain(value)
