"""The steps that command line, Celery tasks and tests share: each one opens or joins a run of jobs and sees it through.

A step gathers what is asked, writes the run down, lets the crew do its jobs and says what came of it. It never does a job's work by
itself, so it makes no difference who works: the threads of a command, a Celery worker, or both at once.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from integrations.store import migrate
from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts as bound_accounts
from integrations.store.facts import quarantine
from integrations.store.facts.accounts import AccountRefused
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from integrations.store.work.runs import AlreadyRunning, Run
from integrations.store.work.schema import RunStatus
from integrations.stripe.errors import ReadError
from worker.execution.crew import LISTING, NEVER, Crew, Handler, Worked
from worker.execution.job_data import stored
from worker.execution.log import logger
from worker.ingest import read as read_account
from worker.ingest.audit import do_drift, do_missing
from worker.ingest.drift import Drift, last_drift
from worker.ingest.jobs import Planning, What
from worker.ingest.read import Ingest
from worker.ingest.recheck import do_recheck
from worker.ingest.writer import Writer
from worker.runs import handlers as runs_handlers
from worker.runs import settings_log
from worker.runs.processes.processes import beside
from worker.runs.watch import Progress, quiet, watched
from worker.wiring.wiring import Wiring

log = logger(__name__)

STALE_DAYS: Final = 7
"""A run that stood still for so long is planned anew instead of being finished: what it meant to read has moved on."""

EXCLUSIVE: Final = {"derive": "figures", "rollup": "figures", "nightly": "figures"}
"""Kinds of runs that change the same figures, and the key under which only one of them is open at a time: two derivations side by side
could each overwrite what the other had read later."""

IMPATIENT: Final = 3
"""Failures in a row of one job after which somebody who waits at the command line is told."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run. `quarantined` counts the quarantined objects of the whole store, `error` is why it isn't done, if it isn't."""

    run_id: int
    status: RunStatus
    """`running`: left to be gone on with."""
    joined: bool = False
    objects: Mapping[str, int] = field(default_factory=dict)
    pages: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    error: BaseException | None = None
    errors: tuple[str, ...] = ()


def sync(wiring: Wiring, *, accounts: Sequence[str] | None = None, progress: Progress = quiet) -> Report:
    """Bring the accounts (all that are configured) up to date with Stripe; a sync that is under way already is joined.

    Each account has a run of its own, so what is wrong with one keeps no other waiting. Raises NotMigrated, and AccountRefused or the
    reader's error when no account can be read at all; nothing is written then. `error` of the report is that of an account that can't.
    """
    opened, refused = open_reading(wiring, "sync", accounts)
    done = see_through(wiring, [run for run, _ in opened], joined=any(joined for _, joined in opened), progress=progress)
    return done if refused is None else replace(done, status="failed", error=refused)


def audit(wiring: Wiring, *, accounts: Sequence[str] | None = None, progress: Progress = quiet) -> tuple[Report, tuple[Drift, ...]]:
    """Read every kind of object again and compare; what differs is stored, and what no news explains is drift.

    Raises what `sync` raises.
    """
    opened, refused = open_reading(wiring, "audit", accounts)
    done = see_through(wiring, [run for run, _ in opened], joined=any(joined for _, joined in opened), progress=progress)
    with read(wiring.engine) as connection:
        names = set(accounts if accounts is not None else wiring.sources.names)
        known = [row.id for row in bound_accounts.everything(connection) if row.name in names]
        found = [last_drift(connection, account) for account in known]
    report = done if refused is None else replace(done, status="failed", error=refused)
    return report, tuple(each for each in found if each is not None)


def open_reading(
    wiring: Wiring, what: What, names: Sequence[str] | None = None
) -> tuple[list[tuple[int, bool]], ReadError | AccountRefused | None]:
    """A run for each account that reads it, written down or joined; and why an account was left out, if one was.

    Raises that error itself when no account is left.
    """
    migrate.require_current(wiring.engine)
    bound, left_out = bind(wiring, names if names is not None else wiring.sources.names)
    refused = left_out.popitem()[1] if left_out else None  # whoever called tells this one
    say_left_out(left_out)
    if refused is not None and not bound:
        raise refused
    return [
        open_run(wiring, what, [plan_job(account, Planning(name, what))], account=account) for name, account in bound.items()
    ], refused


