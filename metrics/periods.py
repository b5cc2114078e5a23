"""The reporting calendar: which day an instant belongs to, when a day or month opens, and which windows exist.

Ranges are half-open. The reporting time zone cuts days, so a day may have 23 or 25 hours. Instants are whole seconds since the
epoch (see `metrics.evidence`). Nothing here knows what day it is today: that is handed in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from metrics.instants import Instant
from metrics.window_kinds import CALENDAR, TO_DATE, TRAILING, WINDOW_KINDS, WindowKind

CLOCKS_AGREE_SECONDS: Final = 300
"""Two clocks that differ by no more agree about the present (D75)."""
FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2199
"""Years outside of these are slips of the keyboard: nothing that Stripe knows lies there."""
_NAMED: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?))?", re.IGNORECASE
)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """Days [first, until) of reporting, with what kind of window it is: one of WINDOW_KINDS, or `custom`."""

    kind: str
    first: date
    until: date

    @property
    def label(self) -> str:
        """A short name that sorts: 2026-03-01, 2026-03, 2026-Q1, 2026, or the two ends."""
        kind = WINDOW_KINDS.get(self.kind)
        return f"{self.first}..{self.until}" if kind is None or kind.label is None else kind.label(self.first)


class NoSuchDays(ValueError):
    """A text names no day, month, quarter or year: it has none of their forms (`form`), is of a far year (`year`), or isn't in the calendar."""

    def __init__(self, text: str, why: Literal["form", "year", "calendar"]) -> None:
        super().__init__(f"no day, month, quarter or year is called {text[:40]!r}")
        self.why = why


def named(text: str) -> Window:
    """The day, month, quarter or year that a text names: 2026-03-31, 2026-03, 2026-Q1, 2026. Raises NoSuchDays."""
    found = _NAMED.fullmatch(text.strip())
    if found is None:
        raise NoSuchDays(text, "form")
    year_named = int(found["year"])
    if not FIRST_YEAR <= year_named <= LAST_YEAR:
        raise NoSuchDays(text, "year")
    try:
        if found["day"] is not None:
            first = date(year_named, int(found["month"]), int(found["day"]))
            return Window("day", first, first + timedelta(days=1))
        if found["quarter"] is not None:
            return quarter(date(year_named, 3 * int(found["quarter"]), 1))
        return month(date(year_named, int(found["month"]), 1)) if found["month"] else year(date(year_named, 1, 1))
    except ValueError:
        raise NoSuchDays(text, "calendar") from None


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


def calendar_window(kind: WindowKind, day: date) -> Window:
    """The window of one of CALENDAR that holds `day`; windows of so many months are counted from January."""
    assert kind.months is not None, "a calendar window is a number of months"
    first = add_months(day, -((day.month - 1) % kind.months))
    return Window(kind.name, first, add_months(first, kind.months))


def month(day: date) -> Window:
    """The calendar month that holds `day`."""
    return calendar_window(WINDOW_KINDS["month"], day)


def quarter(day: date) -> Window:
    """The calendar quarter that holds `day`."""
    return calendar_window(WINDOW_KINDS["quarter"], day)


def year(day: date) -> Window:
    """The calendar year that holds `day`."""
    return calendar_window(WINDOW_KINDS["year"], day)


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

    Of CALENDAR those up to the one that holds `today` (which is then incomplete), TRAILING at every month end, and month to date.
    """
    if today < first:
        return []
    out = []
    for kind in CALENDAR:
        seen = calendar_window(kind, first)
        while seen.first <= today:
            out.append(seen)
            seen = calendar_window(kind, seen.until)
    ends = [w.until for w in months_between(first, today) if w.until <= today]
    out += [trailing(end, kind.months) for kind in TRAILING if kind.months is not None for end in ends]
    out.append(Window(TO_DATE.name, add_months(today, 0), today + timedelta(days=1)))
    return out


def is_incomplete(window: Window, complete_until: Instant, timezone: str, grace_days: int = 0) -> bool:
    """Whether the data isn't complete up to the window's end and the days of grace after it, in which a churn of its last day may be undone."""
    return opening(window.until + timedelta(days=grace_days), timezone) > complete_until
