"""What a reader must know of the data: what is left out of MRR and why, what could not be read or is inferred, and what was restated."""

from typing import Final

import polars as pl

from integrations.workbook.content import Content
from integrations.workbook.pen import DAY, GREY, MOMENT, MONTH, Pen, printed

NAME: Final = "Data quality"
MOST: Final = 20_000
"""So many findings, and so many restatements, are listed one by one."""


def write(pen: Pen, content: Content) -> None:
    """The sheet."""
    sheet = pen.sheet
    for col, width in enumerate((22, 24, 24, 12, 14, 14, 14, 14, 60)):
        sheet.set_column(col, col, width)
    sheet.freeze_panes(3, 0)
    pen.title("Data quality", "Exclusions at the last closing, findings as of now, and closed months that later news changed.")
    row = _exclusions(pen, content, 3)
    row = _counts(pen, content, row + 1)
    row = _restatements(pen, content, row + 1)
    row = _findings(pen, content, row + 1)
    printed(pen)
    sheet.print_area(0, 0, row, 8)


def _exclusions(pen: Pen, content: Content, row: int) -> int:
    pen.section(row, f"Left out of MRR at the closing of {content.cube.days[-1]}", 9)
    if content.exclusions.is_empty():
        pen.text(row + 1, 0, "Nothing is left out.", font_color=GREY)
        return row + 2
    pen.header(row + 1, 0, ("Reason", "Currency", "How often", "MRR", "Without a price"), right_from=2)
    row += 2
    for each in content.exclusions.iter_rows(named=True):
        pen.text(row, 0, each["reason"].replace("_", " "))
        pen.text(row, 1, each["currency"].upper())
        pen.whole(row, 2, each["count"])
        pen.money_of(row, 3, each["micros"], each["currency"])
        pen.whole(row, 4, each["unpriced"])
        row += 1
    return row


def _counts(pen: Pen, content: Content, row: int) -> int:
    about = content.about
    pen.section(row, "Findings by reason", 9)
    row += 1
    for count, what in (
        (about.quarantined, "objects could not be read and are in no figure"),
        (about.underived, "customers can't be derived and are in no figure"),
    ):
        if count:
            pen.text(row, 0, f"{count:,} {what}: nrr doctor names them", font_color="#B3261E", bold=True)
            row += 1
    counted = content.findings.group_by("severity", "reason", "meaning").len().sort("len", "reason", descending=[True, False])
    if counted.is_empty():
        pen.text(row, 0, "There are no findings.", font_color=GREY)
        return row + 1
    pen.header(row, 0, ("Reason", "Severity", "How often", "What it means"))
    row += 1
    for each in counted.iter_rows(named=True):
        pen.text(row, 0, each["reason"].replace("_", " "))
        pen.text(row, 1, each["severity"])
        pen.whole(row, 2, each["len"], align="left")
        pen.text(row, 3, each["meaning"])
        row += 1
    return row


def _restatements(pen: Pen, content: Content, row: int) -> int:
    pen.section(row, "Restatements: closed months that later news changed, customer by customer", 9)
    if content.restatements.is_empty():
        pen.text(row + 1, 0, "No closed month was changed.", font_color=GREY)
        return row + 2
    pen.header(
        row + 1,
        0,
        ("Learnt at (UTC)", "Customer", "Month", "Currency", "Opening before", "Opening now", "Closing before", "Closing now"),
        right_from=4,
    )
    row += 2
    for each in content.restatements.head(MOST).iter_rows(named=True):
        pen.day(row, 0, each["learnt_at"], MOMENT)
        pen.text(row, 1, each["customer"])
        pen.day(row, 2, each["month"], MONTH)
        pen.text(row, 3, each["currency"].upper())
        for index, key in enumerate(("opening_before", "opening_after", "closing_before", "closing_after")):
            pen.money_of(row, 4 + index, each[key], each["currency"])
        row += 1
    return _rest(pen, content.restatements, row, "nrr runs diff")


def _findings(pen: Pen, content: Content, row: int) -> int:
    pen.section(row, "Findings one by one", 9)
    if content.findings.is_empty():
        return row + 1
    pen.header(row + 1, 0, ("Reason", "Customer", "Object", "Severity", "Date", "Detail"))
    row += 2
    for each in content.findings.head(MOST).iter_rows(named=True):
        pen.text(row, 0, each["reason"].replace("_", " "))
        pen.text(row, 1, each["customer"])
        pen.text(row, 2, each["object_id"])
        pen.text(row, 3, each["severity"])
        pen.day(row, 4, each["at"], DAY)
        pen.text(row, 5, each["detail"])
        row += 1
    return _rest(pen, content.findings, row, "nrr show findings")


def _rest(pen: Pen, frame: pl.DataFrame, row: int, command: str) -> int:
    """Say what a list leaves out."""
    if len(frame) <= MOST:
        return row
    pen.text(row, 0, f"and {len(frame) - MOST:,} more: {command}", bold=True)
    return row + 1
