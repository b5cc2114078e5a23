"""Billing time: months that clamp to a month's end, and the other steps of a price's interval.

All instants are whole seconds since the epoch, UTC. The sandbox keeps a calendar of its own, because it must be able to
disagree with the product: nothing here may be shared with the code under test.
"""

import calendar
from datetime import UTC, datetime
from typing import Final

HOUR: Final = 3_600
DAY: Final = 86_400


def instant(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """The instant of a UTC wall-clock time."""
    return calendar.timegm((year, month, day, hour, minute, second))


def parse_instant(text: str) -> int:
    """The instant named by an ISO 8601 date or time; a time without an offset is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def add_months(start: int, months: int) -> int:
    """`start` moved by whole months, keeping the time of day; the 31st becomes the month's last day."""
    moment = datetime.fromtimestamp(start, UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return calendar.timegm((year, month + 1, min(moment.day, last), moment.hour, moment.minute, moment.second))


def boundary(anchor: int, interval: str, count: int, cycles: int) -> int:
    """The end of the `cycles`-th billing period counted from `anchor`, so that a clamped month end does not stick."""
    if interval == "month":
        return add_months(anchor, count * cycles)
    if interval == "year":
        return add_months(anchor, 12 * count * cycles)
    return anchor + (7 if interval == "week" else 1) * DAY * count * cycles


def month_end(at: int) -> int:
    """The last day of the month of `at`, at the same time of day."""
    moment = datetime.fromtimestamp(at, UTC)
    return at + (calendar.monthrange(moment.year, moment.month)[1] - moment.day) * DAY
