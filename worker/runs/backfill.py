"""Backfills for people: what would be read, reading it, how far it is, going on with it, giving it up.

A backfill is a run of the same list jobs that a first sync consists of, for chosen streams and a chosen time. One runs at a time in an
installation: a second one is refused, and whoever wants to help joins the first. Nothing here reads Stripe by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from integrations.store import migrate
from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts, lookups, quarantine
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from integrations.store.work.runs import Run
from integrations.stripe.limits import Ceilings, ceilings
from metrics.evidence import Instant
from worker.ingest import plan
from worker.ingest import read as read_account
from worker.ingest.jobs import BackfillPlanning
from worker.ingest.plan import Plan
from worker.ingest.range_split import FLOOR
from worker.runs import steps
from worker.runs.steps import Report
from worker.runs.watch import Progress, quiet
from worker.wiring.wiring import Wiring

KIND: Final = "backfill"
PAGE_OBJECTS: Final = 100
"""So many objects a page of Stripe's holds at most."""


class NoBackfill(RuntimeError):
    """There is no backfill to speak of."""

    def __init__(self, what: str) -> None:
        super().__init__(f"there is no backfill to {what}; nothing was changed. Run: nrr backfill run")


@dataclass(frozen=True, slots=True)
class Request:
    """What to read again: objects created in [since, until) of `streams` (all when empty), of `accounts` (all when None)."""

    streams: tuple[str, ...] = ()
    since: Instant | None = None
    until: Instant | None = None
    accounts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.streams) - set(plan.STREAMS))
        if unknown:
            raise ValueError(f"unknown streams: {', '.join(unknown)}; there are {', '.join(plan.STREAMS)}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("a backfill must end after it begins")

    def params(self) -> dict[str, object]:
        """The request as a run keeps it."""
        return {"streams": list(self.streams), "since": self.since, "until": self.until}

    def planning(self, account: str) -> BackfillPlanning:
        """The request as the job that plans it for one account is given it."""
        return BackfillPlanning(account, KIND, self.streams, self.since, self.until)


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """What a backfill would read of one account, and how much of it is held already (None: it was never read).

    `objects_held` says how many objects of each stream are stored: reading all of it again is about as many. Stripe gives no counts itself.
    """

    account: str
    stripe_id: str
    plan: Plan
    subscriptions_held: int | None
    objects_held: Mapping[str, int] = field(default_factory=dict)
    allowed: Ceilings = field(default_factory=lambda: ceilings(livemode=True))

    @property
    def streams(self) -> tuple[str, ...]:
        """The lists that would be read, each once."""
        return tuple(dict.fromkeys(job.stream for job in self.plan.jobs if job.stream))

    def requests(self, stream: str) -> int:
        """How many pages of a list the objects that are held take; one at least."""
        return max(1, -(-self.objects_held.get(stream, 0) // PAGE_OBJECTS))

    @property
    def seconds(self) -> float:
        """How long Stripe's limits make it last at least: lists are read side by side, and all of them share the account's limit."""
        each = [self.requests(stream) for stream in self.streams]
        return max(max(each, default=0) / self.allowed.endpoint, sum(each) / self.allowed.account)


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How far a stream is: objects read, ranges open and in all, and the share of its time that has been read."""

    stream: str
    objects: int
    ranges_open: int
    ranges: int
    share: float


@dataclass(frozen=True, slots=True)
class Status:
    """How a backfill stands. `eta_seconds` is None while nothing can be said."""

    run_id: int
    status: str
    started_at: datetime
    finished_at: datetime | None
    streams: tuple[StreamStatus, ...]
    objects: int
    objects_per_second: float
    eta_seconds: float | None
    waiting: int
    leased: int
    aside: int
    quarantined: int
    errors: tuple[str, ...]


def planned(wiring: Wiring, request: Request) -> tuple[AccountPlan, ...]:
    """What a backfill would read. Writes nothing; asks Stripe for its clock and whose key it is."""
    migrate.require_current(wiring.engine)
    out = []
    for name in _accounts(wiring, request):
        reader = wiring.sources.named(name)
        told = reader.account()
        moment = read_account.present(reader, wiring.pretended_instant)
        made = plan.backfill(request.streams or plan.STREAMS, request.since, request.until, moment, wiring.pace)
        with read(wiring.engine) as connection:
            account = next((row.id for row in accounts.everything(connection) if row.name == name), None)
            held = None if account is None else lookups.subscriptions_held(connection, account)
            objects = {} if account is None else lookups.objects_held(connection, account)
        out.append(AccountPlan(name, told.id, made, held, objects, wiring.allowed(livemode=told.livemode)))
    return tuple(out)


def run(wiring: Wiring, request: Request, *, shards: int | None = None, progress: Progress = quiet) -> Report:
    """Read again what is asked. Raises AlreadyRunning when a backfill is open, be it worked on or interrupted."""
    migrate.require_current(wiring.engine)
    names = _accounts(wiring, request)
    bound = {name: wiring.sources.bind(name) for name in names}
    first = [steps.plan_job(account, request.planning(name)) for name, account in bound.items()]
    started, _ = steps.open_run(wiring, KIND, first, params=request.params(), refuse=True)
    return steps.see_through(_with(wiring, shards), started, progress=progress)


def resume(wiring: Wiring, *, shards: int | None = None, progress: Progress = quiet) -> Report:
    """Go on with the last backfill, or join it. One that failed or was canceled is taken up where it stood. Raises NoBackfill."""
    migrate.require_current(wiring.engine)
    with begin(wiring.engine) as connection:
        found = _latest(connection)
        if found is None or found.status == "done":
            raise NoBackfill("resume")
        if found.status != "running":
            runs.lock(connection, found.id, found.status)
            jobs.revive(connection, found.id)
            runs.reopen(connection, found.id, exclusive_key=KIND)
    return steps.see_through(_with(wiring, shards), found.id, joined=True, progress=progress)


def cancel(wiring: Wiring) -> int:
    """Give the open backfill up; what it has stored stays. Its workers stop at their next page. Gives its id; raises NoBackfill."""
    migrate.require_current(wiring.engine)
    with begin(wiring.engine) as connection:
        found = _latest(connection)
        if found is None or found.status != "running":
            raise NoBackfill("cancel")
        jobs.cancel(connection, found.id)
        runs.finish(connection, found.id, "canceled")
    return found.id


def status(wiring: Wiring) -> Status:
    """How the last backfill stands. Raises NoBackfill."""
    migrate.require_current(wiring.engine)
    with read(wiring.engine) as connection:
        found = _latest(connection)
        if found is None:
            raise NoBackfill("show")
        moment = now(connection)
        all_jobs = [job for job in jobs.of_run(connection, found.id) if job.kind in ("list", "events")]
        summed = jobs.summary(connection, found.id)
        kept_out = quarantine.count(connection)
    elapsed = max(1e-3, ((found.finished_at or moment) - found.started_at).total_seconds())
    streams = progress_of(all_jobs, found.params, Instant(int(found.started_at.timestamp())))
    objects = sum(each.objects for each in streams)
    return Status(
        found.id,
        found.status,
        found.started_at,
        found.finished_at,
        streams,
        objects,
        objects / elapsed,
        eta_seconds(streams, elapsed) if found.status == "running" else None,
        summed.by_status.get("due", 0),
        summed.by_status.get("leased", 0),
        summed.by_status.get("quarantined", 0),
        kept_out,
        summed.errors,
    )


def progress_of(found: Iterable[Job], params: Mapping[str, object], started: Instant) -> tuple[StreamStatus, ...]:
    """How far each stream is, by the time that its ranges have covered: nobody says how many objects there are."""
    since, until = params.get("since"), params.get("until")
    bottom = since if isinstance(since, int) else FLOOR
    top = until if isinstance(until, int) else started
    by_stream: dict[str, list[Job]] = {}
    for job in found:
        by_stream.setdefault(job.stream, []).append(job)
    out = []
    for stream in (each for each in plan.STREAMS if each in by_stream):
        ranges = by_stream[stream]
        still = [job for job in ranges if job.status not in ("done", "canceled")]
        read_accounts = len({job.account for job in ranges})
        left = sum(max(0, min(job.until or top, top) - max(job.since or bottom, bottom)) for job in still)
        share = 1.0 - min(1.0, left / (read_accounts * max(1, top - bottom)))
        objects = sum(job.objects for job in ranges)
        out.append(StreamStatus(stream, objects, len(still), len(ranges), 1.0 if not still else share))
    return tuple(out)


def eta_seconds(streams: Sequence[StreamStatus], elapsed: float) -> float | None:
    """Seconds that are left if each stream goes on as it has: the slowest counts. None until every open stream has moved."""
    slow = [each for each in streams if each.ranges_open]
    if not slow:
        return 0.0
    if any(each.share <= 0 for each in slow):
        return None
    return max(elapsed * (1 - each.share) / each.share for each in slow)


def _accounts(wiring: Wiring, request: Request) -> tuple[str, ...]:
    return request.accounts if request.accounts is not None else wiring.sources.names


def _latest(connection: Connection) -> Run | None:
    return runs.last(connection, kind=KIND)


def _with(wiring: Wiring, shards: int | None) -> Wiring:
    return wiring if shards is None else replace(wiring, shards=shards)
