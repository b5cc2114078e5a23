"""The nightly run: catch up on missed days, in stages of one run of jobs.

Which days are missing the database knows; so a night that was skipped, by whatever, is made up for by the next one, and doing a day
twice changes nothing. A day is over when Stripe's own clock has passed it in what was read: nobody's local clock counts. Nothing is
done here but writing jobs down.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from integrations.store import migrate
from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from integrations.store.work.runs import AlreadyRunning, Run
from metrics.evidence import Instant
from metrics.periods import day_of
from worker.alerts import evaluate as evaluate_alerts
from worker.execution.job_data import stored
from worker.figures import derive, derived, rollup
from worker.ingest.jobs import Planning
from worker.report import scheduled
from worker.runs import exchange_rates, steps
from worker.runs.steps import Report
from worker.runs.watch import Progress, quiet
from worker.wiring.wiring import Wiring

KIND: Final = "nightly"

SYNC: Final = 0
AUDIT: Final = 10
DERIVE: Final = 20
RATES: Final = 27
ROLLUP: Final = 30
REPORT: Final = 35
ALERTS: Final = 40
TIDY: Final = 50
"""The stages. Planning jobs write theirs into the stages after their own, hence the room between."""

LOOKED_AT: Final = 400
"""So many of the last nights are looked at for one that was done in its time."""

BEHIND_SECONDS: Final = 3_600
"""What is known of the present may be so much behind it: the horizon stays a little behind Stripe's clock."""

AGAIN_MINUTES: Final = 30
"""A nightly run that failed is taken up again so long after."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days that no nightly run has brought up to date, the last one included."""

    first: date
    through: date

    def params(self) -> dict[str, Any]:
        """As a run keeps them."""
        return {"first": self.first.isoformat(), "through": self.through.isoformat()}


def present(connection: Connection, wiring: Wiring) -> Instant | None:
    """The moment as of which figures are made: what somebody says that it is, but not past what is known of the present; else the horizon.

    Known is the horizon, which is Stripe's own clock, or before anything was read the database's. So a night that hasn't come yet can't be
    done, whatever anybody says.
    """
    known = derived.horizon(connection)
    if wiring.pretended_instant is None:
        return known
    latest = Instant(int(database_now(connection).timestamp())) if known is None else known
    return wiring.pretended_instant if wiring.pretended_instant <= latest + BEHIND_SECONDS else latest


def through(connection: Connection, at_most: date | None = None) -> date | None:
    """The last day that a nightly run brought up to date; with `at_most` not counting nights that were done before their time."""
    for found in runs.latest(connection, kind=KIND, status="done", limit=LOOKED_AT):
        day = date.fromisoformat(str(found.params["through"]))
        if at_most is None or day <= at_most:
            return day
    return None


def missing(connection: Connection, now: Instant, timezone: str) -> Days | None:
    """The days that are over at `now` and were not brought up to date; None when there are none.

    A night that was done before its time, by a clock that was ahead, doesn't count.
    """
    yesterday = day_of(now, timezone) - timedelta(days=1)
    last = through(connection, yesterday)
    if last is not None and last >= yesterday:
        return None
    return Days(yesterday if last is None else last + timedelta(days=1), yesterday)


def run(wiring: Wiring, *, progress: Progress = quiet) -> Report | None:
    """Catch up on every missed day, whoever began it; None when no day was missed.

    The accounts are read first, since that tells which days are over. Raises what `steps.sync` raises, and AlreadyRunning when the
    figures are being made otherwise and that can't be finished.
    """
    steps.sync(wiring, progress=progress)
    with read(wiring.engine) as connection:
        now = present(connection, wiring)
        days = None if now is None else missing(connection, now, wiring.basis.timezone)
    if now is None or days is None:
        return None
    while True:
        opened = open_nightly(wiring, days, now)
        if opened is not None:
            break
        with read(wiring.engine) as connection:
            other = runs.held_by(connection, steps.EXCLUSIVE[KIND])
            held = None if other is None else runs.get(connection, other)
        if held is not None and steps.see_through(wiring, held.id, progress=progress).status == "running":
            raise AlreadyRunning(held.kind, held.id, held.started_at)
    return steps.see_through(wiring, opened, progress=progress)


def open_nightly(wiring: Wiring, days: Days, now: Instant) -> int | None:
    """Open the run for these days, join it, or take it up where it failed; None while other figures are being made."""
    migrate.require_current(wiring.engine)
    key = steps.EXCLUSIVE[KIND]
    with begin(wiring.engine) as connection:
        last = runs.last(connection, kind=KIND)
        if last is not None and last.status == "running":
            return last.id
        again = last is not None and _is_for(last, days) and runs.held_by(connection, key) is None
        if again and last is not None and runs.lock(connection, last.id, "failed") and jobs.revive(connection, last.id):
            runs.reopen(connection, last.id, exclusive_key=key)
            return last.id
        try:
            opened = runs.start(connection, KIND, params=days.params(), exclusive_key=key)
        except AlreadyRunning:
            return None
        jobs.add(connection, [replace(job, run_id=opened) for job in written(connection, wiring, now)])
    return opened


def waits(connection: Connection, days: Days, moment: datetime) -> bool:
    """Whether the run for these days failed a short while before `moment`."""
    last = runs.last(connection, kind=KIND)
    return last is not None and _is_for(last, days) and runs.failed_lately(last, timedelta(minutes=AGAIN_MINUTES), moment)


def _is_for(found: Run, days: Days) -> bool:
    return found.params.get("through") == days.through.isoformat()


def written(connection: Connection, wiring: Wiring, now: Instant) -> list[Job]:
    """The jobs of the run: news, audit, ledger, figures, reports where a folder is set, alerts, and forgetting old work."""
    configured = [row for row in accounts.everything(connection) if row.name in wiring.sources.names]
    out = [steps.plan_job(row.id, Planning(row.name, "sync"), stage=SYNC) for row in configured]
    out += [steps.plan_job(row.id, Planning(row.name, "audit"), stage=AUDIT) for row in configured]
    out.append(derive.first_job(stage=DERIVE, now=now, merely_read=wiring.pretended is None))
    if exchange_rates.is_on(wiring):
        out.append(Job("rates", 0, stage=RATES))
    out.append(rollup.first_job(stage=ROLLUP))
    out.append(Job(scheduled.KIND, 0, stage=REPORT, data=stored(scheduled.ReportRun(now))))
    out += evaluate_alerts.jobs_of(now, stage=ALERTS)
    out.append(Job("tidy", 0, stage=TIDY))
    return [job for job in out if job.kind in steps.kinds_of(wiring)]
