"""The outbox: messages written with the change of state that causes them, sent by whoever claims them.

A message is unique by what it tells of, so the same change never puts a second one in. A sender that died holding one leaves it to be
claimed again when its lease is over; what a server answered ambiguously is recorded as such and not sent again by itself.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integrations.store.clock import now
from integrations.store.encoding import clean
from integrations.store.engine import is_postgresql
from integrations.store.schema_alerts import outbox as table


class MessageLost(RuntimeError):
    """Another sender holds the message now; how it ended here must not be recorded."""

    def __init__(self, message_id: int) -> None:
        super().__init__(f"message {message_id} is no longer held by this sender: nothing was recorded")
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be written down: what it tells of, through which channel, and what it is made of."""

    rule: str
    segment: str
    window: str
    transition: str
    channel: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Posted:
    """A message in the outbox."""

    id: int
    message: Message
    status: str
    token: int
    attempts: int
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None


def enqueue(connection: Connection, messages: Iterable[Message]) -> int:
    """Write messages down; one that tells of the same through the same channel is passed over. Gives how many were new."""
    moment = now(connection)
    insert = (postgresql if is_postgresql(connection) else sqlite).insert(table).on_conflict_do_nothing()
    new = 0
    for m in messages:
        values = {
            "rule": clean(m.rule), "segment": clean(m.segment), "window": m.window, "transition": m.transition, "channel": m.channel,
            "body": json.dumps(m.body, sort_keys=True, default=str), "status": "due", "token": 0, "attempts": 0,
            "next_attempt_at": moment, "created_at": moment,
        }  # fmt: skip
        new += connection.execute(insert, values).rowcount
    return new


def claim(connection: Connection, lease_seconds: float, channel: str | None = None) -> Posted | None:
    """The next message that is due (or whose sender's lease has run out), held under a new token; None when there is none."""
    moment = now(connection)
    due = and_(table.c.status == "due", table.c.next_attempt_at <= moment)
    abandoned = and_(table.c.status == "leased", table.c.lease_until < moment)
    query = select(table).where(or_(due, abandoned)).order_by(table.c.next_attempt_at, table.c.id).limit(1)
    if channel is not None:
        query = query.where(table.c.channel == channel)
    row = connection.execute(query.with_for_update(skip_locked=True)).mappings().first()
    if row is None:
        return None
    values = {
        "status": "leased",
        "token": row["token"] + 1,
        "attempts": row["attempts"] + 1,
        "lease_until": moment + timedelta(seconds=lease_seconds),
    }
    connection.execute(update(table).where(table.c.id == row["id"]).values(values))
    return _posted({**row, **values})


def sent(connection: Connection, posted: Posted) -> None:
    """It was taken. Raises MessageLost."""
    _end(connection, posted, {"status": "sent", "sent_at": now(connection), "last_error": None})


def ambiguous(connection: Connection, posted: Posted, why: str) -> None:
    """Nobody knows whether it was taken; it is not sent again by itself. Raises MessageLost."""
    _end(connection, posted, {"status": "ambiguous", "last_error": why[:2000]})


def failed(connection: Connection, posted: Posted, why: str) -> None:
    """It will never be taken. Raises MessageLost."""
    _end(connection, posted, {"status": "failed", "last_error": why[:2000]})


def again(connection: Connection, posted: Posted, why: str, delay_seconds: float) -> None:
    """It was not taken, and may be later. Raises MessageLost."""
    later = now(connection) + timedelta(seconds=delay_seconds)
    _end(connection, posted, {"status": "due", "last_error": why[:2000], "next_attempt_at": later})


def _end(connection: Connection, posted: Posted, values: Mapping[str, Any]) -> None:
    mine = and_(table.c.id == posted.id, table.c.token == posted.token, table.c.status == "leased")
    if connection.execute(update(table).where(mine).values(lease_until=None, **values)).rowcount != 1:
        raise MessageLost(posted.id)


def latest(connection: Connection, *, status: str | None = None, rule: str | None = None, limit: int = 100) -> list[Posted]:
    """Messages, newest first."""
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(table.c.status == status)
    if rule is not None:
        query = query.where(table.c.rule == rule)
    return [_posted(row) for row in connection.execute(query).mappings()]


def counts(connection: Connection) -> dict[str, int]:
    """How many messages there are by status."""
    return {str(s): int(n) for s, n in connection.execute(select(table.c.status, func.count()).group_by(table.c.status))}


def _posted(row: Any) -> Posted:
    message = Message(row["rule"], row["segment"], row["window"], row["transition"], row["channel"], json.loads(row["body"]))
    return Posted(
        row["id"], message, row["status"], row["token"], row["attempts"], row["last_error"], row["created_at"], row["sent_at"]
    )  # fmt: skip
