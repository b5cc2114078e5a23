"""Days, months, quarters, years and instants as people type them: one parser for the whole command line, with one error.

Whatever stands for a range of days (2026-03, 2026-Q1, 2026) may be typed wherever a day is: as a first day it is its first one, as a last
day its last one. What days are called is the calendar's business (`metrics.periods.named`); here is what is said of what names none.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from metrics.periods import FIRST_YEAR, LAST_YEAR, NoSuchDays, named
from worker.cli.exit_codes import Exit, Stop

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
    try:
        window = named(text)
    except NoSuchDays as error:
        return (
            None if error.why == "form" else ("day", days_of_text(text, "nrr explain")[0])
        )  # which raises, and says what is wrong
    return None if window.kind == "day" else (window.kind, window.first)


def looks_like_a_day(text: str) -> bool:
    """Whether a day, month, quarter or year was typed, right or wrong, and no time of day."""
    return "T" not in text.upper() and ":" not in text


def days_of_text(text: str, option: str, takes: str = f"a day such as {EXAMPLES}") -> tuple[date, date]:
    """The reporting days [first, until) that are meant: a day, a month, a quarter or a year. Raises Stop for anything else.

    The error says what `option` `takes`: the option as it was typed, or the command for what stands behind none.
    """
    try:
        window = named(text)
    except NoSuchDays as error:
        what = takes.partition(" such as")[0]
        said = {
            "form": f"{option} takes {takes}, not {text!r}",
            "year": f"{option} takes {what} from {FIRST_YEAR} to {LAST_YEAR}, not {text!r}",
            "calendar": f"{option} takes {takes}; there is no {text!r}",
        }
        raise Stop(said[error.why], Exit.USAGE) from None
    return window.first, window.until


def day_of_text(text: str, option: str) -> date:
    """The first reporting day of what is meant. Raises Stop."""
    return days_of_text(text, option)[0]


def last_day_of_text(text: str, option: str) -> date:
    """The last day of a range, or one to stand at the closing of: that of the month, quarter or year that is meant. Raises Stop."""
    return until_of_text(text, option) - timedelta(days=1)


def closing_of_text(text: str, option: str, today: date) -> date:
    """The day at whose closing something is to be shown: the last one of what is meant. Raises Stop, also for what hasn't begun."""
    begun(text, option, day_of_text(text, option), today)
    return last_day_of_text(text, option)


def begun(text: str, option: str, first: date, today: date) -> None:
    """Raises Stop when what begins on `first` lies in the future: nothing stands there yet, and what stands today would look like it."""
    if first > today:
        said = f"{option} {text}".strip()
        raise Stop(
            f"{said} lies in the future: today is {today}, and nothing is known of later days. What is coming by dates that are known: "
            "nrr show outlook",
            Exit.USAGE,
        )


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
