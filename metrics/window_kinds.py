"""The kinds of windows, each declared once: whoever has to tell one from another asks here.

A further kind of calendar or trailing windows is one entry of `_ALL`: the nightly figures are then made of it, and rules, options and
messages take it by name. Names are stored with every figure and never change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final, Literal

Shape = Literal["day", "calendar", "trailing", "to_date"]
Words = Callable[[date, date], str]
"""Words from a window's first and last day, the last being part of it."""


@dataclass(frozen=True, slots=True)
class WindowKind:
    """A kind of window. `name` is what is stored, and said in JSON, options and rules.

    `months` is how long it is, None where that isn't a number of months. `days_back` is how far back a rule reads such windows (thirteen
    of them, and those that they may be compared with); None: no rule looks at them. `words` name one in a sentence, `label` is a short
    name that sorts (None: both ends), `span` says how long it is after a rate, empty for a year.
    """

    name: str
    shape: Shape
    months: int | None
    days_back: int | None
    words: Words
    label: Callable[[date], str] | None = None
    span: str = ""

    @property
    def step_months(self) -> int | None:
        """From the end of one to the end of the next in months; None where they follow one another day by day."""
        return self.months if self.shape == "calendar" else 1 if self.shape == "trailing" else None


def day_words(day: date) -> str:
    """A day without leading zeros, the same everywhere."""
    return f"{day.day} {day:%B %Y}"


def _quarter(first: date) -> int:
    return (first.month + 2) // 3


def _trailing(months: int, span: str = "") -> WindowKind:
    return WindowKind(
        f"trailing_{months}", "trailing", months, 900, lambda _, last: f"the {months} months to {last:%B %Y}", span=span
    )


TO_DATE: Final = WindowKind("month_to_date", "to_date", None, None, lambda first, last: f"{first:%B %Y} up to {day_words(last)}")
"""The month that isn't over: it moves every day, and of days gone by it stays as it was known then."""

_ALL: Final = (
    WindowKind("day", "day", None, 400, lambda first, _: day_words(first), str),
    WindowKind("month", "calendar", 1, 900, lambda first, _: f"{first:%B %Y}", lambda first: f"{first:%Y-%m}", " in a month"),
    WindowKind(
        "quarter",
        "calendar",
        3,
        2_300,
        lambda first, _: f"Q{_quarter(first)} {first.year}",
        lambda first: f"{first.year}-Q{_quarter(first)}",
        " in a quarter",
    ),
    WindowKind("year", "calendar", 12, 36_525, lambda first, _: f"{first.year}", lambda first: f"{first.year}"),
    _trailing(3, " in three months"),
    _trailing(12),
    TO_DATE,
)
WINDOW_KINDS: Final[Mapping[str, WindowKind]] = {kind.name: kind for kind in _ALL}
"""Every kind by name. Windows between any other two days are of the kind `custom`, which isn't here: nothing is known of it."""

CALENDAR: Final = tuple(kind for kind in _ALL if kind.shape == "calendar")
TRAILING: Final = tuple(kind for kind in _ALL if kind.shape == "trailing")

FOR_RULES: Final = tuple(kind.name for kind in _ALL if kind.days_back is not None)
"""Windows that a rule can look at: those that end, and `day`: what stands at the closing of the last complete day."""
STORED: Final = tuple(kind.name for kind in _ALL if kind.shape != "day")
"""Windows that figures are made of every night."""
ANNUAL: Final = tuple(kind.name for kind in _ALL if kind.months == 12)
"""Windows as long as what benchmarks speak of."""


def window_words(kind: str, first: date, until: date) -> str:
    """The window [first, until) in words: `March 2026`, `the 12 months to March 2026`."""
    known, last = WINDOW_KINDS.get(kind), until - timedelta(days=1)
    return f"{day_words(first)} to {day_words(last)}" if known is None else known.words(first, last)


def months_long(kind: str, first: date, until: date) -> Fraction:
    """The length of the window [first, until) in months; days of one that isn't a number of months count as 12/365 of a month."""
    known = WINDOW_KINDS.get(kind)
    if known is None or known.months is None:
        return Fraction((until - first).days * 12, 365)
    return Fraction(known.months)


PASSING_DAYS: Final = 35
"""So long what was held of a segment in a window that wasn't over is kept, months to date too (D109)."""
