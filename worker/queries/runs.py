"""What ran, what failed and why. Moments are the database's, in UTC."""

from integrations.store.db.engine import read
from integrations.store.work import audit_log as store
from integrations.store.work import jobs, runs
from integrations.store.work.audit_log import Entry
from integrations.store.work.jobs import Job
from integrations.store.work.runs import Run
from worker.queries.session import Session

__all__ = ["Entry", "Job", "Run", "audit_log", "jobs_of", "latest_runs", "run_of"]


def latest_runs(session: Session, *, kind: str | None = None, status: str | None = None, limit: int = 20) -> list[Run]:
    """Runs, newest first; of one kind (sync, backfill, nightly …) or status (running, done, failed, canceled) only."""
    with read(session.engine) as connection:
        return runs.latest(connection, kind=kind, status=status, limit=limit)


def run_of(session: Session, run: int) -> Run | None:
    """One run by its number, if there is such."""
    with read(session.engine) as connection:
        return runs.get(connection, run)


def jobs_of(session: Session, run: int) -> list[Job]:
    """The jobs of a run, in order; those of runs that are long closed are no longer kept."""
    with read(session.engine) as connection:
        return jobs.of_run(connection, run)


def audit_log(session: Session, *, limit: int = 100) -> list[Entry]:
    """Who did what by hand, newest first."""
    with read(session.engine) as connection:
        return store.latest(connection, limit=limit)
