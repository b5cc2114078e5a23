"""What a report is asked for: which period of the calendar, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from metrics import periods
from metrics.periods import Window, calendar_window
from metrics.window_kinds import CALENDAR, WINDOW_KINDS
from worker.queries.session import Session
from worker.queries.standing import complete_through

KINDS: Final = tuple(kind.name for kind in CALENDAR)
"""Kinds of periods that reports are made of: month, quarter, year."""


class NoReport(ValueError):
    """What was asked for can't be reported on; the message says why and what can."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a report is made.

    `names`: customers by name, of whom one is kept. `currency`: of what is billed in it instead of the whole book. `segment`: a dimension
    and one of its segments instead of the whole. `compare`: with the period before. `as_known_at`: as it was known then.
    `in_window`: customers lead to their page of the window instead of to an explanation on this page.
    `last_report`: when the last report was made, to say what was restated since; None: when the period before was first complete.
    """

    names: bool = False
    currency: str | None = None
    segment: tuple[str, str] | None = None
    compare: bool = False
    as_known_at: datetime | None = None
    last_report: datetime | None = None
    in_window: bool = False


def last_complete(session: Session, kind: str = "month") -> Window:
    """The last period of a kind that is complete, the days of grace after it too. Raises NothingDerived."""
    last = complete_through(session) - timedelta(days=session.basis.policy.grace_days)
    window = calendar_window(WINDOW_KINDS[kind], last + timedelta(days=1))
    return before(window)


def named(text: str) -> Window:
    """The month, quarter or year that is called so: 2026-10, 2026-Q3, 2026. Raises NoReport for anything else."""
    try:
        window = periods.named(text)
    except periods.NoSuchDays:
        window = None
    if window is None or window.kind not in KINDS:
        raise NoReport(f"a period is a month, a quarter or a year, such as 2026-10, 2026-Q3 or 2026, not {text[:40]!r}")
    return window


def before(window: Window) -> Window:
    """The window of the same length just before: of a calendar kind the one before it."""
    if window.kind in KINDS:
        return calendar_window(WINDOW_KINDS[window.kind], window.first - timedelta(days=1))
    return Window(window.kind, window.first - (window.until - window.first), window.first)


def one_of(days: tuple[date, date], kinds: Sequence[str] = KINDS) -> Window:
    """The window of these days [first, until): of the calendar where they are a month, quarter or year, else a custom one."""
    for name in kinds:
        window = calendar_window(WINDOW_KINDS[name], days[0])
        if (window.first, window.until) == days:
            return window
    return Window("custom", *days)
