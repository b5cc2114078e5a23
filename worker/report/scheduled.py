"""Reports that are made by themselves: which are due, the files, and what is kept of each. A job of the nightly run.

A file is written whole beside its place, and put there while the job's row is locked, right before the report is written down and the job
ends. Who dies in between leaves a file that is made again with the same name; who lost the job puts nothing there. A folder that can't be
written keeps nothing else waiting: the failure is remembered, told once through the channels of the alerts, and tried again.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from glob import escape
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integrations.private_files import written_privately
from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.figures import reports
from integrations.store.figures.reports import MadeReport
from integrations.store.work import jobs
from integrations.store.work.jobs import Job, LeaseLost
from integrations.workbook.content import Content
from metrics.instants import Instant
from metrics.money import BookCurrency
from metrics.periods import Window, add_months, calendar_window
from metrics.window_kinds import WINDOW_KINDS
from worker.config.reports import PERIODS, ReportTable
from worker.execution.job_data import JobData, read_as
from worker.execution.log import logger
from worker.execution.stop import Stopped
from worker.figures.derived import NothingDerived
from worker.queries.movements import span
from worker.queries.session import Session
from worker.report.announce import Failure, announce, remember
from worker.report.period import last_complete
from worker.report.workbook import NothingStored, Options, currencies, gather
from worker.report.workbook_archive import packed

log = logger(__name__)

KIND: Final = "report"
LEFT_SECONDS: Final = 86_400
"""Nobody writes one file for so long."""
CATCH_UP: Final = 12
"""So many periods that were missed are made up for."""


@dataclass(frozen=True, slots=True)
class ReportRun:
    """As of when reports are made; None: of when it is done."""

    now: Instant | None = None


JOBS: Final[Mapping[str, type[JobData]]] = {KIND: ReportRun}
"""Every kind of job here with what it is given."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """What making reports needs. `channels` are told of a failure, and of a report that no digest speaks of; `digests` are those that are sent."""

    engine: Engine
    session: Callable[[Instant | None], Session]
    table: ReportTable
    names: bool = False
    channels: Sequence[str] = field(default_factory=tuple)
    digests: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Due:
    """A report that is due."""

    what: str
    window: Window


@dataclass(frozen=True, slots=True)
class _Draft:
    """A file before it is written: its name, how it is made, what writes it, and what is kept to write it again."""

    name: str
    currency: str
    options: Mapping[str, Any]
    write: Callable[[Path], None]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A file that lies beside its place."""

    draft: _Draft
    part: Path
    path: Path
    size: int
    digest: str


def due(session: Session, table: ReportTable) -> list[Due]:
    """The reports of periods that are complete and were not made, oldest first; at first only those of the last period. Raises NothingDerived."""
    moved = span(session)
    if moved is None:
        return []
    found: list[Due] = []
    for schedule in table.schedule:
        kind = PERIODS[schedule]
        last = last_complete(session, kind)
        if last.until <= moved[0]:
            continue
        for what in table.what:
            with read(session.engine) as connection:
                made = reports.latest(connection, session.basis.version, what, kind)
            windows = [last] if made is None else list(_after(Window(kind, made.first, made.until), last))
            found += [Due(what, window) for window in windows[-CATCH_UP:]]
    return sorted(found, key=lambda each: (each.window.until, each.window.first, each.what))


def _after(made: Window, last: Window) -> Iterator[Window]:
    window = calendar_window(WINDOW_KINDS[made.kind], made.until)
    while window.until <= last.until:
        yield window
        window = calendar_window(WINDOW_KINDS[made.kind], window.until)


def do_reports(reporting: Reporting, job: Job) -> None:
    """Make every report that is due, as a job. What is wrong with one keeps no other from being made."""
    session = reporting.session(read_as(ReportRun, job).now)
    try:
        wanted = due(session, reporting.table)
    except NothingDerived:
        wanted = []
    failures: list[Failure] = []
    for each in wanted:
        why = _one(reporting, session, job, each)
        if why is not None:
            failures.append((each.what, each.window, why))
    with begin(reporting.engine) as connection:
        jobs.hold(connection, job)
        remember(connection, reporting.channels, failures)
        jobs.finish(connection, job)


