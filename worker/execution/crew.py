"""Doing jobs: claim what is due, hand it to a thread, settle how it ended.

The rows in the database are the record of work; who does them is the same whether a Celery task or the command line asks. A job ends
in one of five ways: it finished itself in the transaction of its last effect; it was stopped and is released; its lease was lost and
somebody else has it; it failed in a way that may pass and is due again later; or it can't be done until somebody changes something and
is parked, with the reason, for all to see. While a job runs its lease is kept alive, unless it has made no progress for long.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integrations.store import migrate
from integrations.store.db.engine import begin, read
from integrations.store.db.outage import may_pass
from integrations.store.facts.accounts import AccountRefused
from integrations.store.work import idle, jobs, runs, workers
from integrations.store.work.jobs import Job, LeaseLost
from integrations.stripe.errors import ReadError, Transient
from worker.execution.log import logger
from worker.execution.stop import Stop, Stopped
from worker.execution.terms import Terms
from worker.execution.tuning import tuned

log = logger(__name__)

LONGEST_DELAY_SECONDS: Final = 300.0
IDLE_TOLD_SECONDS: Final = 3.0
"""Somebody who waits is told for whom after so long."""
POLL_SECONDS: Final = 0.3
BUSY_POLL_SECONDS: Final = 1.0
"""How often to look for what others made due: seldom while this process has work of its own, whose end is noticed at once."""
CLOSE_SECONDS: Final = 2.0
"""How often somebody who waits for a run looks whether its last worker died before it could close it."""
STALLED_SECONDS: Final = 1_800.0
"""A job that has not moved for so long is not kept alive any more: its thread is stuck, and another may have it."""

VANISHED: Final = 3
"""So many times the attempts may a job's leases expire before it is parked: most of what kills its holders has nothing to do with it."""

NEVER: Final = 1_000_000

LISTING: Final = "list"
"""The kind of job that is cut into several for whoever has nothing to do: a list of Stripe's, which one process reads no faster than it computes."""

Handler = Callable[[Job], None]
"""Does a job. It finishes the job (`jobs.finish`) in the transaction of its last effect, or raises."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a job that raised: released, left alone, due again after `delay_seconds`, or parked."""

    what: str  # release | drop | again | aside
    delay_seconds: float = 0.0
    quarantine_after: int = NEVER


@dataclass(slots=True)
class Worked:
    """What was done: jobs finished, due again, parked; the last error of those that did not finish."""

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
    if may_pass(error):
        return Ending("again", delay)
    return Ending("again", delay, terms.attempts)


