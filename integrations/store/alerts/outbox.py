"""The outbox: messages written with the change of state that causes them, sent by whoever claims them.

A message is unique by what it tells of, so the same change never puts a second one in. A sender that died holding one leaves it to be
claimed again when its lease is over; what a server answered ambiguously is recorded as such, repeated once with a mark, and then left.
What happens to a message that was handed out is decided by whoever sends; here it is only written down.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from integrations.store.alerts.schema import MessageStatus
from integrations.store.alerts.schema import outbox as table
from integrations.store.db.clock import APART, is_due, now
from integrations.store.db.engine import insert_into
from integrations.store.db.words import clean

QUIET_AT_MOST: Final = timedelta(hours=25)
"""Longer than any quiet hours last, on the longest day too."""


class MessageLost(RuntimeError):
    """Another sender holds the message now; how it ended here must not be recorded."""

    def __init__(self, message_id: int) -> None:
        super().__init__(f"message {message_id} is no longer held by this sender: nothing was recorded")
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be written down: what it tells of, through which channel, and what it is made of.

    `status` is `due` for one that is to be sent, `covered` for a change that another message tells of, `withheld` for one that
    somebody muted.
    """

    rule: str
    segment: str
    window: str
    transition: str
    channel: str
    body: Mapping[str, Any]
    status: MessageStatus = "due"


@dataclass(frozen=True, slots=True)
class Posted:
    """A message in the outbox. `progress` is what was taken of it already, `doubts` the tries that nobody knows the end of."""

    id: int
    message: Message
    status: MessageStatus
    token: int
    attempts: int
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None
    doubts: int = 0
    progress: Mapping[str, Any] = field(default_factory=dict)
    next_attempt_at: datetime | None = None


def enqueue(connection: Connection, messages: Iterable[Message], *, delay_seconds: float = 0.0) -> int:
    """Write messages down, to be sent after a while; one that tells of the same through the same channel is passed over.

    Gives how many were new.
    """
    moment = now(connection)
    insert = insert_into(connection, table).on_conflict_do_nothing()
    new = 0
    for m in messages:
        values = {
            "rule": clean(m.rule),
            "segment": clean(m.segment),
            "window": m.window,
            "transition": m.transition,
            "channel": m.channel,
            "body": json.dumps(m.body, sort_keys=True, default=str),
            "status": m.status,
            "token": 0,
            "attempts": 0,
            "doubts": 0,
            "progress": "{}",
            "next_attempt_at": moment + timedelta(seconds=delay_seconds),
            "created_at": moment,
        }
        new += connection.execute(insert, values).rowcount
    return new


def claim(connection: Connection, lease_seconds: float, channels: Sequence[str] | None = None) -> Posted | None:
    """The next message that is due (or whose sender's lease has run out), held under a new token; None when there is none.

    One whose sender has died may have been taken, so that counts as a doubt.
    """
    moment = now(connection)
    due = and_(table.c.status == "due", _has_come(moment))
    abandoned = and_(table.c.status == "leased", is_due(table.c.lease_until, moment))
    query = select(table).where(or_(due, abandoned)).order_by(table.c.next_attempt_at, table.c.id).limit(1)
    if channels is not None:
        query = query.where(table.c.channel.in_(list(channels)))
    row = connection.execute(query.with_for_update(skip_locked=True)).mappings().first()
    if row is None:
        return None
    values = {
        "status": "leased",
        "token": row["token"] + 1,
        "attempts": row["attempts"] + 1,
        "doubts": row["doubts"] + (row["status"] == "leased"),
        "lease_until": moment + timedelta(seconds=lease_seconds),
    }
    connection.execute(update(table).where(table.c.id == row["id"]).values(values))
    return _posted({**row, **values})


def sent(connection: Connection, posted: Posted, progress: Mapping[str, Any] | None = None) -> None:
    """It was taken; `progress` says by what it can be found again. Raises MessageLost."""
    values = {"status": "sent", "sent_at": now(connection), "last_error": None}
    _end(connection, posted, {**values, **_progress(progress)})


def ambiguous(connection: Connection, posted: Posted, why: str, progress: Mapping[str, Any] | None = None) -> None:
    """Nobody knows whether it was taken; it is not sent again by itself. Raises MessageLost."""
    values = {"status": "ambiguous", "doubts": posted.doubts + 1, "last_error": why[:2000]}
    _end(connection, posted, {**values, **_progress(progress)})


def failed(connection: Connection, posted: Posted, why: str, progress: Mapping[str, Any] | None = None) -> None:
    """It will never be taken. Raises MessageLost."""
    _end(connection, posted, {"status": "failed", "last_error": why[:2000], **_progress(progress)})


