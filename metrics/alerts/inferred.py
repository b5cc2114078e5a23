"""What of a window's changes is inferred: dated at the first evidence of it, since nothing says when it happened.

A first read dates much at the day of the first listing, and a rule would ring for what never happened on that day. So a verdict that could
rest on such changes alone isn't given. The sums are of the whole book's movements: no less than what stands in the cohort's end points.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from metrics.retention.figures import Figures

INFERRED: Final = "inferred"
"""Why a window beyond a limit is noted and doesn't ring."""
KINDS: Final = ("expansion", "contraction", "churn")


@dataclass(frozen=True, slots=True)
class InferredDay:
    """Inferred movements of one day, currency (`all:usd` for the whole book) and kind: their amount, positive, and how many they are."""

    day: date
    currency: str
    kind: str
    micros: int
    movements: int


class InferredParts:
    """Inferred changes by day, and figures without them."""

    def __init__(self, days: Iterable[InferredDay] = ()) -> None:
        self._days: dict[str, list[InferredDay]] = {}
        for each in days:
            self._days.setdefault(each.currency, []).append(each)

    def within(self, figures: Figures) -> Mapping[str, tuple[int, int]]:
        """Amount and number of the inferred movements of each kind in the window of `figures`; kinds without any are left out."""
        out: dict[str, tuple[int, int]] = {}
        for each in self._days.get(figures.currency, ()):
            if figures.first <= each.day < figures.until and each.kind in KINDS:
                micros, count = out.get(each.kind, (0, 0))
                out[each.kind] = micros + each.micros, count + each.movements
        return out

    def without(self, figures: Figures) -> Figures:
        """The figures as if nothing inferred had happened in their window, as far as the cohort goes."""
        found = self.within(figures)
        if not found:
            return figures
        kept = {kind: max(0, getattr(figures, kind) - found.get(kind, (0, 0))[0]) for kind in KINDS}
        end = figures.opening + kept["expansion"] - kept["contraction"] - kept["churn"]
        logos = min(figures.opening_customers, figures.retained_customers + found.get("churn", (0, 0))[1])
        return replace(figures, **kept, closing_of_cohort=end, retained_customers=logos)

    def all_without(self, series: Sequence[Figures]) -> list[Figures]:
        """The same of a series of windows."""
        return [self.without(f) for f in series]


NOTHING: Final = InferredParts()
