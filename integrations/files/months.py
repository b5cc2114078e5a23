"""Months and days as tools write them: `2026-01`, `Jan 2026`, `01/2026`, `2026-01-31T00:00:00Z`, `31.01.2026`, a spreadsheet's 46053.

A date whose day and month could change places (`03/04/2026`) is read by what the whole column allows, and refused if that allows both.
"""

import re
from calendar import month_abbr, month_name
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from metrics.periods import FIRST_YEAR, LAST_YEAR, add_months

_NAMES: Final = {
    name.lower().rstrip("."): number for names in (month_name, month_abbr) for number, name in enumerate(names) if name
} | {"sept": 9}
_YEAR_FIRST: Final = re.compile(r"(\d{4})(?:[-/.]M?|M)(\d{1,2})|(\d{4})(\d{2})")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})[-/.](\d{4})")
_NAME_FIRST: Final = re.compile(r"([A-Za-z]{3,9})\.?[\s\-/,']*(\d{4}|\d{2})")
_NAME_LAST: Final = re.compile(r"(\d{4})[\s\-/]*([A-Za-z]{3,9})\.?")
_ISO_DAY: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s].*)?")
_COMPACT_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_OTHER_DAY: Final = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[T\s,].*)?")
_NAMED_DAY: Final = re.compile(
    r"(?:([A-Za-z]{3,9})\.?\s+(\d{1,2})|(\d{1,2})\.?[\s-]+([A-Za-z]{3,9})\.?),?[\s-]+(\d{4})(?:[T\s,].*)?"
)
_SERIAL: Final = re.compile(r"\d{5}(?:\.0+)?")
_SERIAL_ZERO: Final = date(1899, 12, 30)
_YEARS: Final = range(FIRST_YEAR, LAST_YEAR + 1)


@dataclass(frozen=True, slots=True)
class When:
    """What a cell names: a whole month (`day` is its first), or a single day."""

    day: date
    whole_month: bool


def month_of(text: str) -> When | None:
    """The month or day that a text names beyond doubt; None for everything else."""
    said = text.strip()
    if (found := _YEAR_FIRST.fullmatch(said)) is not None:
        return _whole(int(found[1] or found[3]), int(found[2] or found[4]))
    if (found := _YEAR_LAST.fullmatch(said)) is not None:
        return _whole(int(found[2]), int(found[1]))
    if (found := _NAME_FIRST.fullmatch(said)) is not None:
        return _whole(_full(found[2]), _NAMES.get(found[1].lower(), 0))
    if (found := _NAME_LAST.fullmatch(said)) is not None:
        return _whole(int(found[1]), _NAMES.get(found[2].lower(), 0))
    for pattern in (_ISO_DAY, _COMPACT_DAY):
        if (found := pattern.fullmatch(said)) is not None:
            return _day(int(found[1]), int(found[2]), int(found[3]))
    if (found := _NAMED_DAY.fullmatch(said)) is not None:
        name, number = (found[1], found[2]) if found[1] else (found[4], found[3])
        return _day(int(found[5]), _NAMES.get(name.lower(), 0), int(number))
    if _SERIAL.fullmatch(said):
        return _day(*((_SERIAL_ZERO + timedelta(days=int(float(said)))).timetuple()[:3]))
    return None


def months_of(texts: Sequence[str]) -> tuple[dict[str, When], str | None]:
    """What each of the texts of a column names, and the first that names nothing (or could name two days), if there is one."""
    named: dict[str, When] = {}
    open_texts: list[tuple[str, int, int, int]] = []
    for text in texts:
        if (when := month_of(text)) is not None:
            named[text] = when
        elif (found := _OTHER_DAY.fullmatch(text.strip())) is not None:
            open_texts.append((text, int(found[1]), int(found[3]), _full(found[4])))
        else:
            return named, text
    if not open_texts:
        return named, None
    readings = []
    for day_first in (True, False):
        days = {text: _day(year, b if day_first else a, a if day_first else b) for text, a, b, year in open_texts}
        if None not in days.values():
            readings.append({text: when for text, when in days.items() if when is not None})
    if len(readings) == 2:
        readings = [r for r in readings if all(_is_an_end(when.day) for when in r.values())] or readings
    if len(readings) == 1 or (len(readings) == 2 and readings[0] == readings[1]):
        return named | readings[0], None
    return named, open_texts[0][0]


def last_day(month: date) -> date:
    """The last day of the month that holds `month`."""
    return add_months(month, 1) - timedelta(days=1)


def _is_an_end(day: date) -> bool:
    return day.day == 1 or day == last_day(day)


def _full(year: str) -> int:
    return int(year) if len(year) == 4 else 2000 + int(year)


def _whole(year: int, month: int) -> When | None:
    return When(date(year, month, 1), True) if year in _YEARS and 1 <= month <= 12 else None


def _day(year: int, month: int, day: int) -> When | None:
    if year not in _YEARS:
        return None
    try:
        return When(date(year, month, day), False)
    except ValueError:
        return None
