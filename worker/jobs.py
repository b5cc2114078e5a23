"""Doing jobs: claim what is due, hand it to a thread, settle how it ended.

The rows in the database are the record of work; who does them is the same whether a Celery task or the command line asks. A job ends
in one of five ways: it finished itself in the transaction of its last effect; it was stopped and is given back; its lease was lost and
somebody else has it; it failed in a way that may pass and is due again later; or it can't be done until somebody changes something and
is put aside, with the reason, for all to see. While a job runs its lease is kept alive, unless it has made no progress for long.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from integrations.store import jobs, runs, workers
from integrations.store.accounts import AccountRefused
from integrations.store.engine import begin, read
from integrations.store.jobs import Job, LeaseLost
from integrations.stripe.errors import ReadError, Transient
from worker.stop import Stop, Stopped

log = structlog.get_logger()

LONGEST_DELAY_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.3
STALLED_SECONDS: Final = 1_800.0
"""A job that has not moved for so long is not kept alive any more: its thread is stuck, and another may have it."""

NEVER: Final = 1_000_000

Handler = Callable[[Job], None]
"""Does a job. It finishes the job (`jobs.finish`) in the transaction of its last effect, or raises."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions jobs are held. `attempts` counts claims without progress before a job is put aside."""

    owner: str
    threads: int = 32
    lease_seconds: float = 180.0
    attempts: int = 5
    first_delay_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a job that raised: given back, left alone, due again after `delay_seconds`, or put aside."""

    what: str  # release | drop | again | aside
    delay_seconds: float = 0.0
    quarantine_after: int = NEVER


@dataclass(slots=True)
class Worked:
    """What was done: jobs finished, due again, put aside; the last error of those that did not finish."""

    done: int = 0
    again: int = 0
    aside: int = 0
    error: BaseException | None = None
    in_a_row: dict[int, int] = field(default_factory=dict)


def ending(error: BaseException, attempts: int, terms: Terms, chance: Callable[[float, float], float] = random.uniform) -> Ending:
    """Decide by the kind of error. What may pass by itself is tried for ever, since freshness tells how long it lasts."""
    if isinstance(error, Stopped):
        return Ending("release")
    if isinstance(error, LeaseLost):
        return Ending("drop")
    delay = min(LONGEST_DELAY_SECONDS, terms.first_delay_seconds * 2 ** min(attempts, 16)) * chance(0.5, 1.0)
    if isinstance(error, Transient):
        return Ending("again", max(delay, error.retry_after_seconds or 0.0))
    if isinstance(error, ReadError | AccountRefused):
        return Ending("aside", quarantine_after=0)
    if isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return Ending("again", delay)
    return Ending("again", delay, terms.attempts)


class Crew:
    """The threads of one process that do jobs."""

    def __init__(self, engine: Engine, terms: Terms, stop: Stop) -> None:
        self._engine = engine
        self._handlers: Mapping[str, Handler] = {}
        self._terms = terms
        self._stop = stop
        self._changed = threading.Condition()
        self._active: dict[tuple[int, int], tuple[Job, float]] = {}
        """By id and token: a job whose lease was lost may come back to this very process while its first thread is still at it."""
        self._worked = Worked()

    def work(
        self,
        handlers: Mapping[str, Handler],
        *,
        run: int | None = None,
        deadline: float | None = None,
        give_up_after: int = NEVER,
    ) -> Worked:
        """Do jobs of the kinds that there are handlers for until the run is closed, or (without a run) until none is due; or until `deadline` (monotonic) or a stop.

        After `give_up_after` failures of one job in a row it stops and leaves what is open for later; `error` then says why.
        """
        self._handlers = handlers
        keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._over = threading.Event()
        keeper.start()
        try:
            self._dispatch(run, deadline, give_up_after)
        except BaseException:
            self._stop.request()
            raise
        finally:
            self._wait_for_all()
            self._over.set()
            keeper.join()
        return self._worked

    # --- giving out work -----------------------------------------------------------------------------------------------------

    def _dispatch(self, run: int | None, deadline: float | None, give_up_after: int) -> None:
        while not self._stop.wanted:
            if deadline is not None and time.monotonic() >= deadline:
                self._stop.request()
                return
            if max(self._worked.in_a_row.values(), default=0) >= give_up_after:
                self._stop.request()
                return
            with self._changed:
                doing = len(self._active)
            job = self._claim(run) if doing < self._terms.threads else None
            if job is not None:
                self._begin(job)
                continue
            # What ends while we look may have left new work, so only those who did nothing before the look may go.
            if not doing and (run is None or self._is_closed(run)):
                return
            with self._changed:
                if len(self._active) == doing:
                    self._changed.wait(POLL_SECONDS)

    def _claim(self, run: int | None) -> Job | None:
        with begin(self._engine) as connection:
            return jobs.claim(
                connection, owner=self._terms.owner, lease_seconds=self._terms.lease_seconds, kinds=sorted(self._handlers), run=run
            )

    def _is_closed(self, run: int) -> bool:
        with read(self._engine) as connection:
            found = runs.get(connection, run)
        return found is None or found.status != "running"

    def _begin(self, job: Job) -> None:
        with self._changed:
            self._active[job.id, job.token] = (job, time.monotonic())
        threading.Thread(target=self._do, args=(job,), name=f"{job.kind}-{job.id}", daemon=True).start()

    def _wait_for_all(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._active)

    def look_again(self) -> None:
        """There is new work to be claimed."""
        with self._changed:
            self._changed.notify_all()

    def moved(self, job: Job) -> None:
        """The job has made progress."""
        with self._changed:
            self._worked.in_a_row.pop(job.id, None)
            if (job.id, job.token) in self._active:
                self._active[job.id, job.token] = (job, time.monotonic())

    # --- a job's thread ------------------------------------------------------------------------------------------------------

    def _do(self, job: Job) -> None:
        try:
            try:
                self._handlers[job.kind](job)
            except Exception as error:  # noqa: BLE001  # every way to fail is settled here, and nowhere else
                self._settle(job, error)
            else:
                with self._changed:
                    self._worked.done += 1
                    self._worked.in_a_row.pop(job.id, None)
            self._close(job.run_id)
        except Exception as error:  # noqa: BLE001  # the database is away: the lease runs out and the job is claimed again
            log.warning("job_not_settled", job=job.id, kind=job.kind, error=type(error).__name__)
        finally:
            with self._changed:
                self._active.pop((job.id, job.token), None)
                self._changed.notify_all()

    def _settle(self, job: Job, error: BaseException) -> None:
        end = ending(error, job.attempts, self._terms)
        about: dict[str, Any] = {"job": job.id, "kind": job.kind, "stream": job.stream, "account": job.account}
        if end.what == "drop":
            log.warning("lease_lost", **about)
            return
        if end.what == "release":
            with begin(self._engine) as connection:
                jobs.release(connection, job)
            log.info("job_given_back", **about)
            return
        text = f"{type(error).__name__}: {error}"
        log.warning("job_failed", **about, error=text, attempts=job.attempts)
        with self._changed:
            self._worked.error = error
            self._worked.in_a_row[job.id] = self._worked.in_a_row.get(job.id, 0) + 1
        with begin(self._engine) as connection:
            aside = jobs.retry(connection, job, text, end.delay_seconds, end.quarantine_after)
        with self._changed:
            self._worked.aside += aside
            self._worked.again += not aside

    def _close(self, run: int) -> None:
        """Close the run if this was its last job, or if nothing of it can go on."""
        with begin(self._engine) as connection:
            jobs.cancel_blocked(connection, run)
            status = runs.close_if_done(connection, run)
        if status is not None:
            log.info("run_closed", run=run, status=status)

    # --- staying alive -------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Extend the leases of what is being done, and say that this worker gets on."""
        while not self._over.wait(self._terms.lease_seconds / 3):
            with self._changed:
                held = [job for job, moved in self._active.values() if time.monotonic() - moved < STALLED_SECONDS]
            try:
                with begin(self._engine) as connection:
                    for job in held:
                        self._extend(connection, job)
                    for run in sorted({job.run_id for job in held}):
                        runs.beat(connection, run)
                    workers.seen(connection, self._terms.owner, {"jobs": len(held)})
            except DBAPIError as error:
                log.warning("leases_not_extended", error=type(error).__name__)

    def _extend(self, connection: Any, job: Job) -> None:
        try:
            jobs.extend(connection, job, self._terms.lease_seconds)
        except LeaseLost:
            log.warning("lease_lost", job=job.id, kind=job.kind)
