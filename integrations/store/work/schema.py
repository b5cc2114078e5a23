"""The tables of work: runs, jobs, cursors and workers. The database is the record of work; messages are nudges."""

from typing import Literal, get_args

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from integrations.store.db.columns import COPIED, Big, Small, Time, Whole, Word, key, may, metadata, must, number

JobStatus = Literal["due", "leased", "done", "quarantined", "canceled"]
RunStatus = Literal["running", "done", "failed", "canceled"]

run = Table(
    "run",
    metadata,
    number("by which people speak of it"),
    must("kind", Word, "sync, backfill, audit, derive, rollup, nightly, ..."),
    may("account", Whole, "the account (table account), if it is of one"),
    must("status", Word, ", ".join(get_args(RunStatus))),
    may("exclusive_key", Word, "set while running: a second run with the same key is refused", unique=True),
    must("started_at", Time, "when it was written down"),
    must("heartbeat_at", Time, "when somebody last worked on it"),
    may("finished_at", Time, "when it was closed"),
    must("params", Word, "JSON: what was asked for"),
    may("result", Word, "JSON: what came of it"),
    comment="Each piece of work that somebody or something asked for",
    sqlite_autoincrement=True,  # as on PostgreSQL: a number is not given out again when its row is gone
)

job = Table(
    "job",
    metadata,
    number("order in which they were written down"),
    Column("run_id", Whole, ForeignKey("run.id"), nullable=False, comment="the run that it is part of"),
    must("kind", Word, "what is to be done"),
    may("account", Whole, "the account (table account), if it is of one"),
    must("stream", Word, "what is read"),
    must("stage", Small, "claimable only when no earlier stage of the run is open"),
    must("priority", Small, "the smaller the sooner"),
    may("since", Big, "range of creation that is read, epoch seconds; none: from the beginning"),
    may("until", Big, "end of that range, not part of it; none: open"),
    may("cursor", Word, "Stripe's id of the last object read"),
    must("data", Word, "JSON: what else it needs"),
    must("status", Word, ", ".join(get_args(JobStatus))),
    must("token", Whole, "rises by one at each claim: what an older holder does is refused"),
    may("lease_until", Time, "until when it is held, by the database's clock"),
    may("owner", Word, "who holds it"),
    must("attempts", Whole, "claims since the last progress"),
    must("next_attempt_at", Time, "not to be claimed before, by the database's clock"),
    may("last_error", Word, "why it was given back"),
    must("pages", Whole, "pages read"),
    must("objects", Whole, "objects read"),
    may("dedupe_key", Word, "natural key: a second job with the same one is not written down", unique=True),
    must("created_at", Time, "when it was written down"),
    may("finished_at", Time, "when it was closed"),
    may("nonce", Word, "drawn at each claim: a claim that the database has lost is not mistaken for the one made after it"),
    CheckConstraint(f"status IN {get_args(JobStatus)}", name="status"),
    Index(None, "status", "next_attempt_at"),
    Index(None, "run_id", "stage"),
    comment="Work in pieces that can be lost and done again",
    sqlite_autoincrement=True,  # as on PostgreSQL: a number is not given out again when its row is gone
)

cursor = Table(
    "cursor",
    metadata,
    key("account", Whole, "the account (table account)"),
    key("stream", Word, "what is read"),
    must("position", Big, "everything before it has been read, epoch seconds"),
    must("data", Word, "JSON: what else is known of it"),
    must("updated_at", Time, "when it was last moved: the last success"),
    comment="Up to which instant a stream of an account is complete",
    info=COPIED,
)

worker = Table(
    "worker",
    metadata,
    key("name", Word, "host and process"),
    must("seen_at", Time, "when it last said that it gets on"),
    must("detail", Word, "JSON: what it was doing"),
    comment="Workers with the last time they said that they get on",
)

setting = Table(
    "setting",
    metadata,
    key("name", Word, "what it is called"),
    must("value", Word, "JSON"),
    must("updated_at", Time, "when it was last set"),
    comment="What the installation remembers about itself",
)

audit_log = Table(
    "audit_log",
    metadata,
    number("order in which it was done"),
    must("at", Time, "when, by the database's clock"),
    must("system_user", Word, "who: user of the operating system, at which machine"),
    must("action", Word, "forget, mute, unmute, acknowledge, rates load, rebuild, settings, restore, upgrade"),
    must("object", Word, "to what: a customer, a rule, a file, names of settings"),
    must("detail", Word, "JSON: how; no secrets, nothing personal"),
    comment="Who did what by hand",
    sqlite_autoincrement=True,  # as on PostgreSQL: a number is not given out again when its row is gone
)
