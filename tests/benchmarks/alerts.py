"""How often alerts are false, how soon a fall is found, and whether intervals hold what they promise: simulated books, the real evaluation.

Books are made with numpy: customers of even or skewed size that come, grow, shrink and leave by chance, at a true yearly NRR of 102 % for
as long as the book is steady, and of 93 % in one that falls (by more churn). Figures are made of them by end points, as a roll-up makes
them; everything after that is `metrics.alerts`: readings, verdicts, states, messages. Run with `make bench-alerts`; it prints the table of
deploy/alerts.md, and what an ideal test would find.
"""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from metrics.alerts.decide import Seen, decide
from metrics.alerts.evaluate import Shelf, readings
from metrics.alerts.rules import DEFAULT_RULES, Watch
from metrics.alerts.states import Alert
from metrics.periods import add_months
from metrics.retention.analysis.certainty import interval
from metrics.retention.figures import Figures

SIZES: Final = (30, 100, 300, 1_000, 3_000, 10_000)
LOSSES: Final = (0.005, 0.01, 0.02)
"""Monthly churn of customers."""
SKEWS: Final = {"even": 0.25, "skewed": 1.0}
"""Spread of the logarithm of sizes: at 1.0, the ten largest of 100 hold a third, and the book weighs like 37 customers."""
STEADY, FALLEN = 1.02, 0.93
WARM, WATCHED = 26, 12
"""Months before the first night that is looked at, and months that are."""
START: Final = date(2020, 1, 1)
MICROS: Final = 1_000_000
BUDGET: Final = 0.12
"""False alarms that one rule may cost in a year of a steady book."""
_SHRINKS, _SHRINKS_BY, _GROWS = 0.005, 0.25, 0.03
_MORE: Final = (STEADY / FALLEN) ** (1 / 12) - 1
"""What a falling book loses every month beyond its churn."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a simulated book is like."""

    size: int
    skew: str
    loss: float
    falls: bool = False


def simulate(kind: Kind, dice: np.random.Generator, months: int = WARM + WATCHED + 1) -> tuple[np.ndarray, np.ndarray]:
    """MRR in whole units and the number of its customer, by place and month end. Whoever leaves is followed by somebody new."""
    spread = SKEWS[kind.skew]

    def fresh(count: int) -> np.ndarray:
        return np.asarray(np.maximum(5, np.exp(dice.normal(4.6 - spread**2 / 2, spread, count))))

    mrr = np.empty((kind.size, months))
    who = np.empty((kind.size, months), dtype=np.int64)
    mrr[:, 0], who[:, 0] = fresh(kind.size), 0
    shrink = _SHRINKS * _SHRINKS_BY
    grow = (STEADY ** (1 / 12) - 1 + kind.loss + shrink) / _GROWS
    for month in range(1, months):
        more = _MORE if kind.falls and month > WARM else 0.0
        leaves = dice.random(kind.size) < kind.loss + more
        now = mrr[:, month - 1].copy()
        grows, shrinks = dice.random(kind.size) < _GROWS, dice.random(kind.size) < _SHRINKS
        now[grows] *= 1 + dice.exponential(grow, int(grows.sum()))
        now[shrinks] *= 1 - _SHRINKS_BY
        now[leaves] = fresh(int(leaves.sum()))
        mrr[:, month], who[:, month] = now, who[:, month - 1] + leaves
    return np.rint(mrr).astype(np.int64), who


def window(mrr: np.ndarray, who: np.ndarray, name: str, begin: int, end: int) -> Figures:
    """The figures of the window between two month ends, by end points, in exact integers."""
    opening, stayed = mrr[:, begin], who[:, begin] == who[:, end]
    ends = np.where(stayed, mrr[:, end], 0)
    start, closing = int(opening.sum()), int(ends.sum())
    churn = int(opening[~stayed].sum())
    expansion = int(np.maximum(ends - opening, 0).sum())
    return Figures(
        "simulated",
        name,
        add_months(START, begin),
        add_months(START, end),
        "",
        "",
        "usd",
        opening=start * MICROS,
        expansion=expansion * MICROS,
        contraction=(start + expansion - churn - closing) * MICROS,
        churn=churn * MICROS,
        closing_of_cohort=closing * MICROS,
        closing=int(mrr[:, end].sum()) * MICROS,
        opening_customers=len(opening),
        retained_customers=int(stayed.sum()),
        closing_customers=len(opening),
        opening_squared=int((opening * opening).sum()) * MICROS**2,
        opening_by_end=int((opening * ends).sum()) * MICROS**2,
        end_squared=int((ends * ends).sum()) * MICROS**2,
    )


_MONTHS: Final = {"trailing_3": (3, (0, 3)), "trailing_12": (12, (0, 12))}
"""How long each kind of window is, and how many months before a night those end that the built-in rules compare."""
assert {rule.window for rule in DEFAULT_RULES} == set(_MONTHS), "the rules look at other windows than are made"


def nights(mrr: np.ndarray, who: np.ndarray) -> Iterator[tuple[int, str]]:
    """Month and rule of each firing in the months that are watched, as the states of alerts have it, night after month end."""
    ends = {month - back for month in range(WARM, WARM + WATCHED + 1) for _, some in _MONTHS.values() for back in some}
    made = {(kind, end): window(mrr, who, kind, end - long, end) for kind, (long, _) in _MONTHS.items() for end in ends}
    watch = Watch(system=())
    states: dict[tuple[str, str], Alert] = {}
    for month in range(WARM, WARM + WATCHED + 1):
        night = add_months(START, month)
        shelf = Shelf(made[kind, month - back] for kind, (_, some) in _MONTHS.items() for back in some)
        decision = decide(watch, Seen([r for rule in watch.rules for r in readings(rule, shelf)]), states, night)
        for _, after in decision.changed:
            before = states.get(after.key)
            if after.state == "firing" and (before is None or before.state != "firing"):
                # What fired already on the first night began before; it is known then and counts as before the year that is watched.
                yield month - WARM, after.rule
            states[after.key] = after


