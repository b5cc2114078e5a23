"""Reports that are made by themselves: when, in which file, kept how; and what becomes of them when anything breaks in between."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from integrations.store.alerts import outbox
from integrations.store.db.engine import begin, read
from integrations.store.figures import reports
from integrations.store.figures.reports import MadeReport
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job, LeaseLost
from metrics.periods import Window, month, quarter
from tests.worker.report.books import NOW, business
from worker.alerts.deliver import _attached
from worker.config.reports import ReportTable
from worker.execution.crew import Crew
from worker.execution.job_data import stored
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.queries.reports import report_made, reports_failed, reports_made
from worker.queries.session import Session
from worker.report import scheduled
from worker.report.scheduled import Due, Reporting, ReportRun, do_reports, due

DECEMBER, Q4 = month(date(2025, 12, 1)), quarter(date(2025, 10, 1))


@pytest.fixture
def session(engine: Engine) -> Session:
    """A business whose last complete month is December 2025."""
    return business(engine)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where reports go."""
    made = tmp_path / "reports"
    made.mkdir()
    return made


def _reporting(session: Session, folder: Path, **more: Any) -> Reporting:
    table = {"folder": folder, "what": ("workbook",), "months": 6, **more}
    return Reporting(session.engine, lambda _now: session, ReportTable(**table), channels=("email",))


def _job(engine: Engine) -> Job:
    """A report job that is due, in a run of its own."""
    with begin(engine) as connection:
        run = runs.start(connection, "report")
        jobs.add(connection, [Job(scheduled.KIND, run, data=stored(ReportRun()))])
    with read(engine) as connection:
        return jobs.of_run(connection, run)[0]


def _claim(engine: Engine, owner: str = "one", lease_seconds: float = 60.0) -> Job:
    with begin(engine) as connection:
        found = jobs.claim(connection, owner=owner, lease_seconds=lease_seconds, kinds=[scheduled.KIND])
    assert found is not None
    return found


def _done(reporting: Reporting) -> None:
    """A run of reports from the beginning to the end."""
    _job(reporting.engine)
    do_reports(reporting, _claim(reporting.engine))


def _put(session: Session, what: str, window: Window) -> None:
    """A report of the past."""
    made = MadeReport(
        basis=session.basis.version,
        policy="default",
        what=what,
        kind=window.kind,
        first=window.first,
        until=window.until,
        currency="all:usd",
        path="/gone",
        bytes=1,
        digest="0",
        known_at=NOW,
        options={},
    )
    with begin(session.engine) as connection:
        reports.put(connection, made, None)


# --- when ---------------------------------------------------------------------------------------------------------------------------


def test_at_first_the_last_complete_period_is_due_and_then_every_one_since(session: Session, folder: Path) -> None:
    """A month and a quarter, each once; a schedule that stood still makes up for what it missed, and nothing is due twice."""
    table = ReportTable(folder=folder, schedule=("monthly", "quarterly"), what=("workbook",))
    assert [Due("workbook", Q4), Due("workbook", DECEMBER)] == due(session, table)
    _put(session, "workbook", month(date(2025, 9, 1)))
    _put(session, "workbook", quarter(date(2025, 10, 1)))
    wanted = [Due("workbook", month(date(2025, number, 1))) for number in (10, 11, 12)]
    assert wanted == due(session, table)
    _put(session, "workbook", DECEMBER)
    assert [] == due(session, table)


def test_a_month_is_due_when_its_days_of_grace_are_over(session: Session, folder: Path) -> None:
    """A churn of its last day may still be undone: the figures of a period that is not complete are nobody's report."""
    with begin(session.engine) as connection:
        connection.execute(text("UPDATE basis SET derived_until = derived_until - :days"), {"days": 9 * 86_400})
    assert [Due("workbook", month(date(2025, 11, 1)))] == due(session, ReportTable(folder=folder, what=("workbook",)))


