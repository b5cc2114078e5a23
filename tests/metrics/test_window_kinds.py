"""What is declared of a kind of window holds everywhere it is asked for."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from metrics.periods import Window, add_months, calendar_window, trailing, windows
from metrics.window_kinds import (
    ANNUAL,
    CALENDAR,
    FOR_RULES,
    STORED,
    TRAILING,
    WINDOW_KINDS,
    WindowKind,
    months_long,
    window_words,
)


def test_the_names_are_those_that_are_stored() -> None:
    """Figures, rules and options hold these names: none of them may change, and their order is how they are listed."""
    assert ("month", "quarter", "year", "trailing_3", "trailing_12", "month_to_date") == STORED
    assert ("day", "month", "quarter", "year", "trailing_3", "trailing_12") == FOR_RULES
    assert ("year", "trailing_12") == ANNUAL


def test_every_kind_that_is_stored_is_made() -> None:
    """A declared kind has windows in a book of three years, and no window is of a kind that is not declared."""
    assert set(STORED) == {w.kind for w in windows(date(2022, 5, 3), date(2025, 5, 3))}


@pytest.mark.parametrize("kind", [*CALENDAR, *TRAILING], ids=lambda kind: kind.name)
def test_a_kind_is_as_long_as_it_says(kind: WindowKind) -> None:
    """Its windows hold as many months as declared, and a rate's span is that part of a year."""
    day = date(2025, 5, 1)
    window = calendar_window(kind, day) if kind in CALENDAR else trailing(day, kind.months or 0)
    assert kind.months is not None
    assert window.until == add_months(window.first, kind.months)
    assert Fraction(kind.months) == months_long(kind.name, window.first, window.until)
    assert bool(kind.span) == (kind.months != 12), "a rate of less than a year says of how long it is"


@pytest.mark.parametrize("name", FOR_RULES)
def test_a_rule_reads_thirteen_windows(name: str) -> None:
    """So far back is read that a window, twelve before it, and the one a year earlier are there."""
    kind = WINDOW_KINDS[name]
    assert kind.days_back is not None
    step = timedelta(days=1) if kind.step_months is None else timedelta(days=31 * kind.step_months)
    assert kind.days_back >= max(12 * step, timedelta(days=366)).days


def test_calendar_windows_begin_in_january() -> None:
    """Half years would be January to June and July to December: any number of months is counted from the year's beginning."""
    half = WindowKind("half_year", "calendar", 6, None, lambda first, _: f"{first}")
    assert Window("half_year", date(2025, 7, 1), date(2026, 1, 1)) == calendar_window(half, date(2025, 12, 31))
    assert Window("half_year", date(2025, 1, 1), date(2025, 7, 1)) == calendar_window(half, date(2025, 6, 30))


def test_what_is_not_declared_is_named_by_its_days() -> None:
    """A window between any two days has words, a label and a length all the same."""
    first, until = date(2025, 3, 1), date(2025, 3, 11)
    assert "1 March 2025 to 10 March 2025" == window_words("custom", first, until)
    assert "2025-03-01..2025-03-11" == Window("custom", first, until).label
    assert Fraction(120, 365) == months_long("custom", first, until)
    assert "2025-03-01" == Window("day", first, first + timedelta(days=1)).label
