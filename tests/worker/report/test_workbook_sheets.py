"""The workbook's sheets: texts inert and fit for cells, laid out, and saying what is not there."""

import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from sqlalchemy import text

from integrations.store.db.engine import begin
from integrations.store.work import key_value
from integrations.workbook.content import BILLINGS, SHARES
from integrations.workbook.pen import LostCell, Pen, fit, open_kit
from integrations.workbook.write import SHEETS
from metrics.labels import INFERRED
from metrics.periods import closing
from tests.integrations.workbook import calculated
from tests.integrations.workbook.calculated import formulas_of, results_of
from tests.worker.report.books import HOSTILE, NOW
from tests.worker.report.test_workbook import _differences, _made
from worker.figures.proof import REMEMBERED
from worker.queries.session import Session
from worker.report.workbook import Options, gather
from worker.report.workbook_archive import packed, unpacked
from worker.report.workbook_file import written


def test_a_month_that_is_not_complete_is_marked(session: Session, tmp_path: Path) -> None:
    """Where the data doesn't reach the end of the last month and its grace, the cover says so."""
    content, path = _made(session, tmp_path, last=date(2026, 1, 1), months=2)
    assert content.about.incomplete
    assert any("isn't complete" in str(value) for (sheet, _), value in results_of(path).items() if sheet == "Cover")
    assert closing(date(2026, 1, 31), "UTC") > content.about.known_until.timestamp()


# --- the file -----------------------------------------------------------------------------------------------------------------------


def test_texts_are_texts_whatever_they_look_like(session: Session, tmp_path: Path) -> None:
    """Names that look like formulas stand as they are, as texts, marked so that editing doesn't calculate them; no cell is a formula but ours."""
    _, path = _made(session, tmp_path)
    book = openpyxl.load_workbook(path)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    shown = {cell.value for cell in cells}
    assert set(HOSTILE) <= {
        text.replace("_x005F_", "_") for text in shown
    }  # how a workbook writes an underscore that stands for itself
    assert "=1+1" in shown  # a plan's name
    hostile = [cell for cell in cells if cell.value in HOSTILE and cell.value.lstrip()[:1] in "=+-@"]
    assert 5 < len(hostile)
    assert {True} == {cell.quotePrefix for cell in hostile}
    written_as = "".join(_sheets(path))
    assert not [name for name in HOSTILE if f"<f>{name.lstrip().removeprefix('=')}" in written_as]
    assert "evil.example" in written_as
    assert not [
        link for link in written_as.split("<hyperlink ")[1:] if "evil" in link.split(">")[0] or " location=" not in f" {link}"
    ]


def _sheets(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as file:
        return [file.read(name).decode() for name in file.namelist() if name.startswith("xl/worksheets/")]


def test_texts_that_no_cell_can_hold_are_made_fit() -> None:
    """Signs that XML doesn't know are replaced, and what is too long is cut where a cell ends."""
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}" == fit("a\x00b\ud800\uffff")
    assert 32_767 == len(fit("x" * 40_000))
    assert fit("x" * 40_000).endswith("x…")


def test_a_cell_above_the_last_row_is_not_lost_in_silence(tmp_path: Path) -> None:
    """A sheet is written from the top down; who goes back is told."""
    kit = open_kit(str(tmp_path / "x.xlsx"), "usd")
    pen = Pen(kit, kit.book.add_worksheet("x"))
    pen.text(3, 0, "down")
    with pytest.raises(LostCell, match="B3"):
        pen.whole(2, 1, 5)
    kit.book.close()


@pytest.mark.long
def test_how_it_is_laid_out(session: Session, tmp_path: Path) -> None:
    """Eleven sheets in order, heads that stay, months as dates, named ranges, print set-up, and the properties without a person's name."""
    _, path = _made(session, tmp_path)
    book = openpyxl.load_workbook(path)
    assert [name for name, _ in SHEETS] == book.sheetnames
    assert 11 == len(SHEETS)
    assert {"cube_customers", "cube_months", "cube_mrr", "cube_signup"} == {n for n in book.defined_names if n.startswith("cube")}
    cube = book["Cube"]
    assert "C9" == cube.freeze_panes
    assert date(2024, 8, 1) == next(cell.value.date() for cell in cube[8] if cell.column > 7 and isinstance(cell.value, datetime))
    assert {"mmm yyyy"} == {cell.number_format for cell in cube[8] if isinstance(cell.value, datetime)}
    for sheet in book.worksheets:
        assert ("landscape", 9) == (sheet.page_setup.orientation, int(sheet.page_setup.paperSize))
    assert (None, NOW.replace(tzinfo=None)) == (book.properties.creator or None, book.properties.created)


@pytest.mark.long
def test_without_billings_and_a_reconciliation_the_sheets_say_so(session: Session, tmp_path: Path) -> None:
    """What isn't there is said where it would be; a reconciliation that was given is shown."""
    content, path = _made(session, tmp_path)
    said = {value for (sheet, _), value in results_of(path).items() if sheet in ("Billings", "Reconciliation")}
    assert any("No other source was reconciled" in str(text) for text in said)
    found = {
        "file": "theirs.csv",
        "policy": "chartmogul",
        "from": "2025-01-01",
        "to": "2025-12-31",
        "explained_share": "0.75",
        "totals": [
            {
                "day": "2025-12-31",
                "currency": "usd",
                "ours_micros": 5_000_000,
                "theirs_micros": 4_000_000,
                "difference_micros": 1_000_000,
            }
        ],
        "rules": [
            {
                "rule": "discounts",
                "kind": "policy",
                "words": "once",
                "currency": "usd",
                "difference_micros": 750_000,
                "absolute_micros": 750_000,
                "differences": 1,
                "customers": 1,
            }
        ],
        "differences": [
            {
                "customer": "=1+1",
                "their_key": "k",
                "day": "2025-12-31",
                "currency": "usd",
                "ours_micros": 1,
                "theirs_micros": 0,
                "difference_micros": 1,
                "shares": [{"rule": "discounts", "difference": "0.75"}],
            }
        ],
    }
    written(replace(content, reconciliation=found), path)
    values = {cell: value for (sheet, cell), value in results_of(path).items() if sheet == "Reconciliation"}
    assert 0.75 == values["B5"]
    assert (5, 4, -1) == (values["C9"], values["D9"], values["E9"])
    assert {"=1+1", "discounts 0.75"} <= {str(value) for value in values.values()}


