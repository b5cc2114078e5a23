"""The database's own time, which decides leases: workers' clocks may be a day off.

That clock may be set back, too (a machine restored, a virtual one woken up): what it stamped before then lies in the future. Nobody waits
for such a moment: a wait that would last longer than any wait can has been over for long.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, or_, text

from integrations.store.db.engine import is_postgresql
from metrics.periods import CLOCKS_AGREE_SECONDS


def now(connection: Connection) -> datetime:
    """The present instant by the database's clock (on PostgreSQL of the statement, not of the transaction)."""
    if is_postgresql(connection):
        value = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        assert isinstance(value, datetime)
        return value.astimezone(UTC)
    stamp = connection.execute(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
    return datetime.fromisoformat(str(stamp)).replace(tzinfo=UTC)


LONGEST_WAIT: Final = timedelta(minutes=65)
"""Longer than any lease lasts and any try is put off: an hour is the most of both."""

APART: Final = timedelta(seconds=CLOCKS_AGREE_SECONDS)
"""A stored moment that lies further ahead than this was stamped by another clock."""


def is_due(column: "ColumnElement[datetime]", moment: datetime, longest: timedelta = LONGEST_WAIT) -> "ColumnElement[bool]":
    """Whether a stored moment has come: it is past, or further away than it can have been put off."""
    return or_(column <= moment, column > moment + longest)


def is_due_then(column: "ColumnElement[datetime]") -> "ColumnElement[bool]":
    """The same at whatever moment a statement, which is made once, is executed with: see `due_at`."""
    return or_(column <= bindparam("moment"), column > bindparam("furthest"))


def due_at(moment: datetime) -> dict[str, datetime]:
    """What a statement with `is_due_then` in it is executed with."""
    return {"moment": moment, "furthest": moment + LONGEST_WAIT}


def has_passed(since: datetime, wait: timedelta, moment: datetime) -> bool:
    """Whether so much time has passed since a stored moment; since one that is yet to come it has."""
    return moment >= since + wait or since > moment + APART
