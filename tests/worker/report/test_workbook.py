"""The workbook: every formula calculated by others, every number that of the read side, every text inert."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from sqlalchemy import Engine

from integrations.workbook.content import FRAMES, Content
from integrations.workbook.pen import column
from metrics.periods import add_months
from metrics.retention.analysis.cohorts import triangles
from metrics.retention.figures import Figures, rates
from tests.integrations.workbook import calculated
from tests.integrations.workbook.calculated import Cell, formulas_of, results_of
from tests.worker.report.books import business
from worker.queries import figures
from worker.queries.session import Session
from worker.report.workbook import NothingStored, Options, WhichCurrency, currencies, gather
from worker.report.workbook_file import written

CASES = {"all": None, "eur": "eur"}
ALL, EUR = (pytest.param(None, id="all"), pytest.param("eur", id="eur"))
ALL_AT_LENGTH, EUR_AT_LENGTH = (pytest.param(*each.values, id=each.id, marks=pytest.mark.long) for each in (ALL, EUR))


def _made(session: Session, folder: Path, **options: Any) -> tuple[Content, Path]:
    content = gather(session, Options(**{"months": 16, "names": True, **options}))
    path = folder / "book.xlsx"
    written(content, path)
    return content, path


def _differences(mine: dict[Cell, Any], theirs: dict[Cell, Any], formulas: dict[Cell, str]) -> list[tuple[Cell, str, Any, Any]]:
    """Formulas that come to something else: amounts to the micro, shares to the twelfth place, counts and words exactly."""

    def same(one: Any, other: Any) -> bool:
        one, other = ("" if each is None else each for each in (one, other))
        if isinstance(one, int | float) and isinstance(other, int | float):
            return round(one * 1_000_000) == round(other * 1_000_000) and abs(one - other) <= 1e-12 * max(1.0, abs(one))
        return bool(one == other)

    return [
        (cell, formula, mine.get(cell), theirs.get(cell))
        for cell, formula in formulas.items()
        if not same(mine.get(cell), theirs.get(cell))
    ]


# --- calculated by others ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", [ALL, EUR_AT_LENGTH])
def test_libreoffice_calculates_what_is_stored(session: Session, tmp_path: Path, currency: str | None) -> None:
    """Without the stored results LibreOffice calculates every formula, and each comes to what was stored beside it."""
    if calculated.OFFICE is None:
        pytest.skip("not run: there is no LibreOffice on this machine; the evaluator in Python calculates the same formulas below")
    _, path = _made(session, tmp_path, currency=currency)
    formulas = formulas_of(path)
    assert 1_000 < len(formulas)
    assert [] == _differences(results_of(path), calculated.by_office(path, tmp_path), formulas)


@pytest.mark.parametrize("currency", [ALL_AT_LENGTH, EUR])
@pytest.mark.long
def test_another_evaluator_calculates_what_is_stored(session: Session, tmp_path: Path, currency: str | None) -> None:
    """The same by a library that knows Excel's functions, for machines where there is no LibreOffice."""
    _, path = _made(session, tmp_path, currency=currency, months=14)
    formulas = formulas_of(path)
    assert 700 < len(formulas)
    assert [] == _differences(results_of(path), calculated.by_python(path, tmp_path), formulas)


@pytest.mark.long
def test_a_changed_cell_of_the_cube_changes_what_rests_on_it(session: Session, tmp_path: Path) -> None:
    """The sheets are live: one customer's MRR raised by 100 raises the total, and the check against the stored figure says so."""
    _, path = _made(session, tmp_path, currency="eur", months=2)
    book = openpyxl.load_workbook(path)
    cube = book["Cube"]
    last = next(cell for cell in reversed(cube[8]) if cell.value is not None).column - (3 if "elsewhere" in str(cube[7]) else 0)
    column = [cell for cell in cube[8] if isinstance(cell.value, datetime)][2].column
    assert column <= last
    row = next(row for row in range(9, cube.max_row + 1) if cube.cell(row, column).value)
    cube.cell(row, column).value += 100
    book.save(changed := tmp_path / "changed.xlsx")
    before, after = results_of(path), calculated.by_python(changed, tmp_path)
    total = ("Cube", cube.cell(4, column).coordinate)
    assert before[total] + 100 == pytest.approx(after[total])
    assert {"agrees", "differs"} == {after.get(("Cover", f"B{row}")) for row in range(1, 80)} & {"agrees", "differs"}


