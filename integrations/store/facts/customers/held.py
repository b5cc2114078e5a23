"""All that is held of one Stripe customer, table by table, as it lies there: for whoever asks what is known of them."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from integrations.store.alerts.schema import alert_history, alert_state, outbox
from integrations.store.db.bulk import among
from integrations.store.db.encoding import plain
from integrations.store.db.engine import is_postgresql
from integrations.store.db.words import bucket_of
from integrations.store.facts.customers import customer_merge
from integrations.store.facts.customers.erase import sent_of
from integrations.store.facts.customers.traces import LEDGER
from integrations.store.facts.schema import (
    credit_note,
    credit_note_line,
    customer_account,
    customer_state,
    event,
    forgotten,
    invoice,
    invoice_line,
    member,
    other_line,
    payload,
    person,
    quarantine,
    subscription_state,
    touched,
    unconfirmed,
)
from integrations.store.figures.schema import former, restatement

Row = dict[str, Any]

_IN_BUCKETS: Final = (customer_state, subscription_state, invoice, invoice_line, other_line, credit_note, credit_note_line)
_BY_ID: Final = (person, forgotten, event, customer_account, member, touched, unconfirmed)
_MESSAGES: Final = (outbox, alert_state, alert_history)


def held(connection: Connection, account: int, customer: str, unpack: Callable[[bytes], bytes]) -> Mapping[str, list[Row]]:
    """The rows of every table that are of the customer or name it, by table; those without any are left out.

    What is packed is unpacked, what Stripe sent by `unpack`.
    """
    name = customer_merge.names(connection, [(account, customer)])[account, customer]
    out: dict[str, list[Row]] = {}

    def look(table: Table, mine: ColumnElement[bool]) -> None:
        found = [
            _readable(table, dict(row))
            for row in connection.execute(select(table).where(mine).order_by(*table.primary_key)).mappings()
        ]
        if found:
            out[table.name] = found

    for table in _BY_ID:
        look(table, and_(table.c.account == account, table.c.customer_id == customer))
    for table in _IN_BUCKETS:
        look(table, and_(table.c.bucket == bucket_of(customer), table.c.customer_id == customer, table.c.account == account))
    look(payload, and_(payload.c.account == account, sent_of(connection, account, customer)))
    for row in out.get("payload", ()):
        row["body"] = json.loads(unpack(row["body"]))
    objects = _objects(out, customer)
    look(quarantine, and_(quarantine.c.account == account, among(connection, quarantine.c.object_id, objects)))
    for table in (*LEDGER, former):
        look(table, and_(table.c.bucket == bucket_of(name), table.c.customer == name))
    look(restatement, restatement.c.customer == name)
    called = [text for row in out.get("person", ()) for text in (row["name"], row["email"]) if text]
    for table in _MESSAGES:
        look(table, _names(connection, table, [customer, name, *called]))
    return out


def _objects(found: Mapping[str, list[Row]], customer: str) -> list[str]:
    """The customer's id and those of its objects, each once."""
    ids = {
        row[key] for rows in found.values() for row in rows for key in ("subscription_id", "invoice_id", "note_id") if row.get(key)
    }
    return sorted({customer, *ids})


def _names(connection: Connection, table: Table, texts: Iterable[str]) -> ColumnElement[bool]:
    place = func.strpos if is_postgresql(connection) else func.instr
    forms = sorted({form for text in texts for form in (text, json.dumps(text)[1:-1])})
    return or_(*(place(table.c.body, form) > 0 for form in forms))


def _readable(table: Table, row: Mapping[str, Any]) -> Row:
    opened: Callable[[bytes], Any] = bytes if table is payload else plain
    return {name: opened(bytes(value)) if isinstance(value, bytes | memoryview) else value for name, value in row.items()}