def true_rates(kind: Kind) -> dict[str, float]:
    """What a steady book's rates of a year are, drawn from two hundred thousand customers."""
    mrr, who = simulate(Kind(200_000, kind.skew, kind.loss), np.random.default_rng(1), months=13)
    opening, stayed = mrr[:, 0].astype(float), who[:, 0] == who[:, 12]
    # Growth doesn't depend on size, so rates of customers of one weight are the book's, with far less noise.
    rate = np.where(stayed, mrr[:, 12], 0.0) / opening
    return {"nrr": float(rate.mean()), "grr": float(np.minimum(rate, 1).mean()), "logo_retention": float(stayed.mean())}


@dataclass(slots=True)
class Count:
    """What was counted of one size, skew and loss."""

    kind: Kind
    books: int
    rings: dict[str, int] = field(default_factory=dict)
    found: int = 0
    covered: dict[str, tuple[int, int]] = field(default_factory=dict)


def count(kind: Kind, books: int, seed: int) -> Count:
    """Steady and falling books of one kind, and intervals of steady ones."""
    dice = np.random.default_rng([seed, kind.size, list(SKEWS).index(kind.skew), int(kind.loss * 1000)])
    out = Count(kind, books, {rule.name: 0 for rule in DEFAULT_RULES})
    for _ in range(books):
        for month, rule in nights(*simulate(kind, dice)):
            out.rings[rule] += month > 0
        falling = simulate(Kind(kind.size, kind.skew, kind.loss, True), dice)
        out.found += any(month > 0 for month, _ in nights(*falling))
    out.covered = cover(kind, 10 * books, dice)
    return out


def cover(kind: Kind, books: int, dice: np.random.Generator) -> dict[str, tuple[int, int]]:
    """How often a steady book's interval of a year holds the true rate, and how often there was one."""
    truth = true_rates(kind)
    inside = dict.fromkeys(truth, 0)
    some = dict.fromkeys(truth, 0)
    for _ in range(books):
        year = window(*simulate(kind, dice, months=13), "trailing_12", 0, 12)
        for rate, true in truth.items():
            bounds = interval(year, rate)
            if bounds is not None:
                inside[rate] += float(bounds.low) <= true <= float(bounds.high)
                some[rate] += 1
    return {rate: (inside[rate], some[rate]) for rate in truth}


def ideal(size: int, loss: float, books: int = 20_000) -> float:
    """The share of falls that a test finds which counts every leaver and knows both levels of churn (CUSUM of the likelihood ratio),
    at a threshold that costs `BUDGET` false alarms a year."""
    dice = np.random.default_rng(1)

    def sums(falls: bool) -> np.ndarray:
        out, total = [], np.zeros(books)
        for month in range(WARM + WATCHED):
            leaves = dice.binomial(size, loss + _MORE * (falls and month >= WARM), books)
            ratio = leaves * np.log((loss + _MORE) / loss) + (size - leaves) * np.log((1 - loss - _MORE) / (1 - loss))
            total = np.maximum(0, total + ratio)
            out.append(total)
        return np.array(out)

    steady, falling = sums(falls=False), sums(falls=True)
    low, high = 0.0, 30.0
    for _ in range(40):
        middle = (low + high) / 2
        false = float(((steady[WARM:].max(0) > middle) & (steady[WARM - 1] <= middle)).mean())
        low, high = (middle, high) if false > BUDGET else (low, middle)
    return float((falling[WARM:].max(0) > high).mean())


def run(books: int, seed: int = 17) -> list[Count]:
    """Everything counted; larger books, which differ less from one another, fewer times."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        waiting = [
            pool.submit(count, Kind(size, skew, loss), books if size <= 1_000 else max(20, books * 1_000 // size), seed)
            for size in reversed(SIZES)
            for skew in SKEWS
            for loss in LOSSES
        ]
        return [each.result() for each in waiting]


def table(counted: list[Count]) -> list[str]:
    """What was counted, as lines of Markdown: a row for each size and skew; the mean over the levels of loss, and the worst of them."""
    rules = [rule.name for rule in DEFAULT_RULES]
    head = [
        "customers",
        "sizes",
        *(f"`{name}`: false a year" for name in rules),
        "fall found",
        "ideal",
        "NRR held",
        "GRR held",
        "logos held",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for size in SIZES:
        best = sum(ideal(size, loss) for loss in LOSSES) / len(LOSSES)
        for skew in SKEWS:
            mine = sorted((c for c in counted if (c.kind.size, c.kind.skew) == (size, skew)), key=lambda c: c.kind.loss)
            row = [f"{size:,}", skew]
            for name in rules:
                rates = [c.rings[name] / c.books for c in mine]
                row.append(f"{sum(rates) / len(rates):.3f} ({max(rates):.3f})")
            found = [c.found / c.books for c in mine]
            row += [f"{sum(found) / len(found):.2f} ({min(found):.2f})", f"{best:.2f}"]
            for rate in ("nrr", "grr", "logo_retention"):
                held = [c.covered[rate][0] / c.covered[rate][1] for c in mine if c.covered[rate][1]]
                row.append(f"{sum(held) / len(held):.3f}" if held else "–")
            lines.append("| " + " | ".join(row) + " |")
    return lines


def main() -> None:
    """Simulate and print; the number of books of each kind can be given."""
    books = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    begun = time.monotonic()
    counted = run(books)
    sys.stdout.write("\n".join(table(counted)) + "\n")
    sys.stderr.write(f"{books} books of each kind, {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main()
