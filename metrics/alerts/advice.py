"""What may lie behind a window's figures and how they compare: the lever to name first, and dated rules of thumb.

Neither is a fact about the book; both are worded so that nobody takes them for one.
"""

from fractions import Fraction
from typing import Final

from metrics.alerts.words import percent
from metrics.money import MICROS_PER_MAJOR
from metrics.retention.figures import Figures, ratio
from metrics.window_kinds import ANNUAL, WINDOW_KINDS

AS_OF: Final = "2025"
"""When the rules of thumb were gathered."""
_BY_ARR: Final = (
    (1_000_000, "under 1 m", (85, 95, 105)),
    (10_000_000, "1 to 10 m", (95, 105, 115)),
    (50_000_000, "10 to 50 m", (100, 110, 120)),
    (None, "50 m and more", (105, 115, 125)),
)
"""NRR of a year by ARR in major units: from where it is called good, great, world-class."""
TEN: Final = Fraction(10, 100)
FIVE: Final = Fraction(5, 100)


def lever(figures: Figures) -> str | None:
    """The largest lever: churn above 10 % of the opening, expansion below 5 %, contraction above 5 %; None when none stands out.

    Rates of shorter windows are held against as much less: a month's against a twelfth.
    """
    if figures.opening <= 0:
        return None
    kind = WINDOW_KINDS.get(figures.kind)
    share, span = (Fraction(1), "") if kind is None else (kind.share_of_a_year, kind.span)
    churn, expansion, contraction = (
        Fraction(part, figures.opening) for part in (figures.churn, figures.expansion, figures.contraction)
    )
    if churn > TEN * share:
        return f"Retention: churn took {percent(churn)} of the opening MRR{span}, a pace of more than 10 % a year."
    if expansion < FIVE * share:
        return f"Upsell: expansion added only {percent(expansion)} to the opening MRR{span}, a pace of less than 5 % a year."
    if contraction > FIVE * share:
        return f"Value: contraction took {percent(contraction)} of the opening MRR{span}, a pace of more than 5 % a year."
    return None


def benchmark(figures: Figures) -> str | None:
    """Where a year's NRR stands among books of its size, as a dated rule of thumb; None for shorter windows and segments."""
    nrr = ratio(figures, "nrr")
    if nrr is None or figures.kind not in ANNUAL or figures.dimension:
        return None
    arr = figures.closing * 12 // MICROS_PER_MAJOR
    size, steps = next((words, steps) for top, words, steps in _BY_ARR if top is None or arr < top)
    names = ("below good", "good", "great", "world-class")
    name = names[sum(nrr * 100 >= step for step in steps)]
    good, great, best = steps
    return f"{name} for ARR {size} (rule of thumb, {AS_OF}: good from {good} %, great from {great} %, world-class from {best} %)"
