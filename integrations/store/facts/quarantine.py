"""Objects that could not be read: quarantined alone, named with a reason, cleared when they can be read again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, select, update

from integrations.store.db.chunks import chunks
from integrations.store.db.clock import now
from integrations.store.db.engine import insert_into
from integrations.store.facts.schema import quarantine as table
from metrics.keys import bounded


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One object that is quarantined."""

    account: int
    kind: str
    object_id: str
    reason: str
    detail: str
    first_seen: datetime | None = None
    last_seen: datetime | None = None


def put(connection: Connection, found: Iterable[Quarantined]) -> int:
    """Note objects; one noted before is only seen again. Gives how many were not noted before."""
    moment = now(connection)
    insert = insert_into(connection, table).on_conflict_do_nothing()
    fresh = 0
    for q in (replace(each, object_id=bounded(each.object_id)) for each in found):
        mine = and_(table.c.account == q.account, table.c.kind == q.kind, table.c.object_id == q.object_id)
        values = {"reason": q.reason, "detail": q.detail[:2000], "last_seen": moment}
        row = {"account": q.account, "kind": q.kind, "object_id": q.object_id, "first_seen": moment, **values}
        if connection.execute(insert, row).rowcount:
            fresh += 1
        else:
            connection.execute(update(table).where(mine).values(**values))
    return fresh


def clear(connection: Connection, account: int, kind: str, object_ids: Iterable[str]) -> int:
    """Take objects out again that could be read; gives how many were noted."""
    ids = [bounded(each) for each in object_ids]
    if not ids or count(connection) == 0:
        return 0
    cleared = 0
    for part in chunks(ids, 500):
        mine = and_(table.c.account == account, table.c.kind == kind, table.c.object_id.in_(part))
        cleared += connection.execute(delete(table).where(mine)).rowcount
    return cleared


def holds(connection: Connection, account: int, kind: str, object_id: str) -> bool:
    """Whether this very object is quarantined."""
    mine = and_(table.c.account == account, table.c.kind == kind, table.c.object_id == bounded(object_id))
    return connection.execute(select(table.c.id).where(mine).limit(1)).first() is not None


def count(connection: Connection) -> int:
    """How many objects are quarantined."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def everything(connection: Connection, limit: int = 1000) -> list[Quarantined]:
    """What is quarantined, oldest first."""
    columns = (
        table.c.account,
        table.c.kind,
        table.c.object_id,
        table.c.reason,
        table.c.detail,
        table.c.first_seen,
        table.c.last_seen,
    )
    return [Quarantined(*row) for row in connection.execute(select(*columns).order_by(table.c.id).limit(limit))]
