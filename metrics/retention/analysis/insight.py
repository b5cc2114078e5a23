"""What a window's figures suggest: the lever to pull first, how they compare, where they are heading, and who and what is behind them.

Everything is read off figures that are stored; nothing here forecasts. Benchmarks are rules of thumb and say so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from metrics.money import MICROS_PER_MAJOR, ratio_text
from metrics.movement_kinds import KINDS
from metrics.retention.figures import METRICS, Figures, amounts, metric, months_in, ratio, why_null
from metrics.window_kinds import ANNUAL

# --- the lever ----------------------------------------------------------------------------------------------------------------

LEVERS: Final = (
    ("retention", "revenue_churn_rate", "above", Fraction(10, 100)),
    ("upsell", "expansion_rate", "below", Fraction(5, 100)),
    ("value", "contraction_rate", "above", Fraction(5, 100)),
)
"""What to name first, in order: its name, the rate that speaks for it, and the bound that the rate is compared with."""


@dataclass(frozen=True, slots=True)
class Lever:
    """Where most is to be gained: `rate` of `metric` lies `side` of `bound`, by `micros` of the opening's MRR.

    `also` are the other levers that the rule would have named, had this one not come first. `yearly` is the bound for a year, of which `bound`
    is the window's share.
    """

    name: str
    metric: str
    side: str
    rate: str
    bound: str
    micros: int
    also: tuple[str, ...] = ()
    yearly: str = ""


def largest_lever(figures: Figures) -> Lever | None:
    """The lever to name first: churn above 10 % a year → retention; expansion below 5 % → upsell; contraction above 5 % → value; else None.

    A shorter window's rates are held against its share of the year: a month's against a twelfth. None too where no rate can be given.
    """
    found = []
    share = months_in(figures) / 12
    for name, measure, side, yearly in LEVERS:
        rate, bound = ratio(figures, measure), yearly * share
        if rate is not None and (rate > bound if side == "above" else rate < bound):
            micros = round(abs(rate - bound) * figures.opening)
            found.append(Lever(name, measure, side, _text(rate), _text(bound), micros, yearly=_text(yearly)))
    if not found:
        return None
    first, *others = found
    return replace(first, also=tuple(each.name for each in others))


def _text(rate: Fraction) -> str:
    return str(ratio_text(rate.numerator, rate.denominator))


# --- benchmarks ---------------------------------------------------------------------------------------------------------------

BENCHMARKS_OF: Final = date(2025, 1, 1)
"""When these rules of thumb were written down; they are about net revenue retention over a year, in dollars of ARR."""
_M: Final = 1_000_000 * MICROS_PER_MAJOR
BY_ARR: Final = (
    ("under 1 m", 0, (85, 95, 105)),
    ("1–10 m", 1 * _M, (95, 105, 115)),
    ("10–50 m", 10 * _M, (100, 110, 120)),
    ("50 m and more", 50 * _M, (105, 115, 125)),
)
"""Size of the company by ARR: its name, where it begins (micros), and from which per cent on NRR is good, great and world-class."""
HEALTHY: Final = 100
STABLE: Final = 80
WORTH_A_LOOK: Final = 150


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How an NRR compares: with companies of this size, and by itself. Rules of thumb as of `of`; per cents."""

    size: str
    good: int
    great: int
    world_class: int
    standing: str  # below | good | great | world_class
    health: str  # healthy | stable | material_issue
    worth_a_look: bool
    """NRR of 150 % and more is rather a young book or an error than a prize."""
    of: date = BENCHMARKS_OF


def benchmark(figures: Figures) -> Benchmark | None:
    """The band for a company with the ARR at the window's closing; None where NRR can't be given, of a part of the book, and of any window
    but a year: the rules of thumb say nothing of these.

    Meant for amounts in dollars; in other currencies the size is taken as it is.
    """
    nrr = ratio(figures, "nrr")
    if nrr is None or figures.kind not in ANNUAL or figures.dimension:
        return None
    percent, arr = nrr * 100, figures.closing * 12
    size, _, (good, great, best) = next(row for row in reversed(BY_ARR) if arr >= row[1])
    standing = next((name for name, low in (("world_class", best), ("great", great), ("good", good)) if percent >= low), "below")
    health = "healthy" if percent > HEALTHY else "stable" if percent >= STABLE else "material_issue"
    return Benchmark(size, good, great, best, standing, health, percent >= WORTH_A_LOOK)


# --- trend --------------------------------------------------------------------------------------------------------------------

TREND_FROM: Final = 4
"""So many windows make a trend; of fewer nothing is said."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric over windows of one kind, oldest first. `direction`: rising, falling, flat, mixed, or unknown while there are too few.

    A trend rises when no window lies below the one before it and the last above the first. `change` is last less first.
    """

    metric: str
    points: tuple[tuple[date, str | int | None, bool], ...]
    """For each window the day it ended before, its value (a decimal text for a ratio, micros or a count else), and whether it is incomplete."""
    direction: str
    change: str | int | None


