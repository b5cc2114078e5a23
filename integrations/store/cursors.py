"""Up to which instant each stream of an account is complete, moved by compare-and-set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from integrations.store.clock import now
from integrations.store.schema_work import cursor as table


class CursorMoved(RuntimeError):
    """Somebody else moved the cursor meanwhile; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A stream's position: everything before it has been read."""

    account: int
    stream: str
    position: int
    data: Mapping[str, Any]
    updated_at: datetime


def of_account(connection: Connection, account: int) -> dict[str, Cursor]:
    """Every cursor of an account by stream."""
    rows = connection.execute(select(table).where(table.c.account == account)).mappings()
    return {r["stream"]: Cursor(r["account"], r["stream"], r["position"], json.loads(r["data"]), r["updated_at"]) for r in rows}


def everything(connection: Connection) -> list[Cursor]:
    """Every cursor of every account."""
    rows = connection.execute(select(table).order_by(table.c.account, table.c.stream)).mappings()
    return [Cursor(r["account"], r["stream"], r["position"], json.loads(r["data"]), r["updated_at"]) for r in rows]


def move(
    connection: Connection,
    account: int,
    stream: str,
    expected: int | None,
    new: int,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Set a cursor that stood at `expected` (None: there was none). Raises CursorMoved."""
    text = json.dumps(dict(data or {}), sort_keys=True)
    values = {"position": new, "data": text, "updated_at": now(connection)}
    if expected is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(account=account, stream=stream, **values))
        except IntegrityError:
            raise CursorMoved(f"the cursor of {stream} was set meanwhile") from None
        return
    mine = and_(table.c.account == account, table.c.stream == stream, table.c.position == expected)
    if connection.execute(update(table).where(mine).values(**values)).rowcount != 1:
        raise CursorMoved(f"the cursor of {stream} no longer stands at {expected}")
