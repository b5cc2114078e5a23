"""What the jobs that read Stripe are given, by kind. Names and spellings are stored: see `worker.execution.job_data`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from metrics.instants import Instant
from worker.execution.job_data import EACH, JobData, Nothing

What = Literal["sync", "audit", "backfill"]
"""What is asked for of an account."""

BEGINNING: Final = Instant(0)
AUDIT: Final = 1
"""What the readings of an audit carry: nobody waits for them, so they leave most of the account's limit to others."""


@dataclass(frozen=True, slots=True)
class Planning:
    """Which account, by its name in the settings, and what for."""

    account: str
    what: What


@dataclass(frozen=True, slots=True)
class BackfillPlanning(Planning):
    """A backfill of `streams` (all when there are none), of what was created in [since, until)."""

    streams: tuple[str, ...]
    since: Instant | None
    until: Instant | None


@dataclass(frozen=True, slots=True)
class ListReading:
    """How a list, or single objects, are read. `learnt_from`: when the audit began, by the database's clock."""

    audit: Literal[1] | None = None
    learnt_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventReading(ListReading):
    """How events are read: those at or after `reread_from` name objects that must be read again."""

    reread_from: Instant = BEGINNING


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an audit compares: what listings have changed since `listed_from` (the job's `since`, when not said), learnt from `learnt_from` on."""

    listed_from: Instant | None = None
    learnt_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class MarkPositions:
    """Up to when events are complete, and when the last whole list of a stream began; what isn't said stays as it was."""

    events_until: Instant | None = None
    listed: Mapping[str, Instant] = field(default_factory=dict, metadata={EACH: "listed:"})


JOBS: Final[Mapping[str, type[JobData]]] = {
    "plan": Planning,
    "list": ListReading,
    "events": EventReading,
    "recheck": Nothing,
    "open_invoices": ListReading,
    "missing": ListReading,
    "drift": Comparison,
    "mark": MarkPositions,
}
"""Every kind of job here with what it is given."""
