"""Up to which instant each stream of an account is complete, moved by compare-and-set.

Beside its position a mark keeps a trail of where it stood: should a wrong clock have moved it past the present, it is taken back to the
last place that is not ahead of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from integrations.store.db.clock import now
from integrations.store.work.schema import cursor as table

EVENTS: Final = "events"
"""The stream of what happened, whose mark says until when an account was read."""

TRAIL: Final = "trail"
TRAIL_SECONDS: Final = 3_600
"""Places of the trail are so far apart."""
TRAIL_KEPT: Final = 48


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
    mine = and_(table.c.account == account, table.c.stream == stream)
    if expected is None:
        values = {"position": new, "data": _text(data, []), "updated_at": now(connection)}
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(account=account, stream=stream, **values))
        except IntegrityError:
            raise CursorMoved(f"the cursor of {stream} was set meanwhile") from None
        return
    held = connection.execute(select(table.c.data).where(mine)).scalar_one_or_none()
    trail = [int(at) for at in json.loads(held).get(TRAIL, ())] if held else []
    if new >= expected and (not trail or expected - trail[-1] >= TRAIL_SECONDS):
        trail = [*trail, expected][-TRAIL_KEPT:]
    values = {"position": new, "data": _text(data, [at for at in trail if at <= new]), "updated_at": now(connection)}
    if connection.execute(update(table).where(mine, table.c.position == expected).values(**values)).rowcount != 1:
        raise CursorMoved(f"the cursor of {stream} no longer stands at {expected}")


def take_back(connection: Connection, found: Cursor, present: int) -> int | None:
    """Take a cursor that is ahead of the present back to the last place of its trail that is not; gives where it stands now.

    One without such a place is removed, and None given: what it stood for has to be read from the beginning. Raises CursorMoved.
    """
    good = [int(at) for at in found.data.get(TRAIL, ()) if int(at) <= present]
    if good:
        data = {key: value for key, value in found.data.items() if key != TRAIL}
        move(connection, found.account, found.stream, found.position, good[-1], data)
        return good[-1]
    mine = and_(table.c.account == found.account, table.c.stream == found.stream, table.c.position == found.position)
    if connection.execute(delete(table).where(mine)).rowcount != 1:
        raise CursorMoved(f"the cursor of {found.stream} no longer stands at {found.position}")
    return None


def _text(data: Mapping[str, Any] | None, trail: list[int]) -> str:
    return json.dumps({**(data or {}), **({TRAIL: trail} if trail else {})}, sort_keys=True)