def bind(wiring: Wiring, names: Sequence[str]) -> tuple[dict[str, int], dict[str, ReadError | AccountRefused]]:
    """The ids under which accounts are stored, each key checked; and why others were left out, which is the caller's to tell."""
    bound: dict[str, int] = {}
    left_out: dict[str, ReadError | AccountRefused] = {}
    for name in names:
        try:
            bound[name] = wiring.sources.bind(name)
        except (ReadError, AccountRefused) as error:
            left_out[name] = error
    return bound, left_out


def say_left_out(left_out: Mapping[str, ReadError | AccountRefused]) -> None:
    """Log which accounts aren't read, and why."""
    for name, error in left_out.items():
        log.warning("account_left_out", account=name, error=f"{type(error).__name__}: {error}")


def plan_job(account: int, asked: Planning, *, stage: int = 0) -> Job:
    """The job that decides what there is to read of an account."""
    return Job("plan", 0, account=account, stage=stage, data=stored(asked))


def open_run(
    wiring: Wiring,
    kind: str,
    first: Sequence[Job],
    *,
    account: int | None = None,
    params: Mapping[str, Any] | None = None,
    refuse: bool = False,
) -> tuple[int, bool]:
    """Write a run of this kind (and account) down with its first jobs, or join the one that is under way: its id, and whether it was joined.

    With `refuse` one under way raises AlreadyRunning instead. One that failed lately is taken up where it failed. Any number of
    processes may ask at once: they all end up with one run. Runs of different kinds that change the same figures come one after
    another: what is under way is finished first, and AlreadyRunning says that it couldn't be.
    """
    while True:
        try:
            return _open_run(wiring, kind, first, account, params, refuse=refuse)
        except AlreadyRunning as other:
            if refuse:
                raise
            with read(wiring.engine) as connection:
                held = runs.get(connection, other.run_id)
            if held is None or held.status != "running":
                continue
            if held.kind == kind:
                return held.id, True
            log.info("run_waits", kind=kind, run=held.id, other=held.kind)
            if see_through(wiring, held.id).status == "running":
                raise


def _open_run(
    wiring: Wiring, kind: str, first: Sequence[Job], account: int | None, params: Mapping[str, Any] | None, *, refuse: bool
) -> tuple[int, bool]:
    key = EXCLUSIVE.get(kind, kind) if account is None else f"{kind}:{account}"
    with begin(wiring.engine) as connection:
        for held in runs.latest(connection, kind=kind, account=account, limit=1):
            if _taken_up(connection, held, key, refuse=refuse):
                return held.id, True
        run = runs.start(connection, kind, account=account, params=params, exclusive_key=key)
        settings_log.note_changes(connection, wiring.settings)
        jobs.add(connection, [replace(job, run_id=run) for job in first])
    return run, False


def _taken_up(connection: Connection, held: Run, key: str, *, refuse: bool) -> bool:
    """Whether the last run of its kind is the one to work on. Raises AlreadyRunning if it is open and that was to be refused."""
    young = held.started_at > now(connection) - timedelta(days=STALE_DAYS)
    if held.status == "running":
        jobs.cancel_blocked(connection, held.id)
        if runs.close_if_done(connection, held.id) == "done":
            return False
        if not runs.lock(connection, held.id, "running"):
            return _taken_up_again(connection, held.id, key, young=young and not refuse)
        if refuse:
            raise AlreadyRunning(held.kind, held.id, held.started_at)
        if young:
            return True
        jobs.cancel(connection, held.id)
        runs.finish(connection, held.id, "canceled", {"error": "stale"})
        return False
    return held.status == "failed" and _taken_up_again(connection, held.id, key, young=young and not refuse)


def _taken_up_again(connection: Connection, run: int, key: str, *, young: bool) -> bool:
    if not young or not runs.lock(connection, run, "failed") or runs.held_by(connection, key) is not None:
        return False
    if not jobs.revive(connection, run):
        return False
    runs.reopen(connection, run, exclusive_key=key)
    return True


