"""How often alerts are false, how soon a fall is found, and whether intervals hold what they promise: simulated books, the real evaluation.

Books are made with numpy: customers of even or skewed size that come, grow, shrink and leave by chance, at a true yearly NRR of 102 % for
as long as the book is steady, and of 93 % in one that falls (by more churn). Figures are made of them by end points, as a roll-up makes
them; everything after that is `metrics.alerts`: readings, verdicts, states, messages. Run with `make bench-alerts`; it prints the table of
deploy/alerts.md.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from metrics.alerts.decide import Seen, decide
from metrics.alerts.evaluate import Shelf, readings
from metrics.alerts.rules import DEFAULT_RULES, Watch
from metrics.alerts.states import Alert
from metrics.periods import add_months
from metrics.retention.certainty import interval
from metrics.retention.figures import Figures

SIZES: Final = (30, 100, 300, 1_000, 3_000, 10_000)
LOSSES: Final = (0.005, 0.01, 0.02)
"""Monthly churn of customers."""
SKEWS: Final = {"even": 0.25, "skewed": 1.0}
"""Spread of the logarithm of sizes: at 1.0, the ten largest of 100 hold a third, and the book weighs like 37 customers."""
STEADY, FALLEN = 1.02, 0.93
WARM, WATCHED = 16, 12
"""Months before the first night that is looked at, and months that are."""
START: Final = date(2020, 1, 1)
MICROS: Final = 1_000_000
_SHRINKS, _SHRINKS_BY, _GROWS = 0.005, 0.25, 0.03


@dataclass(frozen=True, slots=True)
class Kind:
    """What a simulated book is like."""

    size: int
    skew: str
    loss: float
    falls: bool


def simulate(kind: Kind, dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """MRR in whole units and the number of its customer, by place and month end. Whoever leaves is followed by somebody new."""
    months = WARM + WATCHED + 1
    spread = SKEWS[kind.skew]

    def fresh(count: int) -> np.ndarray:
        return np.asarray(np.maximum(5, np.exp(dice.normal(4.6 - spread**2 / 2, spread, count))))

    mrr = np.empty((kind.size, months))
    who = np.empty((kind.size, months), dtype=np.int64)
    mrr[:, 0], who[:, 0] = fresh(kind.size), 0
    shrink = _SHRINKS * _SHRINKS_BY
    grow = (STEADY ** (1 / 12) - 1 + kind.loss + shrink) / _GROWS
    for month in range(1, months):
        more = (STEADY / FALLEN) ** (1 / 12) - 1 if kind.falls and month > WARM else 0.0
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
        "simulated", name, add_months(START, begin), add_months(START, end), "", "", "usd", opening=start * MICROS,
        expansion=expansion * MICROS, contraction=(start + expansion - churn - closing) * MICROS, churn=churn * MICROS,
        closing_of_cohort=closing * MICROS, closing=int(mrr[:, end].sum()) * MICROS, opening_customers=len(opening),
        retained_customers=int(stayed.sum()), closing_customers=len(opening), opening_squared=int((opening * opening).sum()) * MICROS**2,
        opening_by_end=int((opening * ends).sum()) * MICROS**2, end_squared=int((ends * ends).sum()) * MICROS**2,
    )  # fmt: skip


_MONTHS: Final = {"month": 1, "trailing_3": 3, "trailing_12": 12}


def nights(mrr: np.ndarray, who: np.ndarray) -> Iterator[tuple[int, str]]:
    """Month and rule of each firing in the months that are watched, as the states of alerts have it, night after month end."""
    kinds = {rule.window for rule in DEFAULT_RULES}
    figures = [
        window(mrr, who, kind, end - _MONTHS[kind], end) for kind in kinds for end in range(_MONTHS[kind], WARM + WATCHED + 1)
    ]
    watch = Watch(system=())
    states: dict[tuple[str, str], Alert] = {}
    for month in range(WARM, WARM + WATCHED + 1):
        night = add_months(START, month)
        shelf = Shelf(f for f in figures if f.until <= night)
        decision = decide(watch, Seen([r for rule in watch.rules for r in readings(rule, shelf)]), states, night)
        for _, after in decision.changed:
            before = states.get(after.key)
            if after.state == "firing" and (before is None or before.state != "firing"):
                # What fired already on the first night began before; it is known then and counts as before the year that is watched.
                yield month - WARM, after.rule
            states[after.key] = after


def true_rates(kind: Kind) -> dict[str, float]:
    """What a steady book's rates of a year are, drawn from a million customers."""
    mrr, who = simulate(Kind(200_000, kind.skew, kind.loss, False), np.random.default_rng(1))
    opening, stayed = mrr[:, 0].astype(float), who[:, 0] == who[:, 12]
    ends = np.where(stayed, mrr[:, 12], 0.0)
    # Growth doesn't depend on size, so rates of customers of one weight are the book's, with far less noise.
    rate = ends / opening
    return {"nrr": float(rate.mean()), "grr": float(np.minimum(rate, 1).mean()), "logo_retention": float(stayed.mean())}