def _one(reporting: Reporting, session: Session, job: Job, wanted: Due) -> str | None:
    """Make one report; gives why it could not be made. Raises LeaseLost, and what the database raises."""
    files: list[_File] = []
    try:
        with read(reporting.engine) as connection:
            known_at = database_now(connection)
        files.extend(_beside(reporting.table.folder, job, draft) for draft in _drafts(reporting, session, wanted))
        _put(reporting, session, job, wanted, files, known_at)
    except (SQLAlchemyError, LeaseLost, Stopped):
        raise
    except Exception as error:  # noqa: BLE001  # one report that can't be made must keep neither the others nor the alerts waiting
        why = _why(error, reporting.table.folder)
        log.warning("report_not_made", what=wanted.what, period=wanted.window.label, error=why)
        return why
    finally:
        for file in files:
            with suppress(OSError):
                file.part.unlink(missing_ok=True)
    log.info("report_made", what=wanted.what, period=wanted.window.label, files=[str(file.path) for file in files])
    return None


def _drafts(reporting: Reporting, session: Session, wanted: Due) -> Iterator[_Draft]:
    """What a report consists of: a file for the whole book, or without a currency to express it in one for each that is billed in."""
    codes, label = currencies(session), wanted.window.label
    for currency in codes:
        meant = BookCurrency.of(currency)
        code = None if meant.whole_book else currency
        mark = "" if len(codes) == 1 else f"-{meant.code}"
        if wanted.what == "page":
            options, page = _page(reporting, session, wanted, currency, code)
            yield _Draft(f"retention-{label}{mark}.html", currency, options, partial(_write_page, page))
        else:
            last = add_months(wanted.window.until, -1)
            content = gather(session, Options(reporting.table.months, last, code, reporting.names))
            options = {"names": reporting.names, "months": reporting.table.months}
            yield _Draft(f"workbook-{label}{mark}.xlsx", currency, options, partial(_write_book, content), packed(content))


def _page(reporting: Reporting, session: Session, wanted: Due, currency: str, code: str | None) -> tuple[Mapping[str, Any], bytes]:
    """How a page is made, and the page. What was restated is told since the page before."""
    from worker.report.page import Options as PageOptions
    from worker.report.page import build

    with read(session.engine) as connection:
        before = reports.before(connection, session.basis.version, "page", wanted.window.kind, currency, wanted.window.first)
    since = None if before is None else before.known_at
    page = build(session, wanted.window, PageOptions(names=reporting.names, currency=code, last_report=since))
    return {"names": reporting.names, "last_report": None if since is None else since.isoformat()}, page


def _write_book(content: Content, path: Path) -> None:
    from integrations.workbook.write import write

    write(content, path)


def _write_page(made: bytes, path: Path) -> None:
    with written_privately(path, "wb") as file:
        file.write(made)


def _beside(folder: Path, job: Job, draft: _Draft) -> _File:
    """Write a file beside its place, whole and on the disk, under a name that is this claim's own. Raises OSError."""
    part = folder / f".{draft.name}.{job.id}-{job.token}-{job.nonce}.part"
    try:
        with written_privately(part, "wb"):
            pass
        _clear_up(part, draft.name, job)
        draft.write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return _File(draft, part, folder / draft.name, part.stat().st_size, digest)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _clear_up(mine: Path, name: str, job: Job) -> None:
    """Take away what killed writers of this file have left: those of earlier claims of the job, and what is a day older than what is begun now."""
    begun = mine.stat().st_mtime
    for part in mine.parent.glob(f".{escape(name)}.*.part"):
        with suppress(OSError):
            of_this_job = part.name.startswith(f".{name}.{job.id}-")
            if part != mine and (of_this_job or part.stat().st_mtime < begun - LEFT_SECONDS):
                part.unlink()


def _put(reporting: Reporting, session: Session, job: Job, wanted: Due, files: Sequence[_File], known_at: datetime) -> None:
    """Put the files in their place and write them down, if the job is still this claim's. Raises LeaseLost and OSError."""
    window, policy = wanted.window, session.basis.policy
    with begin(reporting.engine) as connection:
        jobs.hold(connection, job)
        for file in files:
            file.part.replace(file.path)
            made = MadeReport(
                basis=session.basis.version,
                policy=policy.name,
                what=wanted.what,
                kind=window.kind,
                first=window.first,
                until=window.until,
                currency=file.draft.currency,
                path=str(file.path),
                bytes=file.size,
                digest=file.digest,
                known_at=known_at,
                options=file.draft.options,
                run_id=job.run_id,
            )
            reports.put(connection, made, file.draft.body)
        if reporting.table.digest != "silent" and "monthly" not in reporting.digests:
            announce(connection, reporting.channels, reporting.table, session.basis.version, wanted.what, window)


def _why(error: Exception, folder: Path) -> str:
    """Why a report could not be made, for people."""
    if isinstance(error, OSError):
        return f"{folder} can't be written: {error.strerror or error}"
    if isinstance(error, NothingStored):
        return str(error)
    return f"{type(error).__name__}: {error}"
