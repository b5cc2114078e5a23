"""Who did what by hand. An entry is written in the transaction of the deed: both are there, or neither is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from integrations.store.db.clock import now
from integrations.store.db.words import clean
from integrations.store.work.schema import audit_log as table

Action = Literal["forget", "mute", "unmute", "acknowledge", "rates load", "rebuild", "settings", "restore", "upgrade"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed: `system_user` is who did it (user and machine), `object` to what, `detail` how."""

    id: int
    at: datetime
    system_user: str
    action: str
    object: str
    detail: Mapping[str, Any]


def write(connection: Connection, system_user: str, action: Action, object_: str, **detail: Any) -> None:
    """Write down what is being done. `detail` holds neither secrets nor anything personal."""
    values = {
        "at": now(connection),
        "system_user": clean(system_user),
        "action": action,
        "object": clean(object_),
        "detail": clean(json.dumps(detail, sort_keys=True, default=str)),
    }
    connection.execute(insert(table).values(**values))


def latest(connection: Connection, *, action: str | None = None, limit: int = 100) -> list[Entry]:
    """Entries, newest first."""
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if action is not None:
        query = query.where(table.c.action == action)
    return [Entry(**{**row, "detail": json.loads(row["detail"])}) for row in connection.execute(query).mappings()]
