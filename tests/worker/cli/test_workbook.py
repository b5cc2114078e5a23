"""`nrr export workbook`: what is typed, what comes out, and that it says the same as `nrr show --json`."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from integrations.store.db.engine import open_engine
from tests.worker.cli.command import Run
from tests.worker.report.books import NOW, business

AT = NOW.isoformat()


@pytest.fixture
def database(tmp_path: Path, _sqlite_template: Path) -> str:
    """A business that was rolled up."""
    url = f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    shutil.copy(_sqlite_template, tmp_path / "nrr.sqlite3")
    engine = open_engine(url)
    business(engine)
    engine.dispose()
    return url


def test_it_says_what_show_says(nrr: Run, database: str, tmp_path: Path) -> None:
    """MRR, NRR, GRR and the arrivals of cohorts are those of `nrr show --json`."""
    environment = {"DATABASE_URL": database, "REPORTING_CURRENCY": "usd"}
    done = nrr("export", "workbook", "--months", "16", "--out", "book.xlsx", "--json", "--now", AT, **environment)
    assert (0, 16, "usd", True) == (done.code, done.json["customers"] + 2, done.json["currency"], done.json["whole_book"])
    assert ("2024-09-01", "2025-12-01") == (done.json["from"], done.json["to"])
    book = openpyxl.load_workbook(tmp_path / "book.xlsx", data_only=True)
    mrr = nrr("show", "mrr", "--at", "2025-12", "--json", "--now", AT, **environment).json
    assert (float(mrr["mrr"]), float(mrr["arr"]), mrr["customers"]) == tuple(book["Cover"][f"B{row}"].value for row in (5, 6, 7))
    for line, metric in (("NRR", "nrr"), ("GRR", "grr")):
        found = nrr("show", metric, "--window", "trailing_12", "--last", "30", "--json", "--now", AT, **environment).json["figures"]
        expected = {
            each["to"][:7]: float(each["rate"])
            for each in found
            if each["rate"] is not None and "2025-08" <= each["to"] < "2026-01"
        }
        sheet = book["Retention"]
        months = {cell.column: f"{cell.value:%Y-%m}" for cell in sheet[7] if isinstance(cell.value, datetime)}
        row = next(row for row in sheet.iter_rows() if row[0].value == line)
        live = {
            months[cell.column]: round(cell.value, 6)
            for cell in row
            if cell.column in months and isinstance(cell.value, float | int)
        }
        assert expected == live
    cohorts = nrr("show", "cohorts", "--json", "--now", AT, **environment).json["cohorts"]
    shown = {f"{row[0].value:%Y-%m}": (row[1].value, row[2].value) for row in book["Cohorts"].iter_rows(min_row=6, max_row=21)}
    assert {
        each["signup"]: (each["logos"], float(each["arrived"])) for each in cohorts if each["logos"] and each["signup"] in shown
    } == {month: came for month, came in shown.items() if came[0]}


def test_what_cannot_be_is_refused(nrr: Run, database: str, tmp_path: Path) -> None:
    """A wrong number of months, standard output, --from, an unknown currency, a reconciliation that is none: exit 2 and the way out."""
    environment = {"DATABASE_URL": database, "REPORTING_CURRENCY": "usd"}
    (tmp_path / "no.json").write_text("[1]", encoding="utf-8")
    wrong = {
        ("--months", "0", "--out", "x.xlsx"): "--months takes 1 to 120",
        ("--out", "-"): "needs a file",
        ("--from", "2025-01", "--out", "x.xlsx"): "--months and --to",
        ("--to", "2026-02", "--out", "x.xlsx"): "2026-02 has not begun yet",
        ("--currency", "gbp", "--out", "x.xlsx"): "there are EUR, JPY, USD",
        ("--reconciled", "no.json", "--out", "x.xlsx"): "nrr reconcile FILE --json",
        ("--reconciled", "none.json", "--out", "x.xlsx"): "could not be read",
    }
    for arguments, words in wrong.items():
        done = nrr("export", "workbook", *arguments, "--now", AT, **environment)
        assert (2, True) == (done.code, words in done.err), (arguments, done.err)
    assert not (tmp_path / "x.xlsx").exists()


def test_a_folder_that_is_not_there_is_said(nrr: Run, database: str) -> None:
    """The file that couldn't be written is named, and nothing is left."""
    done = nrr("export", "workbook", "--out", "nowhere/book.xlsx", "--now", AT, DATABASE_URL=database, REPORTING_CURRENCY="usd")
    assert 1 == done.code
    assert "nowhere/book.xlsx could not be written: No such file or directory" in done.err