# --- the same numbers as everywhere --------------------------------------------------------------------------------------------------


def _row(values: dict[Cell, Any], sheet: str, label: str, head: int, *, nth: int = 0) -> dict[date, Any]:
    """The cells of the line called so, by month."""
    rows = sorted(
        int(cell[1:])
        for (name, cell), value in values.items()
        if name == sheet and cell[0] == "A" and cell[1:].isdigit() and value == label
    )
    row = rows[nth]
    months = {
        _letters(cell): value.date()
        for (name, cell), value in values.items()
        if name == sheet and _number(cell) == head and isinstance(value, datetime)
    }
    return {
        months[_letters(cell)]: value
        for (name, cell), value in values.items()
        if name == sheet and _number(cell) == row and _letters(cell) in months
    }


def _letters(cell: str) -> str:
    return cell.rstrip("0123456789")


def _number(cell: str) -> int:
    return int(cell[len(_letters(cell)) :])


@pytest.mark.parametrize("currency", CASES.values(), ids=CASES)
def test_every_figure_is_the_stored_one(session: Session, tmp_path: Path, currency: str | None) -> None:
    """MRR and its parts, NRR, GRR, logos with their intervals, and the cohorts, are those that the read side has."""
    content, path = _made(session, tmp_path, currency=currency)
    values = results_of(path)
    code = currency or "all:usd"
    months = {
        f.first: f for f in figures.stored(session, kind="month", dimension="", currency=code) if f.first >= content.about.first
    }
    years = {add_months(f.until, -1): f for f in figures.stored(session, kind="trailing_12", dimension="", currency=code)}
    mrr = _row(values, "Cube", "Total (live)", 8)
    assert {at: f.closing / 1_000_000 for at, f in months.items() if at <= content.about.last} == {
        at: mrr[at] for at in months if at in mrr
    }
    for label, of in _LINES.items():
        line = _row(values, "Snowball", label, 4)
        assert {at: of(months[at]) / 1_000_000 for at in line if at in months} == {
            at: value for at, value in line.items() if at in months
        }
    for label, rate in (("NRR", "nrr"), ("GRR", "grr"), ("Logo retention", "logo_retention")):
        live, held = _row(values, "Retention", label, 7), _row(values, "Retention", label, 7, nth=1)
        assert 4 <= len(live) <= len(held)
        expected = {at: rates(years[at])[rate] for at in held}
        assert {at: None if text is None else float(text) for at, text in expected.items()} == {
            at: None if value in ("", "–") else value for at, value in held.items()
        }
        assert {at: text for at, text in expected.items() if text} == {
            at: f"{value:.6f}" for at, value in live.items() if value not in ("", None)
        }
    assert "all agree" in values.values()
    _cohorts_are(session, values, code, content)


_LINES: dict[str, Callable[[Figures], int]] = {
    "Opening MRR": lambda f: f.opening,
    "Closing MRR": lambda f: f.closing,
    "Expansion": lambda f: f.expansion,
    "Contraction": lambda f: -f.contraction,
    "Churn": lambda f: -f.churn,
}


def _cohorts_are(session: Session, values: dict[Cell, Any], code: str, content: Content) -> None:
    by_signup = figures.stored(session, kind="month", dimension="signup", currency=code)
    whole = figures.stored(session, kind="month", dimension="", currency=code)
    cohorts = [c for c in triangles([*by_signup, *whole]) if content.about.first <= c.signup <= content.about.last]
    rows = {values["Cohorts", f"A{row}"].date(): row for row in range(6, 6 + len(content.cube.days) - 1)}
    for cohort in cohorts:
        row = rows[cohort.signup]
        assert (cohort.logos, cohort.arrived_micros / 1_000_000) == (values["Cohorts", f"B{row}"], values["Cohorts", f"C{row}"])
        shares = [cell.revenue_retention for cell in cohort.cells if cell.month <= content.about.last]
        shown = [values.get(("Cohorts", f"{column(3 + age)}{row}")) for age in range(len(shares))]
        assert shares == [f"{value:.6f}" if isinstance(value, int | float) else None for value in shown]


