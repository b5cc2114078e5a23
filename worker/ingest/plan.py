"""What a run has to read, decided from what is known of an account: pure, so that every case is a line in a test.

A run is a list of jobs in stages. A job may start when no job of an earlier stage is open, so the whole run can be written down at
once and needs nobody to lead it: whoever finds a job that is due does it. The last stage moves the marks of what is complete.

Lists come before events on purpose: a listed state says what was true at its moment, the events that follow say what happened since,
and reading them in this order stores the same rows whatever the number of readers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from integrations.stripe.streams import STREAMS as DECLARED
from integrations.stripe.streams import of_part
from metrics.instants import Instant
from worker.ingest.jobs import AUDIT, Comparison, EventReading, ListReading, MarkPositions
from worker.ingest.pace import Pace

DAY: Final = 86_400
EVENTS_KEPT_SECONDS: Final = 30 * DAY
"""How long Stripe keeps events."""

HOLE_MARGIN_SECONDS: Final = 3_600
"""Events this close to being forgotten are not counted on: the list may lose them while it is read."""

INVOICE_LOOKBACK_SECONDS: Final = 35 * DAY
"""How long before a hole an invoice may have been created and still be paid, voided or given lines within it unseen by us.
Older ones that were open are read again one by one."""

LATE_SECONDS: Final = 3 * DAY
"""So far back the nightly audit reads events and new invoices again."""

CATALOG: Final = of_part("catalog")
LISTS: Final = of_part("customers")
PENDING: Final = of_part("pending")
"""Prorations that wait for an invoice: listed whole with every list of invoices, and no mark is kept of it."""
STREAMS: Final = (
    *CATALOG,
    *(stream for stream in LISTS if not DECLARED[stream].forgone),
    "events",
    *(stream for stream in LISTS if DECLARED[stream].forgone),
)
"""Those that a backfill can be asked for, by name; what came later stands last."""
REQUIRED: Final = tuple(stream for stream in (*CATALOG, *LISTS) if not DECLARED[stream].forgone)
"""Lists without which an account was never read. One that a sync can go on without is listed whole by itself, whenever it is first allowed."""
BY_LIST: Final = tuple(stream for stream in LISTS if stream not in REQUIRED)
"""Lists of what customers have of which each sync asks for what is new: events tell only of changes to what was there."""
LOOKED_UP: Final = tuple(stream for stream in LISTS if DECLARED[stream].looked_up)
"""Lists whose objects an audit asks for one by one, where they are held as going on and no list had them."""


JobKind = Literal["list", "events", "recheck", "open_invoices", "missing", "drift", "mark"]
"""What a planned job does; stored with it."""
Reason = Literal["first", "incremental", "hole", "backfill", "audit"]
"""Why an account is read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an account's marks say: events are complete up to `events_until`; `listed[stream]` is when its last whole list began."""

    events_until: Instant | None = None
    listed: Mapping[str, Instant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """One job to be written down."""

    kind: JobKind
    stage: int
    stream: str = ""
    since: Instant | None = None
    until: Instant | None = None
    priority: int = 5
    data: ListReading | EventReading | Comparison | MarkPositions = field(default_factory=ListReading)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's jobs and the reason for them."""

    reason: Reason
    jobs: tuple[Planned, ...]
    since: Instant | None = None
    until: Instant | None = None


def sync(known: Known, now: Instant, pace: Pace) -> Plan:
    """Bring an account up to date. `now` is Stripe's own clock: ours may be a day off."""
    upto = Instant(now - pace.lag_seconds)
    if known.events_until is None or any(stream not in known.listed for stream in REQUIRED):
        return _first(now, upto)
    upto = max(upto, known.events_until)
    if known.events_until < now - EVENTS_KEPT_SECONDS + HOLE_MARGIN_SECONDS:
        return _hole(known.events_until, now, upto, pace)
    return _incremental(known, known.events_until, now, upto, pace)


def _first(now: Instant, upto: Instant) -> Plan:
    oldest = Instant(now - EVENTS_KEPT_SECONDS)
    return Plan(
        "first",
        (
            *_lists(CATALOG, stage=0),
            *_lists((*LISTS, *PENDING), stage=1),
            Planned("events", 2, "events", oldest, upto, data=EventReading(reread_from=now)),
            Planned("mark", 3, data=MarkPositions(upto, _listed((*CATALOG, *LISTS), now))),
        ),
        until=upto,
    )


def _incremental(known: Known, position: Instant, now: Instant, upto: Instant, pace: Pace) -> Plan:
    catalog_since = Instant(min(known.listed[stream] for stream in CATALOG) - pace.overlap_seconds)
    since = Instant(position - pace.overlap_seconds)
    reread_from = min(known.listed[stream] for stream in LISTS if stream in known.listed)
    return Plan(
        "incremental",
        (
            *_lists(CATALOG, stage=0, since=catalog_since),
            *(each for stream in BY_LIST for each in _lists([stream], stage=0, since=_since(known, stream, pace))),
            Planned("events", 1, "events", since, upto, data=EventReading(reread_from=Instant(reread_from))),
            Planned("recheck", 2),
            Planned("mark", 2, data=MarkPositions(upto, _listed((*CATALOG, *BY_LIST), now))),
        ),
        since,
        upto,
    )


def _since(known: Known, stream: str, pace: Pace) -> Instant | None:
    """From when on a list is asked for what is new; None where it was never listed."""
    return Instant(known.listed[stream] - pace.overlap_seconds) if stream in known.listed else None


def _hole(position: Instant, now: Instant, upto: Instant, pace: Pace) -> Plan:
    return Plan(
        "hole",
        (
            *_lists(CATALOG, stage=0),
            *_lists([stream for stream in LISTS if stream != "invoices"], stage=1),
            *_lists(["invoices"], stage=1, since=Instant(position - INVOICE_LOOKBACK_SECONDS)),
            *_lists(PENDING, stage=1),
            Planned("open_invoices", 2, "invoices", until=Instant(position - INVOICE_LOOKBACK_SECONDS)),
            Planned("events", 3, "events", Instant(now - EVENTS_KEPT_SECONDS), upto, data=EventReading(reread_from=now)),
            Planned("mark", 4, data=MarkPositions(upto, _listed((*CATALOG, *LISTS), now))),
        ),
        Instant(position - pace.overlap_seconds),
        upto,
    )


def backfill(streams: Iterable[str], since: Instant | None, until: Instant | None, now: Instant, pace: Pace) -> Plan:
    """Read whole lists again, or the part of them created in [since, until). A list read whole moves its mark."""
    wanted = [stream for stream in STREAMS if stream in set(streams)]
    whole = since is None and until is None
    jobs = [*_lists([stream for stream in wanted if stream in CATALOG], stage=0, since=since, until=until)]
    jobs += _lists([stream for stream in wanted if stream in LISTS], stage=1, since=since, until=until)
    if whole and "invoices" in wanted:
        jobs += _lists(PENDING, stage=1)
    upto = Instant(min(until or now, now - pace.lag_seconds))
    if "events" in wanted:
        oldest = Instant(max(since or 0, now - EVENTS_KEPT_SECONDS))
        if oldest < upto:
            jobs.append(Planned("events", 2, "events", oldest, upto, data=EventReading(reread_from=now)))
    listed = _listed([stream for stream in wanted if stream != "events"], now) if whole else {}
    jobs.append(Planned("mark", 3, data=MarkPositions(upto if whole and set(wanted) == set(STREAMS) else None, listed)))
    return Plan("backfill", tuple(jobs), since, until)


def audit(now: Instant, known: Known, pace: Pace) -> Plan:
    """Read again what may have come late or never, of every kind, and compare: what differs without news that explains it is drift.

    Events of the last days first, since a late one dates what it tells and names what to read again; then the lists; then, one by one,
    what is held as going on and no list had, and invoices that aren't settled. What differs is told at the end.
    """
    position = known.events_until if known.events_until is not None else now
    recent = Instant(now - LATE_SECONDS)
    settled = Instant(max(recent + 1, now - pace.lag_seconds))
    since = Instant(position - pace.overlap_seconds)
    lists = [
        *_lists(_audited("whole", CATALOG), stage=0),
        *_lists(_audited("whole", (*LISTS, *PENDING)), stage=1),
        *_lists(_audited("recent", LISTS), stage=1, since=recent),
    ]
    return Plan(
        "audit",
        (
            Planned("events", 0, "events", recent, settled, data=EventReading(audit=AUDIT)),
            *(replace(each, data=ListReading(audit=AUDIT)) for each in lists),
            *(Planned("missing", 2, stream, since=now, data=ListReading(audit=AUDIT)) for stream in LOOKED_UP),
            Planned("open_invoices", 2, "invoices", until=recent, data=ListReading(audit=AUDIT)),
            Planned("drift", 3, "events", since, None, data=Comparison(now)),
        ),
        since,
    )


def _lists(streams: Iterable[str], *, stage: int, since: Instant | None = None, until: Instant | None = None) -> list[Planned]:
    return [Planned("list", stage, stream, since, until, DECLARED[stream].rank) for stream in streams]


def _audited(how: str, streams: Iterable[str]) -> list[str]:
    return [stream for stream in streams if DECLARED[stream].audited == how]


def _listed(streams: Iterable[str], at: Instant) -> dict[str, Instant]:
    return dict.fromkeys(streams, at)
