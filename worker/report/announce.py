"""Telling of reports: what could not be made is remembered and told of once; what no digest speaks of has a message of its own."""

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any

from sqlalchemy import Connection

from integrations.store.alerts import outbox
from integrations.store.alerts.outbox import Message
from integrations.store.db.clock import now as database_now
from integrations.store.figures import reports
from integrations.store.figures.reports import FailedReport
from metrics.periods import Window
from worker.alerts.digests import report_words
from worker.config.reports import ReportTable

Failure = tuple[str, Window, str]
"""What could not be made, of which period, and why."""


def remember(connection: Connection, channels: Sequence[str], failures: Sequence[Failure]) -> None:
    """These reports, and no others, could not be made; each is told of once."""
    known = {(each.what, each.kind, each.first): each for each in reports.failed(connection)}
    moment = database_now(connection)
    now: list[FailedReport] = []
    for what, window, why in failures:
        key = (what, window.kind, window.first)
        since = known[key].since if key in known else moment
        now.append(FailedReport(*key, window.until, why, since, moment))
    reports.remember_failed(connection, now)
    outbox.enqueue(connection, [message for each in now for message in _alarm(channels, each)])


def _alarm(channels: Sequence[str], each: FailedReport) -> list[Message]:
    window = Window(each.kind, each.first, each.until)
    content = {
        "kind": "report_failed",
        "title": f"The {each.what} of {window.label} could not be made",
        "summary": f"{each.why}. It is tried again by itself, and with every night; nothing else waits for it.",
        "commands": [["See which reports there are", "nrr reports show"]],
    }
    transition = f"failed:{each.since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    body = {"content": content, "key": f"report|{each.what}|{window.label}|{transition}", "thread": None}
    return _messages(each.what, each.first, each.until, transition, channels, body)


def announce(connection: Connection, channels: Sequence[str], table: ReportTable, basis: str, what: str, window: Window) -> None:
    """A message of its own for a report that no digest speaks of, with where it lies."""
    ended = reports.of_period(connection, basis, window.until)
    made = [each for each in ended if (each.what, each.kind) == (what, window.kind)]
    content = {
        "kind": "report",
        "title": f"The {what} of {window.label} is there",
        "summary": "It was made by itself, of figures that are complete.",
        "facts": report_words(made, table.url),
    }
    body: dict[str, Any] = {"content": content, "key": f"report|{what}|{window.label}", "thread": None}
    if table.digest == "attached":
        body["attach"] = [each.id for each in made]
    outbox.enqueue(connection, _messages(what, window.first, window.until, "made:1", channels, body))


def _messages(what: str, first: date, until: date, transition: str, channels: Sequence[str], body: dict[str, Any]) -> list[Message]:
    return [Message("report", what, f"{first}..{until}", transition, channel, body) for channel in channels]
