"""Reports that were made by themselves, and those that could not be."""

from integrations.store.db.engine import read
from integrations.store.figures import reports
from integrations.store.figures.reports import FailedReport, MadeReport
from worker.queries.session import Session

__all__ = ["FailedReport", "MadeReport", "report_made", "reports_failed", "reports_made"]


def reports_made(session: Session, limit: int = 100) -> list[MadeReport]:
    """The reports that were made under any policy, newest first."""
    with read(session.engine) as connection:
        return reports.everything(connection, limit=limit)


def report_made(session: Session, number: int) -> tuple[MadeReport, bytes | None] | None:
    """A report by its number, with what a workbook is made again from; None if there is no such."""
    with read(session.engine) as connection:
        found = reports.get(connection, number)
        return None if found is None else (found, reports.body(connection, number))


def reports_failed(session: Session) -> list[FailedReport]:
    """The reports that could not be made yet, and why."""
    with read(session.engine) as connection:
        return reports.failed(connection)