@pytest.mark.long
def test_billings_tie_out_to_the_invoices(session: Session, tmp_path: Path) -> None:
    """Classes add up to the invoices' own totals, in each currency; what no line explains is a difference, here and on the cover."""
    content = gather(session, Options(months=2))
    rows = [
        (month, currency, name, name.replace("_", " "), place, name == "void", name == "difference", micros)
        for month in (date(2025, 11, 1), date(2025, 12, 1))
        for currency, unit in (("kwd", 1_000), ("usd", 10_000))
        for place, (name, micros) in enumerate({"subscription": 3_333 * unit, "credit_note": -111 * unit, "void": 5 * unit}.items())
    ]
    rows.append((date(2025, 12, 1), "usd", "difference", "not accounted for", 9, False, True, 10_000))
    written(replace(content, billings=pl.DataFrame(rows, schema=BILLINGS, orient="row")), path := tmp_path / "book.xlsx")
    values = results_of(path)
    sheet = {cell: value for (name, cell), value in values.items() if name == "Billings"}
    usd = next(int(cell[1:]) for cell, value in sheet.items() if value == "Invoiced in USD")
    assert (32.22, 32.22) == (sheet[f"B{usd + 4}"], sheet[f"C{usd + 4}"])
    assert (32.22, 32.23, 0, -0.01) == tuple(sheet[f"{letters}{usd + row}"] for row in (5, 6) for letters in "BC")
    assert ("Apart: void", 0.05) == (sheet[f"A{usd + 7}"], sheet[f"B{usd + 7}"])
    told = {values["Cover", f"A{row}"]: values.get(("Cover", f"B{row}")) for row in range(1, 90) if ("Cover", f"A{row}") in values}
    assert ("agrees", "differs") == tuple(told[f"Billings in {code} and the invoices' totals"] for code in ("KWD", "USD"))
    assert "see the sheets" == told["Altogether"]
    assert [] == _differences(values, calculated.by_python(path, tmp_path), formulas_of(path))


@pytest.mark.long
def test_the_share_outside_and_the_proof_stand_below_the_classes(session: Session, tmp_path: Path) -> None:
    """In the month that they are of; a proof of another basis or of a month that isn't in the book is no proof of it."""
    proved = {"month": "2025-12-01", "basis": session.basis.version, "unexplained": {"usd": [25_000, 1_000_000]}, "customers": []}

    def unexplained(**other: str) -> list[tuple[Any, ...]]:
        with begin(session.engine) as connection:
            key_value.put(connection, REMEMBERED, {**proved, **other})
        frame = gather(session, Options(months=2)).unexplained
        assert frame is not None
        return frame.rows()

    assert [] == unexplained(basis="another")
    assert [] == unexplained(month="2025-10-01")
    assert [(date(2025, 12, 1), "usd", "0.025000")] == unexplained()
    row = (date(2025, 11, 1), "usd", "subscription", "subscriptions", 0, False, False, 9_000_000)
    content = replace(
        gather(session, Options(months=2)),
        billings=pl.DataFrame([row, (date(2025, 12, 1), *row[1:])], schema=BILLINGS, orient="row"),
        outside=pl.DataFrame(
            [(date(2025, 11, 1), "usd", "0.250000"), (date(2025, 12, 1), "usd", None)], schema=SHARES, orient="row"
        ),
    )
    written(unpacked(packed(content)), path := tmp_path / "book.xlsx")
    sheet = {cell: value for (name, cell), value in results_of(path).items() if name == "Billings"}
    (outside,) = (int(cell[1:]) for cell, value in sheet.items() if value == "Share outside subscriptions, before tax")
    assert (0.25, "–") == (sheet[f"B{outside}"], sheet[f"C{outside}"])
    assert "MRR that invoices leave unexplained (last proof)" == sheet[f"A{outside + 1}"]
    assert (None, 0.025) == (sheet.get(f"B{outside + 1}"), sheet[f"C{outside + 1}"])


@pytest.mark.long
def test_old_rates_and_what_is_inferred_are_on_the_cover(session: Session) -> None:
    """Of the whole book that a closing used an earlier day's rate, and how much is dated at its first evidence only."""
    rates = "Exchange rates end on 2025-12-21, 10 days before 2025-12-31"
    assert any(rates in note for note in gather(session, Options(months=2)).about.notes)
    assert not any("rates end" in note for note in gather(session, Options(months=2, currency="eur")).about.notes)
    assert not any(INFERRED in note for note in gather(session, Options(months=16)).about.notes)
    with begin(session.engine) as connection:
        connection.execute(text("UPDATE movement SET inferred = (1 = 1)"))
    assert any(INFERRED in note for note in gather(session, Options(months=16)).about.notes)
