"""Sign-up cohorts: what became, month after month, of those who came in one month.

A triangle is read off the month windows' figures by sign-up month, so it is stored, versioned and added up like every other figure, and its
rows add up to the whole. Nothing is computed here but shares.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from metrics.money import ratio_text
from metrics.periods import add_months
from metrics.retention.figures import Figures

DIMENSION: Final = "signup"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cohort at the closing of the month that lies `age` months after its sign-up month. Micros of the cohort's currency."""

    age: int
    month: date
    customers: int
    micros: int
    logo_retention: str | None
    """Customers there ÷ customers that signed up, as a decimal text; None where nobody signed up in this currency."""
    revenue_retention: str | None
    """MRR ÷ the MRR that the cohort arrived with, as a decimal text; None where it arrived with nothing."""
    incomplete: bool


@dataclass(frozen=True, slots=True)
class Cohort:
    """Those whose first movement was in the month `signup` (its first day), in one currency (`all:usd`: the whole book).

    `logos` signed up, with `arrived_micros` of MRR as movements at their own day's rate. A cell's MRR is that at its month's closing, so age 0 has lost already
    who left within the first month, and can be above what arrived.
    """

    signup: date
    currency: str
    logos: int
    arrived_micros: int
    cells: tuple[Cell, ...]


def triangles(figures: Iterable[Figures]) -> list[Cohort]:
    """The cohorts in `figures`, of which those of months by sign-up month are used, in order of currency and sign-up month.

    Each reaches from its sign-up month to the last month that there are figures of; a month in which nothing of it is left is a cell of zeros.
    """
    found: dict[tuple[str, date], dict[date, Figures]] = {}
    ends: dict[str, dict[date, bool]] = {}
    for f in figures:
        if f.kind != "month" or f.dimension not in (DIMENSION, ""):
            continue
        ends.setdefault(f.currency, {})[f.first] = f.incomplete
        if f.dimension == DIMENSION and f.segment[:4].isdigit():
            found.setdefault((f.currency, _month(f.segment)), {})[f.first] = f
    return [_cohort(currency, signup, months, ends[currency]) for (currency, signup), months in sorted(found.items())]


def _month(segment: str) -> date:
    return date.fromisoformat(f"{segment}-01")


def _cohort(currency: str, signup: date, months: Mapping[date, Figures], ends: Mapping[date, bool]) -> Cohort:
    first = months.get(signup)
    logos, arrived = (first.new_logos, first.new) if first is not None else (0, 0)
    cells, month, age = [], signup, 0
    while month <= max(ends):
        f = months.get(month)
        customers, micros = (f.closing_customers, f.closing) if f is not None else (0, 0)
        cells.append(Cell(age, month, customers, micros, _share(customers, logos), _share(micros, arrived), ends.get(month, False)))
        month, age = add_months(month, 1), age + 1
    return Cohort(signup, currency, logos, arrived, tuple(cells))


def _share(part: int, whole: int) -> str | None:
    return ratio_text(part, whole) if whole else None