def again(
    connection: Connection,
    posted: Posted,
    why: str,
    delay_seconds: float,
    progress: Mapping[str, Any] | None = None,
    *,
    doubtful: bool = False,
) -> None:
    """It was not taken (or, if `doubtful`, nobody knows), and is to be tried later. Raises MessageLost."""
    later = now(connection) + timedelta(seconds=delay_seconds)
    values = {"status": "due", "last_error": why[:2000], "next_attempt_at": later, "doubts": posted.doubts + doubtful}
    _end(connection, posted, {**values, **_progress(progress)})


def _progress(progress: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if progress is None else {"progress": json.dumps(dict(progress), sort_keys=True)}


def _end(connection: Connection, posted: Posted, values: Mapping[str, Any]) -> None:
    mine = and_(table.c.id == posted.id, table.c.token == posted.token, table.c.status == "leased")
    if connection.execute(update(table).where(mine).values(lease_until=None, **values)).rowcount != 1:
        raise MessageLost(posted.id)


def waiting(connection: Connection, channel: str) -> list[Posted]:
    """The messages that wait for a channel, oldest first."""
    query = select(table).where(table.c.status == "due", table.c.channel == channel).order_by(table.c.id)
    return [_posted(row) for row in connection.execute(query).mappings()]


def fail_due(connection: Connection, channel: str, why: str) -> int:
    """Give up every message that waits for a channel; gives how many there were."""
    mine = and_(table.c.status == "due", table.c.channel == channel)
    return connection.execute(update(table).where(mine).values(status="failed", last_error=why[:2000])).rowcount


def revive(connection: Connection, channel: str, errors: Sequence[str], within: timedelta) -> int:
    """Let a channel try again what it failed to send for one of these errors and no other channel told; gives how many there are."""
    moment, other = now(connection), table.alias("other")
    same = and_(*(table.c[name] == other.c[name] for name in ("rule", "segment", "window", "transition")))
    elsewhere = select(other.c.id).where(
        same, other.c.channel != channel, other.c.status.in_(["due", "leased", "sent", "ambiguous"])
    )
    mine = and_(
        table.c.channel == channel,
        table.c.status == "failed",
        table.c.created_at > moment - within,
        table.c.last_error.in_([each[:2000] for each in errors]),
        ~elsewhere.exists(),
    )
    values = {"status": "due", "next_attempt_at": moment, "attempts": 0}
    return connection.execute(update(table).where(mine).values(**values)).rowcount


def told(connection: Connection, thread: str, channel: str) -> Posted | None:
    """The message that begins a thread on a channel, if it was written down there."""
    rule, _, rest = thread.partition("|")  # a rule's name holds no bar, a segment's may
    segment, _, episode = rest.rpartition("|")
    mine = and_(
        table.c.channel == channel,
        table.c.rule == rule,
        table.c.segment == segment,
        table.c.transition.in_([f"firing:{episode}", f"still:{episode}"]),
        table.c.status.not_in(["covered", "withheld"]),
    )
    row = connection.execute(select(table).where(mine).order_by(table.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else _posted(row)


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


def is_any_due(connection: Connection) -> bool:
    """Whether a message that waits is to be tried now."""
    query = select(table.c.id).where(table.c.status == "due", _has_come(now(connection))).limit(1)
    return connection.execute(query).first() is not None


def _has_come(moment: datetime) -> ColumnElement[bool]:
    """Whether a message's time has come. Quiet hours may put it off for a day; what was written by a clock that was set back since is due."""
    return or_(is_due(table.c.next_attempt_at, moment, QUIET_AT_MOST), table.c.created_at > moment + APART)


def _posted(row: Any) -> Posted:
    message = Message(row["rule"], row["segment"], row["window"], row["transition"], row["channel"], json.loads(row["body"]))
    return Posted(
        row["id"],
        message,
        row["status"],
        row["token"],
        row["attempts"],
        row["last_error"],
        row["created_at"],
        row["sent_at"],
        row["doubts"],
        json.loads(row["progress"]),
        row["next_attempt_at"],
    )


def drop_texts(connection: Connection, before: datetime) -> int:
    """Remove the text of messages that are done with since before an instant; what they were of stays, so that none is sent again."""
    done = table.c.status.not_in(["due", "leased"])
    old = and_(done, func.coalesce(table.c.sent_at, table.c.created_at) < before, table.c.body != "{}")
    return connection.execute(update(table).where(old).values(body="{}", last_error=None)).rowcount