def test_nothing_is_due_before_anything_moved(engine: Engine, folder: Path) -> None:
    """An installation without a ledger makes no report, and its night goes on."""
    from tests.worker.ledgers import BASIS

    session = Session(engine, BASIS, NOW.timestamp())  # type: ignore[arg-type]  # whole seconds are not needed here
    _done(_reporting(session, folder))
    assert ([], []) == (reports_made(session), list(folder.iterdir()))


# --- what is made and kept -------------------------------------------------------------------------------------------------------------


def test_what_is_made_is_kept_with_what_it_was_made_of(session: Session, folder: Path) -> None:
    """The file for its owner alone, and a row with the period, the digest, as of when its figures are known, and how it was made."""
    reporting = _reporting(session, folder)
    _done(reporting)
    [made] = reports_made(session)
    path = folder / "workbook-2025-12.xlsx"
    assert [path] == list(folder.iterdir())
    assert (str(path), path.stat().st_size, 0o600) == (made.path, made.bytes, path.stat().st_mode & 0o777)
    assert ("workbook", "month", DECEMBER.first, DECEMBER.until, "all:usd") == (
        made.what,
        made.kind,
        made.first,
        made.until,
        made.currency,
    )
    assert {"names": False, "months": 6} == made.options
    assert [] == reports_failed(session)
    _done(reporting)
    assert [made] == reports_made(session)


@pytest.mark.long
def test_a_page_is_made_too(session: Session, folder: Path) -> None:
    """Both, where nothing else is said; the page is HTML."""
    _done(_reporting(session, folder, what=("page", "workbook")))
    assert [] == reports_failed(session)
    assert ["retention-2025-12.html", "workbook-2025-12.xlsx"] == sorted(each.name for each in folder.iterdir())
    assert b"<html" in (folder / "retention-2025-12.html").read_bytes()[:500]


def test_without_a_currency_for_the_whole_book_there_is_a_workbook_for_each(engine: Engine, folder: Path) -> None:
    """Nobody is there to be asked which one is meant."""
    session = business(engine)
    with begin(engine) as connection:
        connection.execute(text("DELETE FROM rollup WHERE currency LIKE 'all:%'"))
    _done(_reporting(replace(session, reporting_currency=None), folder))
    assert ["workbook-2025-12-eur.xlsx", "workbook-2025-12-jpy.xlsx", "workbook-2025-12-usd.xlsx"] == sorted(
        p.name for p in folder.iterdir()
    )
    assert ["eur", "jpy", "usd"] == sorted(each.currency for each in reports_made(session))


@pytest.mark.long
def test_a_workbook_is_made_again_as_it_was(session: Session, folder: Path, tmp_path: Path) -> None:
    """Whatever was learnt since: the same file to the byte, of what was kept with it."""
    from worker.report.workbook_archive import unpacked
    from worker.report.workbook_file import written

    _done(_reporting(session, folder))
    [made] = reports_made(session)
    with begin(session.engine) as connection:
        connection.execute(text("DELETE FROM standing"))
        connection.execute(text("DELETE FROM movement"))
        connection.execute(text("DELETE FROM rollup"))
    found = report_made(session, made.id)
    assert found is not None
    body = found[1]
    assert body is not None
    written(unpacked(body), tmp_path / "again.xlsx")
    assert (folder / "workbook-2025-12.xlsx").read_bytes() == (tmp_path / "again.xlsx").read_bytes()


# --- what breaks -------------------------------------------------------------------------------------------------------------------------


def _messages(engine: Engine) -> list[str]:
    with read(engine) as connection:
        return [str(each.message.body["content"]["title"]) for each in outbox.latest(connection, rule="report")]


def _missing(folder: Path) -> str:
    folder.rmdir()
    return "No such file or directory"


def _a_file(folder: Path) -> str:
    folder.rmdir()
    folder.write_text("in the way", encoding="utf-8")
    return "Not a directory"


def _read_only(folder: Path) -> str:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; the others of this test need no rights")
    folder.chmod(0o500)
    return "Permission denied"