def run(books: int, seed: int = 17) -> dict[str, Any]:
    """Everything counted, by size, skew and loss."""
    dice = np.random.default_rng(seed)
    rings: dict[tuple[Kind, str], int] = defaultdict(int)
    found: dict[Kind, int] = defaultdict(int)
    covered: dict[tuple[Kind, str], list[int]] = defaultdict(lambda: [0, 0])
    made: dict[Kind, int] = {}
    for size in SIZES:
        for skew in SKEWS:
            for loss in LOSSES:
                steady, falling = Kind(size, skew, loss, False), Kind(size, skew, loss, True)
                truth = true_rates(steady)
                count = books if size <= 1_000 else max(20, books // (size // 1_000))
                made[steady] = made[falling] = count
                for _ in range(count):
                    mrr, who = simulate(steady, dice)
                    for month, rule in nights(mrr, who):
                        rings[steady, rule] += month > 0
                    year = window(mrr, who, "trailing_12", WARM - 12, WARM)
                    for rate, true in truth.items():
                        bounds = interval(year, rate)
                        if bounds is not None:
                            covered[steady, rate][0] += float(bounds.low) <= true <= float(bounds.high)
                            covered[steady, rate][1] += 1
                    mrr, who = simulate(falling, dice)
                    found[falling] += any(month > 0 for month, _ in nights(mrr, who))
    return {"rings": rings, "found": found, "covered": covered, "made": made}


def table(counted: dict[str, Any]) -> list[str]:
    """What was counted, as lines of Markdown: a row for each size and skew, over the three levels of loss."""
    rules = [rule.name for rule in DEFAULT_RULES]
    head = ["customers", "sizes", *(f"{name}: false a year" for name in rules), "fall found", "NRR held", "GRR held", "logos held"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for size in SIZES:
        for skew in SKEWS:
            steady = [Kind(size, skew, loss, False) for loss in LOSSES]
            years = sum(counted["made"][k] for k in steady)
            row = [f"{size:,}", skew]
            row += [f"{sum(counted['rings'][k, name] for k in steady) / years:.3f}" for name in rules]
            row.append(f"{sum(counted['found'][Kind(size, skew, loss, True)] for loss in LOSSES) / years:.2f}")
            for rate in ("nrr", "grr", "logo_retention"):
                inside, some = (sum(counted["covered"][k, rate][n] for k in steady) for n in (0, 1))
                row.append("–" if some < 50 else f"{inside / some:.3f}")
            lines.append("| " + " | ".join(row) + " |")
    return lines


def main() -> None:
    """Simulate and print; the number of books of each kind can be given."""
    books = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    begun = time.monotonic()
    counted = run(books)
    sys.stdout.write("\n".join(table(counted)) + "\n")
    sys.stderr.write(f"{books} books of each kind, {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main()
