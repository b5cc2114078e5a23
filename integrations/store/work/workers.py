"""Workers and their heartbeats; one without for a while is dead or stuck."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from integrations.store.db.clock import now
from integrations.store.db.engine import insert_into
from integrations.store.work.schema import worker as table

TICK: Final = "tick"
"""The name under which the last finished tick is kept among the workers. It is nobody: whoever did it has a row of their own."""


def seen(connection: Connection, name: str, detail: Mapping[str, Any]) -> None:
    """A heartbeat of the worker `name`, which is doing `detail`. Any number of processes may send one at once."""
    statement = insert_into(connection, table)
    new = statement.excluded
    upsert = statement.on_conflict_do_update(index_elements=[table.c.name], set_={"seen_at": new.seen_at, "detail": new.detail})
    text = json.dumps(dict(detail), sort_keys=True, default=str)
    connection.execute(upsert, {"name": name, "seen_at": now(connection), "detail": text})


def gone(connection: Connection, name: str) -> None:
    """The worker `name` ended in order, nobody need look for it."""
    connection.execute(delete(table).where(table.c.name == name))


def everything(connection: Connection) -> list[tuple[str, datetime, dict[str, Any]]]:
    """Each worker with when it was last seen and what it did."""
    rows = connection.execute(select(table.c.name, table.c.seen_at, table.c.detail).order_by(table.c.name))
    return [(str(n), s, json.loads(d)) for n, s, d in rows]
