"""How sure a figure is, in words: how many customers the book weighs like and why, and what a verdict means for the figure beside it."""

from fractions import Fraction
from typing import Final

from metrics.alerts.words import counted, decimal, percent
from metrics.retention.certainty import effective_customers
from metrics.retention.figures import TOP, Figures, ratio

_NEARLY: Final = Fraction(95, 100)
"""A book that weighs like so much of its number isn't lopsided."""


def weight(figures: Figures) -> str:
    """`your 100 customers weigh like 32: the ten largest hold 58 %`; the number alone where they are about of one size, or nobody knows."""
    number = figures.opening_customers
    members = counted(number, "customer", "customers")
    size = effective_customers(figures)
    if size is None or size >= number * _NEARLY:
        return members
    share = ratio(figures, "concentration") if number > TOP else None
    largest = "" if share is None else f": the ten largest hold {percent(round(share, 2))}"
    return f"the {members} weigh like {decimal(size, 0)} of one size{largest}"
