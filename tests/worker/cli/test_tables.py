"""Tables for people, in terminals of every width."""

import io
from collections import Counter

import pytest
from rich.console import Console

from worker.cli import tables

COLUMNS = ("plan", "id", "opening", "NRR", "churn", "closing")
NUMBERS = COLUMNS[2:]
ROWS = [
    (
        "Team, 49.00 USD a month",
        "price_1MowQVLkdIwHu7ixeRlqHVzs",
        "USD 1,234,567.89",
        "101.28 %",
        "USD -3,178.91",
        "USD 1,250,370.01",
    ),
    ("Priority support for everybody, 9.00 USD a month", "price_2", "USD 0.00", "–", "USD 0.00", "USD 9.00"),
]


def shown(monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    """The lines of the table in a terminal so wide."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", lambda: Console(file=out, width=width, highlight=False))
    tables.print_table(COLUMNS, ROWS, title="Retention", right=NUMBERS)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 220])
def test_no_number_is_cut_however_narrow_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Every number stands on a line as a whole, with its column's name above it, and no line is too long."""
    lines = shown(monkeypatch, width)
    assert max(map(len, lines)) <= width
    for row in ROWS:
        for cell in row[2:]:
            assert any(cell in line for line in lines), cell
    for name in NUMBERS:
        assert any(name in line for line in lines), name


def test_what_has_no_room_goes_below_beside_the_first_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wide terminal each row is one line; in a narrow one its words begin every part of it."""
    assert 1 == sum("Priority" in line for line in shown(monkeypatch, 220))
    narrow = shown(monkeypatch, 60)
    assert sum("Priority" in line for line in narrow) > 1
    assert sum(line.startswith("plan") for line in narrow) == sum("Priority" in line for line in narrow)


@pytest.mark.parametrize("width", range(40, 110))
def test_no_word_is_lost(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Whatever is broken into lines is there to its last sign, also in the last column."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", lambda: Console(file=out, width=width, highlight=False))
    row = ("cus_14ThwRL4DFFgM8oHj8", "EUR 0.00", "EUR 352.67", "paused_counts EUR 352.67, churn_at EUR 19.98")
    tables.print_table(("customer", "default", "difference", "because of"), [row], right=("default", "difference"))
    assert max(map(len, out.getvalue().splitlines())) <= width
    body = Counter(out.getvalue()) - Counter("customerdefaultdifferencebecauseof")
    assert not Counter("".join(row).replace(" ", "")) - body


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_long_word_cuts_no_name_beside_it(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """An address that is wider than what the first column leaves is folded, and both are whole."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", lambda: Console(file=out, width=width, highlight=False))
    address = "https://www.ecb.europa.eu/stats/eurofxref/" + "eurofxref-hist" * 6 + ".zip"
    tables.print_table(("setting", "value"), [("requests_per_second", ""), ("rates_url", address)])
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.startswith("requests_per_second") for line in lines)
    assert address in "".join(line.removeprefix("rates_url").strip() for line in lines[2:])


@pytest.mark.parametrize("width", range(60, 140))
def test_no_word_that_has_room_is_broken_in_its_middle(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Two columns of several words share what is left, and neither takes what the longest word of the other needs."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", lambda: Console(file=out, width=width, highlight=False))
    rows = [
        ("2026-11-02", "Granite Outfitters South", "expansion", "176.64 EUR", "sub_14Ypiu7bsZNYMAljNq, evt_14aXItG9yOGDMAljNq"),
        ("2026-11-04", "Cedar", "new", "66.24 EUR", "sub_14a7NCmb9jRwMAljNq"),
    ]
    tables.print_table(("date", "name", "kind", "after", "evidence"), rows, right=("after",))
    words = Counter(out.getvalue().split())
    for row in rows:
        for cell in row[1:]:
            assert all(words[word] for word in cell.split())


def test_a_title_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not as the table below it, which may be narrow."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", lambda: Console(file=out, width=80, highlight=False))
    tables.print_table(
        ("class", "all"), [("total", "1.00 EUR")], title="Billed in EUR, 2026-10-01 to 2026-12-01 (the last day isn't over)"
    )
    assert "Billed in EUR, 2026-10-01 to 2026-12-01 (the last day isn't over)" == out.getvalue().splitlines()[0].rstrip()
