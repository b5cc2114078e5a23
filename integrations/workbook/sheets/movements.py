"""Every movement with its cause and the Stripe objects that say so."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from integrations.workbook.content import Content
from integrations.workbook.pen import MONTH, MOST_ROWS, Pen, column, printed

NAME: Final = "Movements"
HEAD: Final = 3
FIRST: Final = 4


def columns(content: Content) -> list[tuple[str, str, float]]:
    """What stands in which column: its key, its title and its width."""
    book = content.about.currency.upper()
    return [
        ("day", "Day", 11),
        ("month", "Month", 10),
        ("customer", "Customer", 24),
        *([("name", "Name", 26.0)] if content.names else []),
        ("kind", "Kind", 12),
        ("cause", "Cause", 22),
        ("currency", "Currency", 9),
        ("before_micros", "Before", 13),
        ("after_micros", "After", 13),
        ("delta_micros", "Change", 13),
        *([("book_kind", "Kind in all", 12.0), ("book_micros", f"Change in {book}", 13.0)] if content.about.whole_book else []),
        ("inferred", "Inferred", 9),
        ("evidence", "Stripe objects", 60),
    ]


def kept(content: Content) -> pl.DataFrame:
    """The movements that fit onto the sheet: all of them, but for books beyond a million."""
    return content.movements.head(MOST_ROWS - FIRST - 2)


def area(content: Content, key: str) -> str:
    """All rows of a column, for a formula on another sheet."""
    if not content.about.whole_book:
        key = {"book_kind": "kind", "book_micros": "delta_micros"}.get(key, key)
    letters = column([name for name, _, _ in columns(content)].index(key))
    return f"{NAME}!${letters}${FIRST + 1}:${letters}${FIRST + max(1, len(kept(content)))}"


def sums(content: Content) -> Mapping[tuple[date, str], int]:
    """What the movements of each month and kind come to, in the workbook's currency."""
    added = kept(content).group_by(pl.col("day").dt.month_start().alias("month"), "book_kind").agg(pl.col("book_micros").sum())
    return {(month, kind): int(micros) for month, kind, micros in added.select("month", "book_kind", "book_micros").iter_rows()}


def write(pen: Pen, content: Content) -> None:
    """The sheet."""
    sheet, shown, cols = pen.sheet, kept(content), columns(content)
    for col, (_, _, width) in enumerate(cols):
        sheet.set_column(col, col, width)
    sheet.freeze_panes(FIRST, 0)
    left = len(content.movements) - len(shown)
    note = f" The last {left:,} do not fit onto a sheet and are left out: nrr export movements has them." if left else ""
    pen.title(
        "Movements",
        "What each customer's MRR did, day by day, why, and the Stripe objects that say so. Inferred: dated at the first "
        f"evidence of it.{note}",
    )
    money = [index for index, (key, _, _) in enumerate(cols) if key.endswith("_micros")]
    for index, (_, title, _) in enumerate(cols):
        pen.header(HEAD, index, [title], right_from=0 if index in money else None)
    for index, row in enumerate(shown.iter_rows(named=True)):
        at = FIRST + index
        for col, (key, _, _) in enumerate(cols):
            match key:
                case "day":
                    pen.day(at, col, row["day"])
                case "month":
                    pen.day(at, col, row["day"].replace(day=1), MONTH)
                case "name":
                    pen.text(at, col, content.names.get(row["customer"]))
                case "currency":
                    pen.text(at, col, row["currency"].upper())
                case "cause":
                    pen.text(at, col, row["cause"].replace("_", " "))
                case "inferred":
                    pen.text(at, col, "inferred" if row["inferred"] else None, indent=1)
                case "evidence":
                    pen.text(at, col, ", ".join(row["evidence"] or ()))
                case "book_kind":
                    pen.text(at, col, row["book_kind"], indent=1)
                case "book_micros":
                    pen.money(at, col, row[key])
                case "before_micros" | "after_micros" | "delta_micros":
                    pen.money_of(at, col, row[key], row["currency"])
                case _:
                    pen.text(at, col, row[key])
    if len(shown):
        sheet.autofilter(HEAD, 0, FIRST + len(shown) - 1, len(cols) - 1)
    printed(pen, rows=(HEAD, HEAD))
    sheet.print_area(0, 0, FIRST + max(1, len(shown)) - 1, len(cols) - 1)
