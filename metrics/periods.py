"""The reporting calendar: which day an instant belongs to, when a day or month opens, and which windows exist.

Ranges are half-open. The reporting time zone cuts days, so a day may have 23 or 25 hours. Instants are whole seconds since the
epoch (see `metrics.evidence`). Nothing here knows what day it is today: that is handed in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from metrics.evidence import Instant

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """Days [first, until) of reporting, with what kind of window it is (month, quarter, year, trailing_3, trailing_12, month_to_date, custom)."""

    kind: str
    first: date
    until: date

    @property
    def label(self) -> str:
        """A short name that sorts: 2026-03, 2026-Q1, 2026, or the two ends."""
        match self.kind:
            case "month":
                return f"{self.first:%Y-%m}"
            case "quarter":
                return f"{self.first.year}-Q{(self.first.month + 2) // 3}"
            case "year":
                return f"{self.first.year}"
        return f"{self.first}..{self.until}"


@lru_cache(maxsize=65536)
def opening(day: date, timezone: str) -> Instant:
    """The instant at which `day` begins in `timezone` (the first one, where a clock change repeats or skips midnight)."""
    local = datetime.combine(day, time(), ZoneInfo(timezone))
    return Instant(int(local.astimezone(UTC).timestamp()))


def day_of(at: Instant, timezone: str) -> date:
    """The reporting day that holds the instant `at`."""
    if timezone == "UTC":
        return date.fromordinal(_EPOCH + at // _DAY)  # a tenth of the time, for what is asked most
    return datetime.fromtimestamp(at, ZoneInfo(timezone)).date()


def closing(day: date, timezone: str) -> Instant:
    """The instant at which `day` ends: the next day's opening."""
    return opening(day + timedelta(days=1), timezone)


def add_months(day: date, months: int) -> date:
    """The first day of the month that lies `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def month(day: date) -> Window:
    """The calendar month that holds `day`."""
    return Window("month", add_months(day, 0), add_months(day, 1))


def quarter(day: date) -> Window:
    """The calendar quarter that holds `day`."""
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return Window("quarter", first, add_months(first, 3))


def year(day: date) -> Window:
    """The calendar year that holds `day`."""
    return Window("year", date(day.year, 1, 1), date(day.year + 1, 1, 1))


def trailing(until: date, months: int) -> Window:
    """The `months` months before the first of a month `until`."""
    return Window(f"trailing_{months}", add_months(until, -months), until)


def months_between(first: date, until: date) -> Iterator[Window]:
    """Every calendar month that begins in [month of first, until)."""
    day = add_months(first, 0)
    while day < until:
        yield month(day)
        day = add_months(day, 1)


def windows(first: date, today: date) -> list[Window]:
    """Every window that has something to say for a book that began on `first`, seen on `today`.

    Months, quarters and years up to the one that holds `today` (which is then incomplete), trailing 3 and 12 months at every
    month end, and month to date.
    """
    if today < first:
        return []
    out = list(months_between(first, today + timedelta(days=1)))
    ends = [w.until for w in out if w.until <= today]
    for cut in (quarter, year):
        seen = cut(first)
        while seen.first <= today:
            out.append(seen)
            seen = cut(seen.until)
    out += [trailing(end, n) for n in (3, 12) for end in ends]
    out.append(Window("month_to_date", add_months(today, 0), today + timedelta(days=1)))
    return out


def is_incomplete(window: Window, complete_until: Instant, timezone: str, grace_days: int = 0) -> bool:
    """Whether the data isn't complete up to the window's end and the days of grace after it, in which a churn of its last day may be undone."""
    return opening(window.until + timedelta(days=grace_days), timezone) > complete_until
