"""A tick: look what is due, write it down as runs of jobs, and say how many hands it is worth.

Any number of ticks may come at once, late, twice or not at all: what is due is decided by what the database says has been done, and a
run that is under way is never opened a second time. A tick reads no page and derives nothing; it is over in a moment.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from integrations.store import migrate
from integrations.store.alerts import outbox
from integrations.store.db.clock import has_passed
from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts, marks
from integrations.store.figures import reports
from integrations.store.ledger import bases as ledger_bases
from integrations.store.work import jobs, key_value, runs, workers
from integrations.store.work.jobs import Job
from integrations.store.work.runs import AlreadyRunning
from metrics.instants import Instant
from worker.alerts.evaluate import evaluate, usable_channels
from worker.alerts.in_use import take_up_again
from worker.execution.crew import close_finished
from worker.execution.job_data import stored
from worker.execution.log import logger
from worker.figures import derive
from worker.ingest.jobs import Planning
from worker.report import scheduled
from worker.runs import nightly, steps
from worker.wiring.channels import open_alerting
from worker.wiring.wiring import Wiring

log = logger(__name__)

DERIVE_MINUTES: Final = 15
"""A derivation that failed is tried again so long after."""

REPORT_MINUTES: Final = 30
"""Reports that could not be made are tried again so long after."""

WATCHED: Final = "health_watched"
WATCH_MINUTES: Final = 5
"""The health of the data is judged so often."""

SILENT_MINUTES: Final = 20
"""A worker that was silent for so long isn't asked any more: its messages would only pile up."""

LONGEST_READ_HOURS: Final = 1
"""Figures wait for a reading that is under way, but not longer than this: one account may keep failing for days."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick found: the runs that it opened by kind, how many jobs can be done now, and which workers are known."""

    opened: tuple[str, ...]
    claimable: int
    workers: tuple[str, ...]


def tick(wiring: Wiring, *, sync_minutes: float) -> Ticked:
    """Open whatever is due. Raises NotMigrated."""
    migrate.require_current(wiring.engine)
    close_finished(wiring.engine)
    with read(wiring.engine) as connection:
        moment = database_now(connection)
    opened = [
        *_syncs(wiring, sync_minutes, moment),
        *_nightly(wiring, moment),
        *_derivation(wiring, moment),
        *_reports(wiring, moment),
    ]
    with begin(wiring.engine) as connection:
        workers.seen(connection, workers.TICK, {"opened": opened})
        since = moment - timedelta(minutes=SILENT_MINUTES)
        known = [name for name, when, _ in workers.everything(connection) if name != workers.TICK and when > since]
        claimable = jobs.claimable_count(connection, steps.kinds_of(wiring))
    return Ticked(tuple(opened), claimable, tuple(known))


def look(wiring: Wiring) -> Ticked:
    """How much there is to do, without opening anything or asking anybody whether they live."""
    with read(wiring.engine) as connection:
        return Ticked((), jobs.claimable_count(connection, steps.kinds_of(wiring)), ())


def watch(wiring: Wiring) -> bool:
    """Look after the health of the data, and open a run that sends what waits in the outbox; whether one was opened.

    Apart from the tick itself, so that nothing that is wrong with alerts keeps news from being read.
    """
    if wiring.settings is None:
        return False
    alerting = open_alerting(wiring, wiring.settings)
    with read(wiring.engine) as connection:
        moment = database_now(connection)
        now = nightly.present(connection, wiring) or Instant(int(moment.timestamp()))
        last = key_value.get(connection, WATCHED)
    if last is None or has_passed(datetime.fromisoformat(str(last)), timedelta(minutes=WATCH_MINUTES), moment):
        with begin(wiring.engine) as connection:
            key_value.put(connection, WATCHED, moment.isoformat())
        evaluate(alerting, datetime.fromtimestamp(now, UTC), health_only=True)
    with begin(wiring.engine) as connection:
        take_up_again(connection, alerting)
    with read(wiring.engine) as connection:
        if not outbox.is_any_due(connection) or not usable_channels(connection, alerting):
            return False
    _, joined = steps.open_run(wiring, "alerts", [Job("alerts_send", 0, stream="alerts")])
    return not joined


