"""Workers that say that they get on; one that has not for a while is dead or stuck."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from integrations.store.clock import now
from integrations.store.schema_work import worker as table


def seen(connection: Connection, name: str, detail: Mapping[str, Any]) -> None:
    """The worker `name` gets on, doing `detail`."""
    values = {"seen_at": now(connection), "detail": json.dumps(dict(detail), sort_keys=True, default=str)}
    if connection.execute(update(table).where(table.c.name == name).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(name=name, **values))


def everything(connection: Connection) -> list[tuple[str, datetime, dict[str, Any]]]:
    """Each worker with when it was last seen and what it did."""
    rows = connection.execute(select(table.c.name, table.c.seen_at, table.c.detail).order_by(table.c.name))
    return [(str(n), s, json.loads(d)) for n, s, d in rows]
