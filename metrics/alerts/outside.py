"""The words for what lies outside subscriptions, for messages: said when it is large or has grown, and never else."""

from datetime import date
from fractions import Fraction

from metrics.number_words import percent


def sentence(month: date, ratio: Fraction, before: Fraction | None, currency: str | None = None) -> str:
    """What part of what was invoiced nrr doesn't see; `currency` where there are several.

    >>> sentence(date(2026, 5, 1), Fraction(1, 8), Fraction(1, 20))
    '12.5 % of what was invoiced in May 2026 lies outside subscriptions (5 % the month before): no figure here has it.'
    """
    of = f" in {currency.upper()}" if currency else ""
    earlier = "" if before is None else f" ({percent(before)} the month before)"
    return f"{percent(ratio)} of what was invoiced{of} in {month:%B %Y} lies outside subscriptions{earlier}: no figure here has it."