def test_a_reconciliation_is_shown(nrr: Run, database: str, tmp_path: Path) -> None:
    """What another command printed stands on its sheet, and names are left out where nobody wants them."""
    found: dict[str, object] = {
        "file": "theirs.csv",
        "policy": "default",
        "from": "2025-01-01",
        "to": "2025-12-31",
        "explained_share": None,
        "totals": [],
    }
    (tmp_path / "differences.json").write_text(json.dumps(found), encoding="utf-8")
    arguments = ("--reconciled", "differences.json", "--no-names", "--months", "3", "--out", "book.xlsx", "--now", AT)
    assert 0 == nrr("export", "workbook", *arguments, DATABASE_URL=database, REPORTING_CURRENCY="usd").code
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert "theirs.csv" in str(book["Reconciliation"]["A4"].value)
    assert "Name" not in [cell.value for cell in book["Cube"][8]]


@pytest.mark.long
def test_reports_that_were_made_are_listed_and_made_again(nrr: Run, database: str, tmp_path: Path) -> None:
    """Number, period, file; a workbook comes out to the byte, a page with the figures of then; a number that there isn't is refused."""
    from sqlalchemy import text

    from integrations.store.db.engine import begin
    from metrics.evidence import Instant
    from tests.worker.ledgers import BASIS
    from tests.worker.report.test_scheduled import _done
    from worker.config.reports import ReportTable
    from worker.queries.session import Session
    from worker.report.scheduled import Reporting

    engine = open_engine(database)
    session = Session(engine, BASIS, Instant(int(NOW.timestamp())), "usd")
    folder = tmp_path / "reports"
    folder.mkdir()
    _done(Reporting(engine, lambda _now: session, ReportTable(folder=folder, months=4)))
    environment = {"DATABASE_URL": database, "REPORTING_CURRENCY": "usd"}
    for place, said in ((folder, "monthly into"), (tmp_path / "gone", "gone is no folder that can be written")):
        table = json.dumps({"folder": str(place)})
        checks = {each["name"]: each["detail"] for each in nrr("doctor", "--json", NRR_REPORT=table, **environment).json["checks"]}
        assert said in checks["reports"]
    listed = nrr("reports", "show", "--json", **environment)
    made = {each["what"]: each for each in listed.json["reports"]}
    assert ({"page", "workbook"}, []) == (set(made), listed.json["failed"])
    assert ("2025-12-01", "2025-12-31", str(folder / "workbook-2025-12.xlsx")) == tuple(
        made["workbook"][name] for name in ("from", "to", "file")
    )
    assert "workbook-2025-12.xlsx" in nrr("reports", "show", **environment).out
    with begin(engine) as connection:  # whatever became of the ledger since
        connection.execute(text("UPDATE standing SET net_micros = net_micros + 1"))
    engine.dispose()
    done = nrr("reports", "again", str(made["workbook"]["number"]), "--out", "again.xlsx", **environment)
    assert (0, True) == (done.code, "the same file to the byte" in done.out), done.err
    assert (tmp_path / "again.xlsx").read_bytes() == (folder / "workbook-2025-12.xlsx").read_bytes()
    page = nrr("reports", "again", str(made["page"]["number"]), "--out", "again.html", "--now", AT, "--json", **environment)
    assert (0, "2025-12-01") == (page.code, page.json["from"]), page.err
    other = nrr("reports", "again", str(made["page"]["number"]), "--out", "x.html", NRR_POLICY="stripe", **environment)
    assert (2, True) == (other.code, "nrr" in other.err)
    assert 2 == nrr("reports", "again", "99", "--out", "x.html", **environment).code
    assert not (tmp_path / "x.html").exists()
