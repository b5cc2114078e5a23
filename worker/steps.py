"""The steps that command line, Celery tasks and tests share: each one opens or joins a run of jobs and sees it through.

A step gathers what is asked, writes the run down, lets the crew do its jobs and says what came of it. It never does a job's work by
itself, so it makes no difference who works: the threads of a command, a Celery worker, or both at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from integrations.store import jobs, migrate, quarantine, runs
from integrations.store.clock import now
from integrations.store.engine import begin, read
from integrations.store.jobs import Job
from integrations.store.runs import AlreadyRunning, Run
from metrics.derivation import Basis
from worker import audit as auditing
from worker import derive as deriving
from worker import ingest
from worker.audit import Drift, do_drift
from worker.ingest import Ingest
from worker.jobs import NEVER, Crew, Handler, Worked
from worker.wiring import Wiring
from worker.writer import Writer

STALE_DAYS: Final = 7
"""A run that stood still for so long is planned anew instead of being finished: what it meant to read has moved on."""

IMPATIENT: Final = 3
"""Failures in a row of one job after which somebody who waits at the command line is told."""

Progress = Callable[[str, int], None]
"""Told of each page: its stream, and how many objects it held."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run. `quarantined` counts the objects kept out in the whole store, `error` is why it isn't done, if it isn't."""

    run_id: int
    status: str  # done | failed | canceled | running (left to be gone on with)
    joined: bool = False
    objects: Mapping[str, int] = field(default_factory=dict)
    pages: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    error: BaseException | None = None
    errors: tuple[str, ...] = ()


def sync(wiring: Wiring, *, accounts: Sequence[str] | None = None, progress: Progress = lambda _stream, _objects: None) -> Report:
    """Bring the accounts (all that are configured) up to date with Stripe; a sync that is under way already is joined.

    Raises NotMigrated, AccountRefused and the reader's errors for a key or host that doesn't work at all; nothing is written then.
    """
    migrate.require_current(wiring.engine)
    names = list(accounts if accounts is not None else wiring.sources.names)
    for name in names:
        wiring.sources.bind(name)
    run, joined = open_run(wiring, "sync", [Job("plan", 0, data={"account": name, "what": "sync"}) for name in names])
    return see_through(wiring, run, joined=joined, progress=progress)


def audit(
    wiring: Wiring, *, accounts: Sequence[str] | None = None, progress: Progress = lambda _stream, _objects: None
) -> tuple[Report, tuple[Drift, ...]]:
    """List the subscriptions again and compare; what differs is stored, and what no event explains is drift.

    Raises what `sync` raises.
    """
    migrate.require_current(wiring.engine)
    names = list(accounts if accounts is not None else wiring.sources.names)
    bound = [wiring.sources.bind(name) for name in names]
    run, joined = open_run(wiring, "audit", [Job("plan", 0, data={"account": name, "what": "audit"}) for name in names])
    done = see_through(wiring, run, joined=joined, progress=progress)
    with read(wiring.engine) as connection:
        found = [auditing.of(connection, account) for account in bound]
    return done, tuple(each for each in found if each is not None)


def derive(
    wiring: Wiring,
    *,
    rebuild: bool = False,
    basis: Basis | None = None,
    progress: Progress = lambda _stream, _objects: None,
) -> Report:
    """Bring the ledger up to date with the facts; with `rebuild` derive it all anew; with `basis` that of another policy.

    Raises NotMigrated.
    """
    migrate.require_current(wiring.engine)
    first = deriving.first_job(rebuild=rebuild, basis=basis)
    first = replace(first, data={**first.data, "now": wiring.now})
    run, joined = open_run(wiring, "derive", [first], refuse=rebuild or basis is not None)
    return see_through(wiring, run, joined=joined, progress=progress)


def open_run(
    wiring: Wiring, kind: str, first: Sequence[Job], *, params: Mapping[str, Any] | None = None, refuse: bool = False
) -> tuple[int, bool]:
    """Write a run of this kind down with its first jobs, or join the one that is under way: its id, and whether it was joined.

    With `refuse` one under way raises AlreadyRunning instead. One that failed lately is taken up where it failed.
    """
    with begin(wiring.engine) as connection:
        moment = now(connection)
        for held in runs.latest(connection, kind=kind, limit=1):
            young = held.started_at > moment - timedelta(days=STALE_DAYS)
            if held.status == "running":
                if refuse:
                    raise AlreadyRunning(kind, held.id, held.started_at)
                if young:
                    return held.id, True
                jobs.cancel(connection, held.id)
                runs.finish(connection, held.id, "canceled", {"error": "stale"})
            elif held.status == "failed" and young and not refuse and jobs.revive(connection, held.id):
                runs.reopen(connection, held.id, exclusive_key=kind)
                return held.id, True
        run = runs.start(connection, kind, params=params, exclusive_key=kind)
        jobs.add(connection, [_of(job, run) for job in first])
    return run, False


def _of(job: Job, run: int) -> Job:
    return replace(job, run_id=run)


def see_through(
    wiring: Wiring,
    run: int,
    *,
    joined: bool = False,
    progress: Progress = lambda _stream, _objects: None,
    give_up_after: int = IMPATIENT,
) -> Report:
    """Work on a run until it is closed, or until a stop or too many failures in a row; then say how it stands."""
    began = time.monotonic()
    worked = _work(wiring, progress, run=run, give_up_after=give_up_after)
    return report(wiring, run, joined=joined, seconds=time.monotonic() - began, worked=worked)


def work(wiring: Wiring, *, seconds: float) -> Worked:
    """Do whatever is due, of any run, for at most so many seconds (a page is finished past that)."""
    return _work(wiring, deadline=time.monotonic() + seconds)


def _work(
    wiring: Wiring,
    progress: Progress = lambda _stream, _objects: None,
    *,
    run: int | None = None,
    deadline: float | None = None,
    give_up_after: int = NEVER,
) -> Worked:
    """Let the threads of this process work, with everything that jobs need for as long as it lasts."""
    crew = Crew(wiring.engine, wiring.terms, wiring.stop)
    writer = Writer(
        wiring.engine,
        lease_seconds=wiring.terms.lease_seconds,
        shards=wiring.shards,
        on_shared=crew.look_again,
    )
    reading = Ingest(
        engine=wiring.engine,
        sources=wiring.sources,
        writer=writer,
        stop=wiring.stop,
        pace=wiring.pace,
        pretended=wiring.pretended_instant,
        moved=crew.moved,
        report=progress,
    )
    writer.start()
    try:
        return crew.work(handlers(wiring, reading), run=run, deadline=deadline, give_up_after=give_up_after)
    finally:
        writer.close()


def handlers(wiring: Wiring, reading: Ingest) -> dict[str, Handler]:
    """Every kind of job that a worker can do."""
    return {
        **ingest.handlers(reading),
        "drift": partial(do_drift, reading),
        **deriving.handlers(deriving.Deriving(wiring.engine, wiring.stop, wiring.basis, wiring.now, wiring.kept)),
    }


def report(wiring: Wiring, run: int, *, joined: bool = False, seconds: float = 0.0, worked: Worked | None = None) -> Report:
    """How a run stands."""
    with read(wiring.engine) as connection:
        found: Run | None = runs.get(connection, run)
        summed = jobs.summary(connection, run)
        objects = {stream: count for stream, (count, _, _) in jobs.progress(connection, run).items() if stream}
        kept_out = quarantine.count(connection)
    status = found.status if found else "canceled"
    return Report(
        run, status, joined, objects, summed.pages, kept_out, seconds,
        worked.error if worked and status != "done" else None, () if status == "done" else summed.errors,
    )  # fmt: skip
