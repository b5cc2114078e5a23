"""Who stands behind a window's expansion, contraction and churn: the opening cohort by end points, customer by customer.

A customer is a segment like any other here, so its part is made by the sums that make the figure, at the same exchange rates, frozen at the
same opening; the parts add up to the figure because parts of a segmentation do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from metrics.dimensions import values
from metrics.retention.figures import Figures

PartKind = Literal["expansion", "contraction", "churn"]
KINDS: Final[tuple[PartKind, ...]] = ("churn", "contraction", "expansion")
"""Losses first: they are what somebody asks about."""


@dataclass(frozen=True, slots=True)
class Part:
    """One customer of the cohort: what it stood at when the window opened, and at its end at the opening's exchange rate, in micros."""

    customer: str
    opening: int
    end: int

    @property
    def change(self) -> int:
        """What it adds to the figure, negative for a loss."""
        return self.end - self.opening


def parts_of(customers: Sequence[Figures]) -> dict[PartKind, list[Part]]:
    """Those of the cohort whose ends differ, by kind, the largest change first. `customers` are figures by PER_CUSTOMER of one window
    and currency, of one segment at most; whoever is in several lines of it is one part a line, as it is in the figure."""
    out: dict[PartKind, list[Part]] = {kind: [] for kind in KINDS}
    for f in customers:
        name = values(f.segment)[-1] if "," in f.dimension else f.segment
        for kind in KINDS:
            amount = getattr(f, kind)
            if amount:
                sign = 1 if kind == "expansion" else -1
                out[kind].append(Part(name, f.opening, f.opening + sign * amount))
    return {kind: sorted(found, key=lambda part: (-abs(part.change), part.customer)) for kind, found in out.items()}
