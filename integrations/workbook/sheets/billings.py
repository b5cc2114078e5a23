"""Every invoiced cent by class, tied out to the invoices' own totals."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from integrations.workbook.check import Check, of_row
from integrations.workbook.content import Content
from integrations.workbook.pen import GREY, Pen, column, major, printed, total

NAME: Final = "Billings"
LABELS: Final = 1


def write(pen: Pen, content: Content) -> list[Check]:
    """The sheet; where no invoice was read it says so."""
    pen.sheet.set_column(0, 0, 40)
    pen.sheet.set_column(1, 130, 12.5)
    pen.sheet.freeze_panes(3, LABELS)
    pen.title(
        "Billings by class",
        "Every line of every finalized invoice in one class; all classes together are Stripe's own totals, less its credit notes. "
        "What is apart is in no sum.",
    )
    found, checks = content.billings, []
    if found is None:
        pen.text(3, 0, "This workbook holds no billings: no invoice of these months was read.", bold=True)
        pen.text(4, 0, "Nothing on the other sheets rests on them.", font_color=GREY)
    elif found.is_empty():
        pen.text(3, 0, "Nothing was invoiced in these months.", bold=True)
    else:
        months = sorted(found["month"].unique().to_list())
        row = 3
        for currency in sorted(found["currency"].unique().to_list()):
            row, check = _block(pen, currency, found.filter(pl.col("currency") == currency), months, row)
            checks.append(check)
            for name, shares in (
                ("Share outside subscriptions, before tax", content.outside),
                ("MRR that invoices leave unexplained (last proof)", content.unexplained),
            ):
                row = _shares(pen, name, currency, shares, months, row)
            row += 1
        pen.sheet.set_v_pagebreaks([LABELS + index for index in range(12, len(months), 12)])
    printed(pen, columns=0, wide=True)
    return checks


def _block(pen: Pen, currency: str, found: pl.DataFrame, months: Sequence[date], row: int) -> tuple[int, Check]:
    """One currency: its classes, what they add up to, and the totals that the invoices themselves have."""
    amounts = {(each["class"], each["month"]): int(each["micros"]) for each in found.iter_rows(named=True)}
    classes = found.unique(["class"], keep="first").sort("place", "class")
    summed = classes.filter(~pl.col("apart") & ~pl.col("difference"))
    pen.section(row, f"Invoiced in {currency.upper()}", LABELS + len(months))
    pen.header(row + 1, 0, ("Class",))
    pen.months(row + 1, LABELS, months)
    first = row + 2
    row = _lines(pen, currency, summed, amounts, months, first)
    difference = classes.filter("difference")["class"].to_list()
    sums = [sum(amounts.get((name, month), 0) for name in summed["class"]) for month in months]
    beyond = [sum(amounts.get((name, month), 0) for name in difference) for month in months]
    pattern = pen.kit.money_pattern(currency)
    pen.text(row, 0, "All classes", **total())
    for index, micros in enumerate(sums):
        letters = column(LABELS + index)
        pen.formula(
            row,
            LABELS + index,
            f"ROUND(SUM({letters}{first + 1}:{letters}{max(row, first + 1)}),6)",
            major(micros),
            pattern,
            **total(),
        )
    pen.text(row + 1, 0, "The invoices' own totals, less credit notes")
    for index, micros in enumerate(sums):
        pen.money_of(row + 1, LABELS + index, micros + beyond[index], currency)
    pen.text(row + 2, 0, "Difference", italic=True)
    for index, micros in enumerate(beyond):
        letters = column(LABELS + index)
        pen.formula(row + 2, LABELS + index, f"ROUND({letters}{row + 1}-{letters}{row + 2},6)", major(-micros), pattern)
    differs = any(beyond)
    check = of_row(
        pen,
        NAME,
        f"billings in {currency.upper()} and the invoices' totals",
        row + 2,
        (LABELS, LABELS + len(months) - 1),
        differs=differs,
    )
    apart = classes.filter("apart")
    return _lines(pen, currency, apart, amounts, months, row + 3, "apart: "), check


def _shares(pen: Pen, name: str, currency: str, shares: pl.DataFrame | None, months: Sequence[date], row: int) -> int:
    """A line of shares, of the months that have one; no line where none has."""
    known = (
        {}
        if shares is None
        else {m: text for m, code, text in shares.select("month", "currency", "share").iter_rows() if code == currency}
    )
    if not known:
        return row
    pen.text(row, 0, name)
    for index, month in enumerate(months):
        if month in known:
            pen.rate(row, LABELS + index, known[month])
    return row + 1


def _lines(
    pen: Pen,
    currency: str,
    classes: pl.DataFrame,
    amounts: Mapping[tuple[str, date], int],
    months: Sequence[date],
    row: int,
    mark: str = "",
) -> int:
    for each in classes.iter_rows(named=True):
        label = f"{mark}{each['label']}"
        pen.text(row, 0, label[:1].upper() + label[1:])
        for index, month in enumerate(months):
            pen.money_of(row, LABELS + index, amounts.get((each["class"], month), 0), currency)
        row += 1
    return row
