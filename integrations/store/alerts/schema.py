"""The tables of alerts: where each stands, how it got there, who muted it, and the messages to be sent."""

from typing import Literal, get_args

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

from integrations.store.db.columns import Flag, Time, Whole, Word, key, may, metadata, must, number

MessageStatus = Literal["due", "leased", "sent", "ambiguous", "failed", "covered", "withheld"]

alert_state = Table(
    "alert_state",
    metadata,
    key("rule", Word, "name of the rule"),
    key("segment", Word, "the segment that it watches; empty for the whole"),
    must("state", Word, "ok, pending, firing, resolved"),
    must("version", Whole, "rises by one at each change: a second evaluation at the same time is refused"),
    must("body", Word, "JSON: the figures behind it, since when, how often confirmed"),
    must("updated_at", Time, "when it was last changed"),
    comment="Where each alert stands",
)

alert_history = Table(
    "alert_history",
    metadata,
    number("order of the transitions"),
    must("rule", Word, "name of the rule"),
    must("segment", Word, "the segment that it watches; empty for the whole"),
    must("before", Word, "the state before"),
    must("after", Word, "the state after"),
    must("at", Time, "when it changed"),
    must("body", Word, "JSON: the figures behind it"),
    Index(None, "rule", "segment"),
    comment="Every transition of an alert, with the figures behind it",
)

mute = Table(
    "mute",
    metadata,
    key("rule", Word, "name of the rule"),
    key("segment", Word, "the segment; empty for all of the rule's"),
    key("sort", Word, "mute, or ack: acknowledged until it is resolved"),
    may("until", Time, "when it ends; none: when somebody ends it"),
    must("reason", Word, "what was said about it"),
    must("created_at", Time, "when it was asked for"),
    comment="Alerts that somebody asked to be quiet about",
)

outbox = Table(
    "outbox",
    metadata,
    number("order in which they were written down"),
    must("rule", Word, "name of the rule, or what else the message is about"),
    must("segment", Word, "the segment; empty for the whole"),
    must("window", Word, "the window that it is about"),
    must("transition", Word, "which change of state it tells of"),
    must("channel", Word, "slack, email"),
    must("body", Word, "JSON: the message"),
    must(
        "status",
        Word,
        "due, leased, sent, ambiguous (nobody knows whether it was taken), failed; covered: told by another message; withheld: muted",
    ),
    must("token", Whole, "rises by one at each claim"),
    may("lease_until", Time, "until when a sender holds it, by the database's clock"),
    must("attempts", Whole, "how often it was tried"),
    must("doubts", Whole, "after how many of the tries nobody knew whether it was taken"),
    must("progress", Word, "JSON: what was taken already: Slack's timestamp, the recipients that have it"),
    must("next_attempt_at", Time, "not to be tried before, by the database's clock"),
    may("last_error", Word, "why it was not sent; without secrets"),
    must("created_at", Time, "when it was written down"),
    may("sent_at", Time, "when it was sent"),
    UniqueConstraint("rule", "segment", "window", "transition", "channel"),
    CheckConstraint(f"status IN {get_args(MessageStatus)}", name="status"),
    Index(None, "status", "next_attempt_at"),
    comment="Messages to be sent, written with the change of state that causes them",
)

channel_state = Table(
    "channel_state",
    metadata,
    key("channel", Word, "slack, email"),
    must("disabled", Flag, "whether nothing is sent through it"),
    may("reason", Word, "why"),
    must("changed_at", Time, "since when"),
    comment="Channels that were found dead",
)
