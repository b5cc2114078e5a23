"""What `metrics.retention.analysis.insight` finds, in sentences: the same in messages and on the command line.

Neither lever nor benchmark is a fact about the book; both are worded so that nobody takes them for one.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from metrics.number_words import counted, percent
from metrics.retention.analysis.insight import benchmark, largest_lever
from metrics.retention.figures import Figures, ratio
from metrics.window_kinds import WINDOW_KINDS

_LEVERS: Final[Mapping[str, str]] = {
    "retention": "Retention: churn took {rate} of the opening MRR{span}, a pace of more than {bound} a year.",
    "upsell": "Upsell: expansion added only {rate} to the opening MRR{span}, a pace of less than {bound} a year.",
    "value": "Value: contraction took {rate} of the opening MRR{span}, a pace of more than {bound} a year.",
}


def lever_words(figures: Figures) -> str | None:
    """The largest lever of a window in a sentence; None when none stands out."""
    lever = largest_lever(figures)
    if lever is None:
        return None
    return _LEVERS[lever.name].format(
        rate=percent(ratio(figures, lever.metric) or Fraction(0)), bound=percent(Fraction(lever.yearly)), span=_span(figures)
    )


def _span(figures: Figures) -> str:
    """How long the window is, as it stands behind a rate; empty for a year."""
    known = WINDOW_KINDS.get(figures.kind)
    days = (figures.until - figures.first).days
    return f" in {counted(days, 'day', 'days')}" if known is None or known.months is None else known.span


def benchmark_words(figures: Figures) -> str | None:
    """Where a year's NRR stands among books of its size, as a dated rule of thumb; None for shorter windows and for segments."""
    band = benchmark(figures)
    if band is None:
        return None
    standing = {"below": "below good", "world_class": "world-class"}.get(band.standing, band.standing)
    return (
        f"{standing} for ARR {band.size} (nrr's own rule of thumb, {band.of:%Y}: good from {band.good} %, great from {band.great} %, "
        f"world-class from {band.world_class} %)"
    )
