"""Writing cells: what every sheet is written with. The one place that knows xlsxwriter's formats.

Text is always written as text, whatever it begins with, and what a spreadsheet would take for a formula when somebody edits it is marked as
text. Formulas are written by us alone, each with its result, so that a viewer that doesn't calculate shows what it comes to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from metrics.money import MICROS_PER_MAJOR, exponent

LONGEST: Final = 32_767
"""So many characters fit into a cell."""
MOST_ROWS: Final = 1_048_576
"""So many rows fit into a sheet."""
NAVY: Final = "#1F3A5F"
PALE: Final = "#E8EEF5"
GREY: Final = "#6B7785"
RULE: Final = "#B8C4D1"
INPUT: Final = "#1B4F9C"
"""What is written as a value; what is calculated is black, as is the custom among those who read such books."""
_FORMULA: Final = re.compile(r"^[\s\x00-\x1f]*[=+\-@]|^[\t\r\n]")
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def fit(text: str) -> str:
    """A text as a cell can hold it: no signs that XML doesn't know, and cut where the cell ends."""
    clean = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def looks_like_a_formula(text: str) -> bool:
    """Whether a spreadsheet would calculate a text, were it typed."""
    return _FORMULA.match(text) is not None


def major(micros: int) -> float:
    """Micros in major units: the nearest number that a spreadsheet can hold."""
    return micros / MICROS_PER_MAJOR


def column(index: int) -> str:
    """The letters of a column, which are counted from 0."""
    return str(xl_col_to_name(index))


@dataclass(frozen=True, slots=True)
class Kit:
    """The workbook that is written and the formats of its currency, made on demand and shared by all sheets."""

    book: Workbook
    currency: str
    made: dict[tuple[tuple[str, Any], ...], Any]

    def format(self, **properties: Any) -> Any:
        """A cell's format by xlsxwriter's names."""
        key = tuple(sorted(properties.items()))
        if key not in self.made:
            self.made[key] = self.book.add_format({"font_name": "Arial", "font_size": 9, "valign": "vcenter", **properties})
        return self.made[key]

    def money_pattern(self, currency: str | None = None) -> str:
        """How amounts are shown: grouped, in the currency's own places, nothing as a dash."""
        places = exponent(currency or self.currency)
        digits = "#,##0" + ("." + "0" * places if places else "")
        return f'{digits};-{digits};"–"'


MONTH: Final = "mmm yyyy"
DAY: Final = "yyyy-mm-dd"
MOMENT: Final = "yyyy-mm-dd hh:mm"
PERCENT: Final = "0.00%"
WHOLE: Final = '#,##0;-#,##0;"–"'