@pytest.mark.parametrize("broken", [_missing, _a_file, _read_only])
@pytest.mark.long
def test_a_folder_that_cannot_be_written_is_told_once_and_tried_again(
    session: Session, folder: Path, broken: Callable[[Path], str]
) -> None:
    """The job ends all the same, the failure is remembered with its reason, one message goes out; when the folder is back, so is the report."""
    reporting, why = _reporting(session, folder), broken(folder)
    for _ in range(2):
        _done(reporting)
    [failure] = reports_failed(session)
    assert ("workbook", DECEMBER.first, f"{folder} can't be written: {why}") == (failure.what, failure.first, failure.why)
    assert failure.since < failure.tried_at
    assert ["The workbook of 2025-12 could not be made"] == _messages(session.engine)
    assert [] == reports_made(session)
    if folder.exists():
        folder.chmod(0o700)
        if folder.is_file():
            folder.unlink()
    folder.mkdir(exist_ok=True)
    _done(reporting)
    assert ([], 1, 1) == (reports_failed(session), len(reports_made(session)), len(list(folder.iterdir())))


def test_a_disk_that_is_full_leaves_nothing_half(session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The half-written file is taken away, the older one stays, and the reason is said."""

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    (folder / "workbook-2025-12.xlsx").write_bytes(b"older")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        _done(_reporting(session, folder))
    assert [f"{folder} can't be written: No space left on device"] == [each.why for each in reports_failed(session)]
    assert {"workbook-2025-12.xlsx": b"older"} == {each.name: each.read_bytes() for each in folder.iterdir()}


def test_one_report_that_fails_keeps_no_other_from_being_made(
    session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that can't be drawn, whatever the reason, and the workbook beside it."""

    def refuse(*_: object) -> bytes:
        raise RuntimeError("no chart today")

    monkeypatch.setattr("worker.report.page.build", refuse)
    _done(_reporting(session, folder, what=("page", "workbook")))
    assert ["RuntimeError: no chart today"] == [each.why for each in reports_failed(session)]
    assert ["workbook"] == [each.what for each in reports_made(session)]


def test_who_lost_the_job_puts_no_file_anywhere(session: Session, folder: Path) -> None:
    """A worker whose lease ran out finds the job with another: its file is not put in the place of the other's, and it writes nothing down."""
    reporting = _reporting(session, folder)
    _job(session.engine)
    slow = _claim(session.engine, "slow", lease_seconds=0.0)
    do_reports(reporting, quick := _claim(session.engine, "quick"))
    assert quick.token > slow.token
    before = (folder / "workbook-2025-12.xlsx").stat().st_mtime_ns
    [made] = reports_made(session)
    with begin(session.engine) as connection:
        connection.execute(text("DELETE FROM report_made"))  # so that the slow one finds it due, as it did when it looked
    with pytest.raises(LeaseLost):
        do_reports(reporting, slow)
    assert [(folder / "workbook-2025-12.xlsx")] == list(folder.iterdir())
    assert before == (folder / "workbook-2025-12.xlsx").stat().st_mtime_ns
    assert (made.digest, []) == (made.digest, reports_made(session))


def test_what_killed_writers_left_is_taken_away(session: Session, folder: Path) -> None:
    """Parts of an earlier claim of the same job, and old ones of any; what another writes now, and what isn't ours, stays."""
    job = _job(session.engine)
    mine, old, others = (folder / f".workbook-2025-12.xlsx.{number}-1.part" for number in (job.id, 900, 901))
    theirs = folder / ".notes.part"
    for each in (mine, old, others, theirs):
        each.write_bytes(b"half")
    os.utime(old, (1, 1))
    with begin(session.engine) as connection:
        connection.execute(text("UPDATE job SET token = 1"))
    do_reports(_reporting(session, folder), _claim(session.engine))
    assert sorted([others.name, theirs.name, "workbook-2025-12.xlsx"]) == sorted(each.name for each in folder.iterdir())


def test_two_workers_make_one_report(session: Session, folder: Path) -> None:
    """Two crews at once, two runs: one row, one file, and both runs end."""
    for _ in range(2):
        _job(session.engine)
    reporting = _reporting(session, folder)
    terms = Terms("test", threads=2, heavy=2, lease_seconds=30, attempts=2, first_delay_seconds=0.01)
    worked = Crew(session.engine, terms, Stop(), ()).work({scheduled.KIND: lambda job: do_reports(reporting, job)})
    assert (2, None) == (worked.done, worked.error)
    assert (1, 1) == (len(reports_made(session)), len(list(folder.iterdir())))


_KILLED = """
import os, signal, sys
from pathlib import Path
from integrations.store.db.engine import open_engine
from integrations.store.figures import reports
from tests.worker.ledgers import BASIS
from tests.worker.report import test_scheduled
from worker.queries.session import Session
reports.put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
session = Session(open_engine(sys.argv[1]), BASIS, int(test_scheduled.NOW.timestamp()), "usd")
job = test_scheduled._claim(session.engine, "killed", lease_seconds=1.0)
test_scheduled.do_reports(test_scheduled._reporting(session, Path(sys.argv[2])), job)
"""


@pytest.mark.long
def test_a_worker_that_is_killed_between_file_and_commit_loses_nothing(session: Session, folder: Path, migrated_url: str) -> None:
    """The file is there and nothing says so; once the lease is over the job is done again: the same file, one row."""
    _job(session.engine)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, migrated_url, str(folder)], cwd=Path(__file__).parents[3], timeout=120, check=False
    )
    assert -signal.SIGKILL == killed.returncode
    path = folder / "workbook-2025-12.xlsx"
    assert ([], True) == (reports_made(session), path.exists())
    first = path.read_bytes()
    reporting = _reporting(session, folder)
    terms = Terms("test", threads=1, heavy=1, lease_seconds=30, attempts=3, first_delay_seconds=0.01)
    with read(session.engine) as connection:
        wanted = runs.running(connection)
    Crew(session.engine, terms, Stop(), ()).work({scheduled.KIND: lambda job: do_reports(reporting, job)}, wanted=wanted)
    [made] = reports_made(session)
    assert (first, [path]) == (path.read_bytes(), list(folder.iterdir()))
    assert path.stat().st_size == made.bytes


