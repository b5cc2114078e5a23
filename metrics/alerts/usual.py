"""What a book's own past lets one expect of a window: the middle of its earlier windows and their usual spread. Plain statistics, no model.

Both are robust: the median, and the median of the distances to it (the larger of all and of those on the side that is watched, since losses
are lopsided), scaled so that it is the standard deviation of what is normally spread. Of amounts and counts it is the growth from one window
to the next that is compared, since a growing book is always larger than it was. Where a year and more of the past has a year before it, each
window is compared with the same one a year ago, and the season drops out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Final

from metrics.retention.figures import METRICS, UNITS

FEWEST: Final = 12
"""Earlier windows below which nothing is usual."""
MOST: Final = 36
"""Earlier windows that are looked at."""
SEASONAL_FROM: Final = 24
"""Earlier windows from which on each is compared with the one a year before it."""
SCALE: Final = Fraction(14_826, 10_000)
"""A normal distribution's standard deviation, in medians of the distances to its median."""
LEAST_SPREAD: Final = Fraction(1, 200)
"""Half a point: a book that hardly ever moves isn't unusual for moving by less."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What was to be expected of a value: `expected`, and one usual `spread` of it, in the metric's unit; `windows` of the past say so."""

    expected: Fraction
    spread: Fraction
    windows: int
    seasonal: bool

    def spreads_off(self, value: Fraction) -> Fraction:
        """How many usual spreads a value lies above (below: negative) what was to be expected."""
        return (value - self.expected) / self.spread


def usual(metric: str, now: int, values: Mapping[int, Fraction | None], year: int, *, below: bool) -> Usual | None:
    """What was to be expected of window `now`, from `values` by number of the window in time (None: no value) and `year` windows to a year.

    `below`: it is drops that are watched. None while fewer than FEWEST earlier windows tell.
    """
    grows = UNITS[metric] != "ratio" or METRICS[metric].factor
    steps = _growth(values) if grows else values
    earlier = [n for n in range(now - MOST, now) if steps.get(n) is not None]
    found = _of([(n, steps.get(n)) for n in earlier], below=below)
    seasonal = False
    if len(earlier) >= SEASONAL_FROM and steps.get(now - year) is not None:
        yearly = [(n, _less(steps.get(n), steps.get(n - year))) for n in earlier]
        by_season = _of(yearly, below=below)
        if by_season is not None:
            found, seasonal = (by_season[0] + _known(steps, now - year), *by_season[1:]), True
    if found is None:
        return None
    expected, spread, windows = found
    if grows:
        before = values.get(now - 1)
        if before is None or before <= 0:
            return None
        expected, spread = before * (1 + expected), before * spread
    return Usual(expected, spread, windows, seasonal)


def _of(numbered: Sequence[tuple[int, Fraction | None]], *, below: bool) -> tuple[Fraction, Fraction, int] | None:
    """Middle, spread and number of those that are known; None for too few."""
    known = [value for _, value in numbered if value is not None]
    if len(known) < FEWEST:
        return None
    middle = median(known)
    apart = [abs(value - middle) for value in known]
    own_side = [abs(value - middle) for value in known if (value <= middle if below else value >= middle)]
    return middle, max(SCALE * median(apart), SCALE * median(own_side), LEAST_SPREAD), len(known)


def _growth(values: Mapping[int, Fraction | None]) -> dict[int, Fraction | None]:
    out: dict[int, Fraction | None] = {}
    for n, value in values.items():
        before = values.get(n - 1)
        out[n] = None if value is None or before is None or before <= 0 else value / before - 1
    return out


def _less(value: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if value is None or other is None else value - other


def _known(values: Mapping[int, Fraction | None], number: int) -> Fraction:
    found = values[number]
    assert found is not None, "asked only where it is known"
    return found