def open_kit(path: str, currency: str) -> Kit:
    """A workbook that is written row by row, so that memory doesn't grow with the customers."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
    }
    return Kit(Workbook(path, options), currency, {})


class LostCell(ValueError):
    """A cell was not written: rows above the one that was written last are gone already, and a sheet has an end."""


def _written(code: int, row: int, col: int) -> None:
    if code:
        raise LostCell(f"the cell {column(col)}{row + 1} could not be written")


@dataclass(frozen=True, slots=True)
class Pen:
    """A sheet that is being written, from the top row down: what is written into a row above the last raises LostCell.

    Rows and columns are counted from 0.
    """

    kit: Kit
    sheet: Worksheet

    def text(self, row: int, col: int, text: str | None, **style: Any) -> None:
        """A text that stays a text."""
        if text is None or text == "":
            return
        if looks_like_a_formula(text):
            style |= {"quote_prefix": True}
        _written(self.sheet.write_string(row, col, fit(text), self.kit.format(**style)), row, col)

    def number(self, row: int, col: int, value: float, pattern: str, **style: Any) -> None:
        """A number that was not calculated here."""
        look = self.kit.format(**{"num_format": pattern, "font_color": INPUT, **style})
        _written(self.sheet.write_number(row, col, value, look), row, col)

    def money(self, row: int, col: int, micros: int | None, **style: Any) -> None:
        """An amount of the workbook's currency; nothing where there is none."""
        if micros is not None:
            self.number(row, col, major(micros), self.kit.money_pattern(), **style)

    def money_of(self, row: int, col: int, micros: int | None, currency: str, **style: Any) -> None:
        """An amount of another currency."""
        if micros is not None:
            self.number(row, col, major(micros), self.kit.money_pattern(currency), **style)

    def whole(self, row: int, col: int, value: int | None, **style: Any) -> None:
        """A count; nothing where there is none."""
        if value is not None:
            self.number(row, col, value, WHOLE, **style)

    def rate(self, row: int, col: int, text: str | None, **style: Any) -> None:
        """A rate that is known as a decimal text; a dash where it can't be given."""
        if text is None:
            self.text(row, col, "–", align="right", font_color=GREY)
        else:
            self.number(row, col, float(text), PERCENT, **style)

    def day(self, row: int, col: int, day: date | datetime | None, pattern: str = DAY, **style: Any) -> None:
        """A day, a month (its first day) or a moment in UTC."""
        if day is not None:
            look = self.kit.format(**{"num_format": pattern, "align": "left", **style})
            _written(self.sheet.write_datetime(row, col, day, look), row, col)

    def formula(self, row: int, col: int, formula: str, result: float | str, pattern: str, **style: Any) -> None:
        """A formula with what it comes to."""
        look = self.kit.format(**{"num_format": pattern, **style})
        _written(self.sheet.write_formula(row, col, f"={formula}", look, result), row, col)

    def sum_of(self, row: int, col: int, formula: str, micros: int, **style: Any) -> None:
        """A formula that comes to an amount, rounded to whole micros, so that it is the number nearest to the exact amount."""
        self.formula(row, col, f"ROUND({formula},6)", major(micros), self.kit.money_pattern(), **style)

    def count_of(self, row: int, col: int, formula: str, count: int, **style: Any) -> None:
        """A formula that counts."""
        self.formula(row, col, formula, count, WHOLE, **style)

    def share_of(self, row: int, col: int, part: str, part_value: float, whole: str, whole_value: float, **style: Any) -> None:
        """One cell divided by another; empty where there is nothing to divide by."""
        result: float | str = "" if whole_value == 0 else part_value / whole_value
        self.formula(row, col, f'IF({whole}=0,"",{part}/{whole})', result, PERCENT, **style)

    def header(self, row: int, col: int, titles: Sequence[str], *, right_from: int | None = None) -> None:
        """The head of a table."""
        for index, title in enumerate(titles):
            right = right_from is not None and index >= right_from
            look = head(align="right" if right else "left")
            if title:
                self.text(row, col + index, title, **look)
            else:
                self.sheet.write_blank(row, col + index, None, self.kit.format(**look))

    def wrapped(self, row: int, first: int, last: int, text: str, *, width: float, **style: Any) -> None:
        """A long text over several cells of a row, `width` characters wide in all, as high as it takes."""
        lines = -(-len(text) // max(1, int(width)))
        self.sheet.set_row(row, 12.75 * max(1, lines))
        look = {"text_wrap": True, "valign": "top", **style}
        self.sheet.merge_range(row, first, row, last, "", self.kit.format(**look))
        self.text(row, first, text, **look)

    def months(self, row: int, col: int, months: Sequence[date], **style: Any) -> None:
        """The head of columns of months, as dates."""
        for index, month in enumerate(months):
            self.day(row, col + index, month, MONTH, **head(align="right", **style))

    def title(self, title: str, about: str) -> None:
        """The first two rows: what the sheet is, and what is to be known of it."""
        self.sheet.set_row(0, 24, self.kit.format())
        self.text(0, 0, title, bold=True, font_size=15, font_color=NAVY)
        self.text(1, 0, about, font_color=GREY, italic=True)

    def section(self, row: int, title: str, columns: int) -> None:
        """The head of a part of a sheet: a line over all its columns."""
        style = {"bold": True, "font_color": NAVY, "bottom": 1, "bottom_color": NAVY}
        self.text(row, 0, title, **style)
        for col in range(1, columns):
            self.sheet.write_blank(row, col, None, self.kit.format(**style))


def head(**more: Any) -> dict[str, Any]:
    """How the head of a table looks."""
    return {"bold": True, "font_color": "#FFFFFF", "bg_color": NAVY, "text_wrap": True, **more}


def total(**more: Any) -> dict[str, Any]:
    """How a sum looks."""
    return {"bold": True, "top": 1, "top_color": RULE, "bg_color": PALE, **more}


def printed(
    pen: Pen, *, rows: tuple[int, int] | None = None, columns: int | None = None, wide: bool = False, tall: int = 0
) -> None:
    """How a sheet is printed: A4, landscape, with the head repeated on each page; `wide` ones on as many pages side by side as they take.

    The others are as wide as a page, on `tall` pages (0: on as many as they take).
    """
    sheet = pen.sheet
    sheet.hide_gridlines(2)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.set_margins(0.4, 0.4, 0.6, 0.6)
    sheet.print_across()
    sheet.set_footer("&L&8&A&C&8Page &P of &N&R&8&F")
    if wide:
        sheet.set_print_scale(62)
    else:
        sheet.fit_to_pages(1, tall)
    if rows is not None:
        sheet.repeat_rows(*rows)
    if columns is not None:
        sheet.repeat_columns(0, columns)


def checked(pen: Pen, area: str) -> None:
    """Differences in `area`: green where there is none, red where there is one."""
    good = pen.kit.book.add_format({"font_color": "#1E7B45"})
    bad = pen.kit.book.add_format({"font_color": "#FFFFFF", "bg_color": "#B3261E", "bold": True})
    pen.sheet.conditional_format(area, {"type": "cell", "criteria": "!=", "value": 0, "format": bad})
    pen.sheet.conditional_format(area, {"type": "cell", "criteria": "==", "value": 0, "format": good})
