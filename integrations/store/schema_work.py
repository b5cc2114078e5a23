"""The tables of work: runs, jobs, cursors, workers, alerts and the outbox. The database is the record of work; messages are nudges."""

from sqlalchemy import Boolean, Column, Index, Integer, SmallInteger, String, Table, Text, UniqueConstraint

from integrations.store.schema import Big, UtcDateTime, metadata, part_of_key

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False, comment="sync, backfill, audit, derive, rollup, nightly, ..."),
    Column("account", Integer),
    Column("status", String(16), nullable=False, comment="running, done, failed, canceled"),
    Column("exclusive_key", String(64), unique=True, comment="set while running: a second run with the same key is refused"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("params", Text, nullable=False, comment="JSON"),
    Column("result", Text, comment="JSON"),
    comment="Each piece of work that somebody or something asked for",
)

job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("account", Integer),
    Column("stream", String(32), nullable=False),
    Column("stage", SmallInteger, nullable=False, comment="claimable only when no earlier stage of the run is open"),
    Column("priority", SmallInteger, nullable=False),
    Column("since", Big),
    Column("until", Big),
    Column("cursor", String(255)),
    Column("data", Text, nullable=False, comment="JSON"),
    Column("status", String(16), nullable=False, comment="due, leased, done, failed, quarantined, canceled"),
    Column("token", Integer, nullable=False, comment="rises by one at each claim: what an older holder does is refused"),
    Column("lease_until", UtcDateTime),
    Column("owner", String(128)),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("last_error", Text),
    Column("pages", Integer, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("dedupe_key", String(255), unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index(None, "status", "next_attempt_at"),
    Index(None, "run_id", "stage"),
    comment="Work in pieces that can be lost and done again",
)

cursor = Table(
    "cursor",
    metadata,
    Column("account", Integer, **part_of_key()),
    Column("stream", String(32), **part_of_key()),
    Column("position", Big, nullable=False),
    Column("data", Text, nullable=False, comment="JSON"),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="Up to which instant a stream of an account is complete",
)

worker = Table(
    "worker",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("detail", Text, nullable=False, comment="JSON"),
    comment="Workers with the last time they said that they get on",
)

alert_state = Table(
    "alert_state",
    metadata,
    Column("rule", String(128), **part_of_key()),
    Column("segment", String(512), **part_of_key()),
    Column("state", String(16), nullable=False, comment="ok, pending, firing, resolved, muted"),
    Column("body", Text, nullable=False, comment="JSON: the figures behind it"),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="Where each alert stands",
)

alert_history = Table(
    "alert_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rule", String(128), nullable=False),
    Column("segment", String(512), nullable=False),
    Column("before", String(16), nullable=False),
    Column("after", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False, comment="JSON"),
    Index(None, "rule", "segment"),
    comment="Every transition of an alert, with the figures behind it",
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rule", String(128), nullable=False),
    Column("segment", String(512), nullable=False),
    Column("window", String(64), nullable=False),
    Column("transition", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("body", Text, nullable=False, comment="JSON: the message"),
    Column("status", String(16), nullable=False, comment="due, leased, sent, ambiguous, failed"),
    Column("token", Integer, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    UniqueConstraint("rule", "segment", "window", "transition", "channel"),
    Index(None, "status", "next_attempt_at"),
    comment="Messages to be sent, written with the change of state that causes them",
)

channel_state = Table(
    "channel_state",
    metadata,
    Column("channel", String(16), primary_key=True),
    Column("disabled", Boolean, nullable=False),
    Column("reason", Text),
    Column("changed_at", UtcDateTime, nullable=False),
    comment="Channels that were found dead",
)