class Crew:
    """The threads of one process that do jobs. `light` kinds wait for others most of the time; all the rest is heavy.

    Raises NotMigrated from `work` when the database's schema is changed under it: nothing more is claimed then.
    """

    def __init__(self, engine: Engine, terms: Terms, stop: Stop, light: Collection[str] = ()) -> None:
        self._engine = engine
        self._light = frozenset(light)
        self._handlers: Mapping[str, Handler] = {}
        self._terms = terms
        self._heavy = terms.heavy
        self._stop = stop
        self._changed = threading.Condition()
        self._active: dict[tuple[int, int, str | None], tuple[Job, float]] = {}
        """By claim: a job whose lease was lost may come back to this very process while its first thread is still at it, and under the
        same token where the database lost the first claim."""
        self._of_run: Counter[int] = Counter()
        """How many jobs of each run are being done here: the run is closed by the last of them, not by every one."""
        self._worked = Worked()
        self._failed_at: dict[int, int] = {}
        """How many pages of a job had been stored when it was claimed for the attempt that failed last."""
        self._over = threading.Event()
        self._outdated: migrate.NotMigrated | None = None
        self._looked_at = float("-inf")

    def work(
        self,
        handlers: Mapping[str, Handler],
        *,
        wanted: Sequence[int] | None = None,
        deadline: float | None = None,
        give_up_after: int = NEVER,
    ) -> Worked:
        """Do jobs of the kinds that there are handlers for until the runs `wanted` are closed, or (without any) until none is due; or until `deadline` (monotonic) or a stop.

        After `give_up_after` failures of one job in a row it stops and leaves what is open for later; `error` then says why.
        """
        self._handlers = handlers
        keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        keeper.start()
        try:
            with tuned():
                self._dispatch(wanted, deadline, give_up_after)
                self._wait_for_all()
        finally:
            # Also when a limit or an interrupt struck in the middle: what is still at work must finish its page and go.
            self._stop.request()
            try:
                self._wait_for_all()
            finally:
                self._over.set()
                keeper.join()
        if self._outdated is not None:
            raise self._outdated
        return self._worked

    # --- giving out work -----------------------------------------------------------------------------------------------------

    def _dispatch(self, wanted: Sequence[int] | None, deadline: float | None, give_up_after: int) -> None:
        idle_since: float | None = None
        while not self._stop.wanted:
            if deadline is not None and time.monotonic() >= deadline:
                self._stop.request()
                return
            if max(self._worked.in_a_row.values(), default=0) >= give_up_after:
                self._stop.request()
                return
            with self._changed:
                doing = len(self._active)
            job = self._claim(wanted) if doing < self._terms.threads else None
            if job is not None:
                self._begin(job)
                idle_since = None
                continue
            # What ends while we look may have left new work, so only those who did nothing before the look may go.
            if not doing and (wanted is None or self._are_closed(wanted)):
                return
            idle_since = self._tell_of_waiting(wanted, idle_since) if not doing else None
            if not doing and wanted is not None and LISTING in self._handlers:
                self._say_idle(wanted)
            with self._changed:
                if len(self._active) == doing:
                    self._changed.wait(BUSY_POLL_SECONDS if doing else POLL_SECONDS)

    def _tell_of_waiting(self, wanted: Sequence[int] | None, idle_since: float | None) -> float:
        """Say once for whom this process waits, when it has had nothing to do for a while; gives since when it has not.

        A process that died holds its jobs until their leases run out, and somebody who waits must be told for how long.
        """
        moment = time.monotonic()
        if idle_since is None:
            return moment
        if idle_since > 0 and moment - idle_since > IDLE_TOLD_SECONDS:
            with read(self._engine) as connection:
                held = jobs.held_elsewhere(connection, wanted or ())
            if held:
                log.warning(
                    "waiting_for_jobs_held_by_others",
                    jobs=len(held),
                    owners=sorted({owner for owner, _ in held}),
                    seconds_at_most=round(max(seconds for _, seconds in held)),
                    why="they are being done there, or their process died and its leases have to run out first",
                )
            return -moment
        return idle_since

    def _say_idle(self, wanted: Sequence[int]) -> None:
        """Let those who do what is waited for know that this process would do some of it."""
        with read(self._engine) as connection:
            others = jobs.held_elsewhere(connection, wanted)
        if others:
            with begin(self._engine) as connection:
                idle.note(connection, self._terms.owner, wanted)

    def _claim(self, wanted: Sequence[int] | None) -> Job | None:
        with self._changed:
            heavy = sum(job.kind not in self._light for job, _ in self._active.values())
            listed = {job.run_id for job, _ in self._active.values() if job.kind == LISTING}
        kinds = sorted(kind for kind in self._handlers if kind in self._light or heavy < self._heavy)
        with begin(self._engine) as connection:
            if any(idle.is_any(connection, self._terms.owner, run) for run in listed):
                kinds.remove(LISTING)  # for whoever has nothing to do, as long as it hasn't
            return jobs.claim(
                connection,
                owner=self._terms.owner,
                lease_seconds=self._terms.lease_seconds,
                kinds=kinds,
                runs=wanted,
                most_attempts=VANISHED * self._terms.attempts,
            )

    def _are_closed(self, wanted: Sequence[int]) -> bool:
        """Whether none of the runs is open. Whoever did the last job may have died before closing the run: then it is closed here."""
        with read(self._engine) as connection:
            found = [runs.get(connection, run) for run in wanted]
        still = [run.id for run in found if run is not None and run.status == "running"]
        if still and time.monotonic() - self._looked_at > CLOSE_SECONDS:
            self._looked_at = time.monotonic()
            for run in still:
                self._close(run)
        return not still

    def _begin(self, job: Job) -> None:
        with self._changed:
            self._active[_claim(job)] = (job, time.monotonic())
            self._of_run[job.run_id] += 1
        try:
            threading.Thread(target=self._do, args=(job,), name=f"{job.kind}-{job.id}", daemon=True).start()
        except RuntimeError:
            # The system gives no further thread: the job's lease runs out, and nobody waits for a thread that never began.
            with self._changed:
                self._active.pop(_claim(job), None)
                self._of_run[job.run_id] -= 1
            raise

    def _wait_for_all(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._active)

    def beside(self, processes: int) -> None:
        """So many other processes compute for the same command: this one then does one heavy job at a time, for the sake of memory."""
        with self._changed:
            self._heavy = 1 if processes else self._terms.heavy
            self._changed.notify_all()

    def look_again(self) -> None:
        """There is new work to be claimed."""
        with self._changed:
            self._changed.notify_all()

    def moved(self, job: Job) -> None:
        """The job makes progress: its thread isn't stuck. Whether what it does is ever stored is another question."""
        with self._changed:
            if _claim(job) in self._active:
                self._active[_claim(job)] = (job, time.monotonic())

    # --- a job's thread ------------------------------------------------------------------------------------------------------

    def _do(self, job: Job) -> None:
        try:
            try:
                self._handlers[job.kind](job)
            except Exception as error:  # noqa: BLE001  # every way to fail is settled here, and nowhere else
                self._settle_quietly(job, error)
            else:
                with self._changed:
                    self._worked.done += 1
                    self._worked.in_a_row.pop(job.id, None)
            finally:
                with self._changed:
                    self._of_run[job.run_id] -= 1
                    is_last = not self._of_run[job.run_id]
            if is_last:
                self._close(job.run_id)
        except Exception as error:  # noqa: BLE001  # the database is away: the lease runs out and the job is claimed again
            log.warning("job_not_settled", job=job.id, kind=job.kind, error=type(error).__name__)
        finally:
            with self._changed:
                self._active.pop(_claim(job), None)
                self._changed.notify_all()

    def _settle_quietly(self, job: Job, error: Exception) -> None:
        try:
            self._settle(job, error)
        except LeaseLost:
            # Overtaken, or it had ended all the same: a commit may succeed whose answer never came.
            log.warning("lease_lost", job=job.id, kind=job.kind)

    def _settle(self, job: Job, error: BaseException) -> None:
        end = ending(error, job.attempts, self._terms)
        about: dict[str, Any] = {"job": job.id, "kind": job.kind, "stream": job.stream, "account": job.account}
        if end.what == "drop":
            log.warning("lease_lost", **about)
            # Where nobody else has it, the database lost what was committed last: whoever claims it goes on from where it stands.
            with suppress(LeaseLost), begin(self._engine) as connection:
                jobs.release(connection, job)
            return
        if end.what == "release":
            with begin(self._engine) as connection:
                jobs.release(connection, job)
            log.info("job_released", **about)
            return
        text = f"{type(error).__name__}: {error}"
        log.warning("job_failed", **about, error=text, attempts=job.attempts)
        with self._changed:
            self._worked.error = error
            # Failures are in a row when nothing was stored between one claim and the next.
            in_a_row = self._failed_at.get(job.id) == job.pages
            self._worked.in_a_row[job.id] = 1 + (self._worked.in_a_row.get(job.id, 0) if in_a_row else 0)
            self._failed_at[job.id] = job.pages
        with begin(self._engine) as connection:
            aside = jobs.retry(connection, job, text, end.delay_seconds, end.quarantine_after)
        with self._changed:
            self._worked.aside += aside
            self._worked.again += not aside

    def _close(self, run: int) -> None:
        """Close the run if this was its last job, or if nothing of it can go on."""
        close(self._engine, run)

    # --- staying alive -------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Extend the leases of what is being done, and send this worker's heartbeat."""
        while not self._over.wait(min(30.0, self._terms.lease_seconds / 3)):
            with self._changed:
                moving = [job for job, moved in self._active.values() if time.monotonic() - moved < STALLED_SECONDS]
            # In the order in which the writer locks them, so that the two never wait in a circle.
            held = sorted(moving, key=lambda job: job.id)
            try:
                migrate.require_current(self._engine)
                with begin(self._engine) as connection:
                    for job in held:
                        self._extend(connection, job)
                    for run in sorted({job.run_id for job in held}):
                        runs.beat(connection, run)
                    if self._terms.standing:
                        workers.seen(connection, self._terms.owner, {"jobs": len(held)})
            except migrate.NotMigrated as error:
                self._outdated = error
                self._stop.request()
            except SQLAlchemyError as error:
                log.warning("leases_not_extended", error=type(error).__name__)

    def _extend(self, connection: Any, job: Job) -> None:
        try:
            jobs.extend(connection, job, self._terms.lease_seconds)
        except LeaseLost:
            if jobs.is_taken_over(connection, job):  # else its own thread has ended it since we looked
                log.warning("lease_lost", job=job.id, kind=job.kind)


def _claim(job: Job) -> tuple[int, int, str | None]:
    """What tells one claim of a job from every other."""
    return job.id, job.token, job.nonce


def close(engine: Engine, run: int) -> str | None:
    """Close a run of which no job is open any more, or can go on; gives its status if it was closed now."""
    with begin(engine) as connection:
        jobs.cancel_blocked(connection, run)
        status = runs.close_if_done(connection, run)
        ended = runs.ended(connection, run) if status is not None else None
    if ended is not None:
        log.info("run_closed", **asdict(ended))
    return status


def close_finished(engine: Engine) -> None:
    """Close every run that its last worker could not close."""
    with read(engine) as connection:
        open_now = runs.running(connection)
    for run in open_now:
        close(engine, run)