def trend(figures: Iterable[Figures], name: str) -> Trend:
    """The trend of one metric over `figures` of one kind, segment and currency; incomplete windows are shown and not judged."""
    ordered = sorted(figures, key=lambda f: f.until)
    if len({(f.kind, f.dimension, f.segment, f.currency) for f in ordered}) > 1:
        raise ValueError("a trend is of windows of one kind, segment and currency")
    values = [(f, metric(f, name)) for f in ordered]
    judged = [value for f, value in values if value is not None and not f.incomplete]
    points = tuple((f.until, _shown(value), f.incomplete) for f, value in values)
    if len(judged) < TREND_FROM:
        return Trend(name, points, "unknown", None)
    steps = [later - earlier for earlier, later in pairwise(judged)]
    if all(step == 0 for step in steps):
        direction = "flat"
    elif all(step >= 0 for step in steps):
        direction = "rising"
    else:
        direction = "falling" if all(step <= 0 for step in steps) else "mixed"
    return Trend(name, points, direction, _shown(judged[-1] - judged[0]))


def _shown(value: Fraction | int | None) -> str | int | None:
    return _text(value) if isinstance(value, Fraction) else value


# --- who and what is behind it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Driver:
    """A customer that moved the cohort: its MRR at both ends at the opening's rate, and by how much it moved NRR (a decimal text)."""

    customer: str
    opening: int
    closing: int
    share: str | None

    @property
    def change(self) -> int:
        """What it added to the cohort's end, in micros."""
        return self.closing - self.opening


@dataclass(frozen=True, slots=True)
class Cause:
    """What movements of one kind and cause came to in the window; `share` is of the opening (a decimal text)."""

    kind: str
    cause: str
    micros: int
    movements: int
    share: str | None


@dataclass(frozen=True, slots=True)
class Drivers:
    """Who and what moved a window. Lists are longest first; of the whole book only, else they are empty."""

    gained: tuple[Driver, ...]
    lost: tuple[Driver, ...]
    causes: tuple[Cause, ...]


def drivers(figures: Figures, rate: str | None = None) -> Drivers:
    """The customers that gained and lost most between the ends, and the causes of movements by size.

    With `rate` only movements of kinds that can move it: new business moves no rate of those who were there before, however large it is.
    """
    moving = KINDS if rate is None else METRICS[rate].moved_by or ()
    causes = [
        Cause(c["kind"], c["cause"], c["micros"], c["movements"], _of(c["micros"], figures))
        for c in _list(figures, "causes")
        if c["kind"] in moving
    ]
    return Drivers(
        tuple(_driver(each, figures) for each in _list(figures, "gained")),
        tuple(_driver(each, figures) for each in _list(figures, "lost")),
        tuple(sorted(causes, key=lambda c: (-c.micros, c.kind, c.cause))),
    )


def _list(figures: Figures, name: str) -> Sequence[dict[str, Any]]:
    return figures.companions.get(name) or ()


def _driver(row: dict[str, Any], figures: Figures) -> Driver:
    return Driver(row["customer"], row["opening"], row["closing"], _of(row["closing"] - row["opening"], figures))


def _of(micros: int, figures: Figures) -> str | None:
    return None if why_null(figures, "nrr") else ratio_text(micros, figures.opening)


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much hangs on few: the share of the ten largest at the opening, and NRR with and without the five largest (decimal texts)."""

    share_of_top: str | None
    nrr: str | None
    nrr_without_largest: str | None
    largest: tuple[Driver, ...]


def concentration(figures: Figures) -> Concentration:
    """The concentration of the opening's MRR; rates are None where they can't be given."""
    share, nrr, without = (_rate(figures, name) for name in ("concentration", "nrr", "nrr_without_largest"))
    return Concentration(share, nrr, without, tuple(_driver(each, figures) for each in _list(figures, "largest")))


def _rate(figures: Figures, name: str) -> str | None:
    rate = ratio(figures, name)
    return None if rate is None else _text(rate)


# --- what is coming -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that tends to move MRR later: how much MRR it is about (micros), of how many, and which share of the standing MRR that is."""

    name: str
    micros: int
    count: int | None
    share: str | None
    within_days: int | None = None


def standing_signals(figures: Figures) -> list[Signal]:
    """Leading signals that stand in the figures of a window's closing: scheduled churn, MRR at risk, trials under way."""
    found, whole = amounts(figures), figures.closing
    out = []
    for name, count in (("scheduled_churn", None), ("at_risk", None), ("trial_pipeline", figures.companions.get("trials"))):
        micros = found[name]
        if micros is not None:
            out.append(Signal(name, micros, count, ratio_text(micros, whole)))
    return out
