"""Objects that were read older than an event says that they are: to be read again later, a few times at most."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from integrations.store.db.clock import now
from integrations.store.db.engine import insert_into
from integrations.store.facts.schema import recheck as table


@dataclass(frozen=True, slots=True)
class Recheck:
    """One object to be read again; `event_id` is the event that it contradicted, `tries` how often it was read since."""

    account: int
    kind: str
    object_id: str
    event_id: str
    tries: int = 0


def note(connection: Connection, found: Iterable[Recheck], delay_seconds: float) -> None:
    """Note objects to be read again after a delay; one that is noted already begins anew, for the event that it contradicts now."""
    moment = now(connection)
    for each in sorted(found, key=lambda r: (r.account, r.kind, r.object_id)):
        values = {"event_id": each.event_id, "tries": each.tries, "due_at": moment + timedelta(seconds=delay_seconds)}
        row = {"account": each.account, "kind": each.kind, "object_id": each.object_id, "first_seen": moment, **values}
        statement = insert_into(connection, table).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values))


def due(connection: Connection, account: int, *, longest_delay_seconds: float) -> list[Recheck]:
    """What is to be read again now, in order; one that is due later than any delay lasts was noted by a clock that was set back since."""
    moment = now(connection)
    latest = moment + timedelta(seconds=longest_delay_seconds)
    mine = and_(table.c.account == account, (table.c.due_at <= moment) | (table.c.due_at > latest))
    columns = (table.c.account, table.c.kind, table.c.object_id, table.c.event_id, table.c.tries)
    return [Recheck(*row) for row in connection.execute(select(*columns).where(mine).order_by(table.c.kind, table.c.object_id))]


def again(connection: Connection, each: Recheck, delay_seconds: float) -> None:
    """It was read once more and is to be read again."""
    values = {"tries": each.tries + 1, "due_at": now(connection) + timedelta(seconds=delay_seconds)}
    connection.execute(update(table).where(_mine(each)).values(**values))


def done(connection: Connection, each: Recheck) -> None:
    """It needn't be read again."""
    connection.execute(delete(table).where(_mine(each)))


def count(connection: Connection) -> int:
    """How many objects wait to be read again."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _mine(each: Recheck) -> ColumnElement[bool]:
    return and_(table.c.account == each.account, table.c.kind == each.kind, table.c.object_id == each.object_id)
