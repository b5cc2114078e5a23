"""Days, months, quarters, years and instants as people type them: one parser for the whole command line, with one error.

Whatever stands for a range of days (2026-03, 2026-Q1, 2026) may be typed wherever a day is: as a first day it is its first one, as a last
day its last one. Days outside of 1990 to 2199 are slips of the keyboard, and nothing that Stripe knows lies there.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from worker.cli.exit_codes import Exit, Stop

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2199
_PERIOD: Final = re.compile(r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?", re.IGNORECASE)
_LIKE_A_DATE: Final = re.compile(r"\d{4}(?:-.*)?|\d{8}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_TRAILING: Final = re.compile(r"(?P<kind>trailing_(?:3|12))(?:@(?P<month>.+))?", re.IGNORECASE)
EXAMPLES: Final = "2026-03-31 (or 2026-03, 2026-Q1, 2026)"


def looks_like_a_date(text: str) -> bool:
    """Whether somebody who typed this meant a date, right or wrong: no id of Stripe's begins with a year."""
    return _LIKE_A_DATE.fullmatch(text.strip()) is not None


def figure_of_text(text: str) -> tuple[str, date | None] | None:
    """The kind of window that is named where a figure is meant, and its first day: `2026-10`, `2026-Q3`, `2026`; of trailing months
    (`trailing_12`, `trailing_3@2026-10`) the day before which they end, None for the last complete ones. None for what names no window."""
    trailing = _TRAILING.fullmatch(text.strip())
    if trailing is not None:
        return trailing["kind"].lower(), until_of_text(trailing["month"], "trailing_…@MONTH") if trailing["month"] else None
    found = _PERIOD.fullmatch(text.strip())
    if found is None or found["day"] is not None:
        return None
    kind = "quarter" if found["quarter"] else "month" if found["month"] else "year"
    return kind, days_of_text(text, "nrr explain")[0]


def looks_like_a_day(text: str) -> bool:
    """Whether a day, month, quarter or year was typed, right or wrong, and no time of day."""
    return "T" not in text.upper() and ":" not in text


def days_of_text(text: str, option: str, takes: str = f"a day such as {EXAMPLES}") -> tuple[date, date]:
    """The reporting days [first, until) that are meant: a day, a month, a quarter or a year. Raises Stop for anything else.

    The error says what `option` `takes`: the option as it was typed, or the command for what stands behind none.
    """
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        raise Stop(f"{option} takes {takes}, not {text!r}", Exit.USAGE)
    year = int(found["year"])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Stop(f"{option} takes {takes.partition(' such as')[0]} from {FIRST_YEAR} to {LAST_YEAR}, not {text!r}", Exit.USAGE)
    try:
        if found["day"] is not None:
            first = date(year, int(found["month"]), int(found["day"]))
            return first, first + timedelta(days=1)
        if found["quarter"] is not None:
            return _months(year, 3 * int(found["quarter"]) - 2, 3)
        if found["month"] is not None:
            return _months(year, int(found["month"]), 1)
    except ValueError:
        raise Stop(f"{option} takes {takes}; there is no {text!r}", Exit.USAGE) from None
    return _months(year, 1, 12)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    last = month + count
    return date(year, month, 1), date(year + (last - 1) // 12, (last - 1) % 12 + 1, 1)


def day_of_text(text: str, option: str) -> date:
    """The first reporting day of what is meant. Raises Stop."""
    return days_of_text(text, option)[0]


def last_day_of_text(text: str, option: str) -> date:
    """The last day of a range, or one to stand at the closing of: that of the month, quarter or year that is meant. Raises Stop."""
    return until_of_text(text, option) - timedelta(days=1)


def until_of_text(text: str, option: str) -> date:
    """The day before which a range ends, for a last day that is part of it. Raises Stop."""
    return days_of_text(text, option)[1]


def instant_of(text: str, option: str = "--now") -> datetime:
    """An instant as ISO 8601, or the beginning of a day, in UTC where no zone is given. Raises Stop for anything else."""
    try:
        found = datetime.fromisoformat(text)
        in_utc = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Stop(f"{option} takes an instant such as 2026-03-31T23:00:00Z, not {text!r}", Exit.USAGE) from None
    if not FIRST_YEAR <= in_utc.year <= LAST_YEAR:
        raise Stop(f"{option} takes an instant from {FIRST_YEAR} to {LAST_YEAR}, not {text!r}", Exit.USAGE)
    return in_utc if found.tzinfo is None else found