def test_a_book_of_one_currency_has_nothing_exchanged(engine: Engine, tmp_path: Path) -> None:
    """Without a reporting currency the only one there is: the cube has one block, and no line of exchange rates."""
    session = business(engine, currencies=("kwd",))
    content, path = _made(session, tmp_path)
    values = results_of(path)
    assert ("kwd", False) == (content.about.currency, content.about.whole_book)
    assert "Exchange rates" not in values.values()
    assert "all agree" in values.values()
    formats = {
        cell.number_format
        for row in openpyxl.load_workbook(path)["Cube"].iter_rows(min_row=9)
        for cell in row
        if isinstance(cell.value, float)
    }
    assert {'#,##0.000;-#,##0.000;"–"'} == formats


def test_movements_are_in_their_own_currency_and_tie_to_the_bridge(session: Session, tmp_path: Path) -> None:
    """Yen without places; the movements' own column in the reporting currency adds up to the stored flows."""
    content, path = _made(session, tmp_path)
    sheet = openpyxl.load_workbook(path)["Movements"]
    titles = [cell.value for cell in sheet[4]]
    currency, before = titles.index("Currency"), titles.index("Before")
    yen = {row[before].number_format for row in sheet.iter_rows(min_row=5) if row[currency].value == "JPY"}
    assert {'#,##0;-#,##0;"–"'} == yen
    stored = {f.first: f for f in figures.stored(session, kind="month", dimension="", currency="all:usd")}
    sums = content.movements.group_by(pl.col("day").dt.month_start(), "book_kind").agg(pl.col("book_micros").sum())
    for at, kind, micros in sums.iter_rows():
        f = stored[at]
        flow = {"new": f.new, "reactivation": f.reactivation}.get(kind)
        assert micros == (flow if flow is not None else f.companion(f"flow_{kind}") * (1 if kind == "expansion" else -1))


# --- what may be asked for ----------------------------------------------------------------------------------------------------------


def test_several_currencies_and_none_to_express_them_in_are_asked_about(session: Session) -> None:
    """Whoever doesn't say which one is told which there are; each can be had."""
    without = replace(session, reporting_currency=None)
    assert ["all:usd"] == currencies(session)
    with pytest.raises(WhichCurrency, match="EUR, JPY, USD"):
        gather(without, Options(currency="gbp"))
    assert "jpy" == gather(without, Options(currency="JPY")).about.currency


def test_nothing_rolled_up_is_said(engine: Engine, session: Session) -> None:
    """Without figures there is nothing that a workbook could be held against."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM rollup")
    with pytest.raises(NothingStored, match="nrr rollup"):
        gather(session, Options())


def test_months_reach_back_no_further_than_the_book(session: Session) -> None:
    """Asked for ten years of a book of sixteen months it begins where the book does; the last month is the one that is over."""
    content = gather(session, Options(months=120))
    assert (date(2024, 9, 1), date(2025, 12, 1)) == (content.about.first, content.about.last)
    assert date(2024, 8, 31) == content.cube.days[0]
    of_old = gather(session, Options(months=3, last=date(2025, 6, 17)))
    assert (date(2025, 4, 1), date(2025, 6, 1)) == (of_old.about.first, of_old.about.last)


@pytest.mark.long
def test_an_empty_book_is_a_workbook_too(session: Session, tmp_path: Path) -> None:
    """Before anybody came every sheet is there, nothing divides by nothing, and formulas come to nothing."""
    content = gather(session, Options(months=2, last=date(2024, 1, 1)))
    assert 0 == len(content.cube.customers)
    written(content, path := tmp_path / "empty.xlsx")
    formulas = formulas_of(path)
    assert [] == _differences(results_of(path), calculated.by_python(path, tmp_path), formulas)


def test_frames_have_the_columns_that_are_named(session: Session) -> None:
    """What is gathered is what the contract says."""
    content = gather(session, Options())
    for name, schema in FRAMES.items():
        assert dict(schema) == dict(getattr(content, name).schema), name


def test_a_file_is_whole_or_not_there(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that dies leaves the old file as it was, and nothing beside it."""
    content, path = _made(session, tmp_path)
    before = path.read_bytes()

    def die(_content: Content, partial: Path) -> None:
        partial.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("integrations.workbook.write.write", die)
    with pytest.raises(OSError, match="No space left"):
        written(content, path)
    assert (before, ["book.xlsx"]) == (path.read_bytes(), [each.name for each in tmp_path.iterdir() if "sqlite" not in each.name])
    assert 0o600 == path.stat().st_mode & 0o777