# --- who is told ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_without_a_monthly_digest_the_report_has_a_message_of_its_own(session: Session, folder: Path) -> None:
    """Once, with its address where the folder is served; silent means silent."""
    _done(_reporting(session, folder, url="https://reports.example.com/nrr/"))
    with read(session.engine) as connection:
        [posted] = outbox.latest(connection, rule="report")
    assert "The workbook of 2025-12 is there" == posted.message.body["content"]["title"]
    assert [["Workbook of 2025-12, USD", "https://reports.example.com/nrr/workbook-2025-12.xlsx"]] == posted.message.body[
        "content"
    ]["facts"]
    with begin(session.engine) as connection:
        connection.execute(text("DELETE FROM report_made"))
        connection.execute(text("DELETE FROM outbox"))
    _done(_reporting(session, folder, digest="silent"))
    assert [] == _messages(session.engine)


def test_what_is_attached_is_the_file_that_was_made(session: Session, folder: Path) -> None:
    """To the byte; one that was changed or is gone is not attached, which is said."""
    _done(_reporting(session, folder, digest="attached"))
    with read(session.engine) as connection:
        [posted] = outbox.latest(connection, rule="report")
    [number] = posted.message.body["attach"]
    path = folder / "workbook-2025-12.xlsx"

    def attached() -> tuple[list[bytes], list[str]]:
        with read(session.engine) as connection:
            files, said = _attached(connection, [number])
        return [each.data for each in files], said

    assert ([path.read_bytes()], []) == attached()
    path.write_bytes(b"another")
    assert ([], [f"workbook-2025-12.xlsx is not attached: {path} is no longer the file that was made."]) == attached()
    path.unlink()
    assert ([], [f"workbook-2025-12.xlsx is not attached: {path} can't be read (No such file or directory)."]) == attached()