def see_through(
    wiring: Wiring,
    run: int | Sequence[int],
    *,
    joined: bool = False,
    progress: Progress = quiet,
    give_up_after: int = IMPATIENT,
) -> Report:
    """Work on a run (or several) until it is closed, or until a stop or too many failures in a row; then say how it stands."""
    wanted = [run] if isinstance(run, int) else list(run)
    began = time.monotonic()
    with ExitStack() as watching:
        if wiring.reading_processes > 1:  # then others read, too, and what they have read counts
            for each in wanted:
                watching.enter_context(watched(wiring.engine, each, progress))
            progress = quiet
        worked = _work(wiring, progress, wanted=wanted, give_up_after=give_up_after)
    return report(wiring, wanted, joined=joined, seconds=time.monotonic() - began, worked=worked)


def work(wiring: Wiring, *, seconds: float) -> Worked:
    """Do whatever is due, of any run, for at most so many seconds (a page is finished past that)."""
    return _work(wiring, deadline=time.monotonic() + seconds)


def read_lists(wiring: Wiring, wanted: Sequence[int]) -> Worked:
    """Read lists of some runs beside whoever sees them through, until none is left or one fails."""
    return _work(wiring, wanted=wanted, give_up_after=1, kinds=(LISTING,))


def _work(
    wiring: Wiring,
    progress: Progress = quiet,
    *,
    wanted: Sequence[int] | None = None,
    deadline: float | None = None,
    give_up_after: int = NEVER,
    kinds: Collection[str] | None = None,
) -> Worked:
    """Let the threads of this process work, and others beside it, with everything that jobs need for as long as it lasts."""
    stop = wiring.stop.part()
    crew = Crew(wiring.engine, wiring.terms, stop, LIGHT)
    writer = Writer(
        wiring.engine,
        owner=wiring.terms.owner,
        lease_seconds=wiring.terms.lease_seconds,
        shards=wiring.shards,
        on_shared=crew.look_again,
    )
    reading = Ingest(
        engine=wiring.engine,
        sources=wiring.sources,
        writer=writer,
        stop=stop,
        pace=wiring.pace,
        pretended=wiring.pretended_instant,
        moved=crew.moved,
        report=progress,
    )
    writer.start()
    try:
        with beside(wiring, wanted, crew.beside):
            do = {kind: each for kind, each in handlers(wiring, reading).items() if kinds is None or kind in kinds}
            return crew.work(do, wanted=wanted, deadline=deadline, give_up_after=give_up_after)
    finally:
        writer.close()


LIGHT: Final = ("plan", "list", "events", "recheck", "open_invoices", "mark", "missing", "drift")
"""Kinds of jobs that wait for Stripe most of the time: many of them go on at once in one process."""


def handlers(wiring: Wiring, reading: Ingest) -> dict[str, Handler]:
    """Every kind of job that a worker can do."""
    return {
        **read_account.handlers(reading),
        "drift": read_account.with_the_key_in_force(reading, do_drift),
        "missing": read_account.with_the_key_in_force(reading, do_missing),
        "recheck": read_account.with_the_key_in_force(reading, do_recheck),
        **runs_handlers.handlers(wiring),
    }


def kinds_of(wiring: Wiring) -> tuple[str, ...]:
    """The kinds of jobs that this version can do: another version's are left to it."""
    return (*LIGHT, *runs_handlers.handlers(wiring))


def report(
    wiring: Wiring, run: int | Sequence[int], *, joined: bool = False, seconds: float = 0.0, worked: Worked | None = None
) -> Report:
    """How a run stands; of several, the first that isn't done gives its name to it."""
    wanted = [run] if isinstance(run, int) else list(run)
    objects: dict[str, int] = {}
    errors: list[str] = []
    pages, named = 0, wanted[0]
    status: RunStatus = "done"
    with read(wiring.engine) as connection:
        for each in wanted:
            found = runs.get(connection, each)
            its: RunStatus = found.status if found else "canceled"
            summed = jobs.summary(connection, each)
            pages += summed.pages
            for stream, (count, _, _) in jobs.progress(connection, each).items():
                if stream:
                    objects[stream] = objects.get(stream, 0) + count
            if its != "done":
                errors += summed.errors
                named, status = (each, its) if status == "done" else (named, status)
        kept_out = quarantine.count(connection)
    error = worked.error if worked and status != "done" else None
    return Report(named, status, joined, objects, pages, kept_out, seconds, error, tuple(errors))
