"""How sure a figure is, in words: how many customers the book weighs like and why, and what a verdict means for the figure beside it."""

from collections.abc import Mapping
from fractions import Fraction
from math import exp
from typing import Any, Final

from metrics.alerts.evaluate import Reading
from metrics.alerts.inferred import INFERRED
from metrics.alerts.rules import Rule
from metrics.labels import metric_name
from metrics.number_words import counted, decimal, percent
from metrics.retention.analysis.certainty import COMPLEMENTS, FEWEST, HEADS, effective_customers, interval
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


def verdict_words(reading: Reading, rule: Rule) -> str:
    """The verdict on what lies beyond the rule's limit, in a sentence with its reason; empty where there is none to give."""
    figures = reading.figures
    if figures is not None and reading.why == INFERRED:
        return (
            "It could rest on changes alone that nothing dates exactly: they are dated at the first evidence of them, as a first read does. "
            'With `inferred = "count"` the rule rings all the same.'
        )
    if figures is None or reading.certainty is None:
        return ""
    size = _size(figures, rule)
    if reading.certainty == "too_few":
        return f"Too few to tell: {size}; of fewer than {FEWEST}, chance can't be told from change."
    bounds = interval(figures, rule.metric)
    range_ = "" if bounds is None else f"{_end(bounds.low)}\N{EN DASH}{_end(bounds.high)} %"
    if reading.certainty == "beyond_noise":
        if rule.change is None:
            return f"Beyond noise: {size}, and chance alone moves {metric_name(rule.metric)} within {range_}."
        return f"Beyond noise: {size}, and chance alone doesn't move two such windows so far apart."
    usual = _usual(reading)
    if usual:
        return f"Within noise: {usual}."
    return f"Within noise: {size}, and chance alone moves {metric_name(rule.metric)} within {range_}."


def _size(figures: Figures, rule: Rule) -> str:
    """How many there are to tell by: of logos each customer counts once, however large it is."""
    if COMPLEMENTS.get(rule.metric, rule.metric) in HEADS:
        return counted(figures.opening_customers, "customer", "customers")
    return weight(figures)


_IN_SHORT: Final = {"beyond_noise": "beyond noise", "within_noise": "within noise", "too_few": "too few to tell"}


def verdict_in_short(shown: Mapping[str, Any]) -> str:
    """The verdict in a few words, from what `content.shown` keeps of a reading; empty where there is none to give.

    >>> verdict_in_short({"certainty": "beyond_noise"}), verdict_in_short({"certainty": "beyond_noise", "why": "inferred"})
    ('beyond noise', 'could rest on inferred changes')
    """
    return "could rest on inferred changes" if shown.get("why") == INFERRED else _IN_SHORT.get(shown.get("certainty") or "", "")


def _end(bound: object) -> str:
    return decimal(Fraction(str(bound)) * 100, 0)


_HISTORY: Final = 6
"""Earlier windows from which on there is something usual."""
_RARE: Final = 0.1


def _usual(reading: Reading) -> str:
    """`1 of 100 customers left; a steady book like this one loses as many in 2 of 3 such windows`, from the book's own earlier windows."""
    *earlier, now = reading.series or (None,)
    if now is None or len(earlier) < _HISTORY:
        return ""
    lost = now.opening_customers - now.retained_customers
    mean = sum(f.opening_customers - f.retained_customers for f in earlier if f is not None) / len(earlier)
    if lost <= 0 or mean <= 0:
        return ""
    term, fewer = exp(-mean), 0.0
    for number in range(lost):
        fewer += term
        term *= mean / (number + 1)
    chance = 1 - fewer
    if chance < _RARE:
        return ""
    share = Fraction(chance).limit_denominator(5) or Fraction(1, 10)
    often = "nearly every such window" if share == 1 else f"{share.numerator} of {share.denominator} such windows"
    members = counted(now.opening_customers, "customer", "customers")
    return f"{lost:,} of {members} left, and a steady book like this one loses as many in {often}"