# --- news from Stripe -----------------------------------------------------------------------------------------------------------


def _syncs(wiring: Wiring, minutes: float, moment: datetime) -> list[str]:
    """Open a sync of each account whose last one is over for so long; one that nobody has met yet is asked for its name first."""
    with read(wiring.engine) as connection:
        bound = {row.name: row.id for row in accounts.everything(connection)}
    names = wiring.sources.names
    strangers = [name for name in names if name not in bound]
    known = {name: bound[name] for name in names if name in bound}
    met, left_out = steps.bind(wiring, strangers)
    steps.say_left_out(left_out)
    known |= met
    opened = []
    for name, account in known.items():
        with read(wiring.engine) as connection:
            due = _sync_due(connection, account, minutes, moment)
        if due:
            _, joined = steps.open_run(wiring, "sync", [steps.plan_job(account, Planning(name, "sync"))], account=account)
            opened += [] if joined else [f"sync:{name}"]
    return opened


def _sync_due(connection: Connection, account: int, minutes: float, moment: datetime) -> bool:
    last = runs.last(connection, kind="sync", account=account)
    if last is None:
        return True
    if last.status == "running":
        return False
    since = last.started_at if last.status == "done" else (last.finished_at or last.started_at)
    return has_passed(since, timedelta(minutes=minutes), moment)


# --- figures --------------------------------------------------------------------------------------------------------------------


def _nightly(wiring: Wiring, moment: datetime) -> list[str]:
    """Open the nightly run when a day is over, by Stripe's clock, that it has not brought up to date."""
    with read(wiring.engine) as connection:
        now = nightly.present(connection, wiring)
        days = None if now is None else nightly.missing(connection, now, wiring.basis.timezone)
        if now is None or days is None or _busy(connection, moment) or nightly.waits(connection, days, moment):
            return []
    opened = nightly.open_nightly(wiring, days, now)
    return [] if opened is None else [nightly.KIND]


def _derivation(wiring: Wiring, moment: datetime) -> list[str]:
    """Open a derivation when customers are marked, or a moment has come that changes what they pay."""
    with read(wiring.engine) as connection:
        now = nightly.present(connection, wiring)
        if now is None or _busy(connection, moment):
            return []
        failed_lately = runs.failed_lately(runs.last(connection, kind="derive"), timedelta(minutes=DERIVE_MINUTES), moment)
        if failed_lately or not _is_outdated(connection, wiring, now):
            return []
    try:
        steps.open_run(wiring, "derive", [derive.first_job(now=now, merely_read=wiring.pretended is None)], refuse=True)
    except AlreadyRunning:
        return []
    return ["derive"]


def _is_outdated(connection: Connection, wiring: Wiring, now: Instant) -> bool:
    if not derive.is_complete(connection, wiring.basis) or marks.any_touched(connection):
        return True
    return bool(ledger_bases.due_again(connection, wiring.basis.version, now, 1))


def _reports(wiring: Wiring, moment: datetime) -> list[str]:
    """Open a run for reports that could not be made a while ago: a folder may be back, or have room again."""
    if wiring.settings is None or wiring.settings.report is None:
        return []
    with read(wiring.engine) as connection:
        failed = reports.failed(connection)
        tried = max((each.tried_at for each in failed), default=None)
        if tried is None or not has_passed(tried, timedelta(minutes=REPORT_MINUTES), moment) or _busy(connection, moment):
            return []
    _, joined = steps.open_run(wiring, scheduled.KIND, [Job(scheduled.KIND, 0, data=stored(scheduled.ReportRun()))])
    return [] if joined else [scheduled.KIND]


def _busy(connection: Connection, moment: datetime) -> bool:
    """Whether figures would be made of what is still being read, or are being made already."""
    for run in (runs.get(connection, each) for each in runs.running(connection)):
        if run is None:
            continue
        if run.kind in steps.EXCLUSIVE:
            return True
        if not has_passed(run.started_at, timedelta(hours=LONGEST_READ_HOURS), moment):
            return True
    return False
