"""What part of what is invoiced lies outside subscriptions: what nrr doesn't see, and the words for it.

The share is of lines of invoices, before tax and after the discounts on them: (outside less its discounts) ÷ (all lines less all discounts).
Credit notes are left out of both: what is taken back later is no part of what was invoiced in that month.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from metrics.billings import classes

ABOVE: Final = Fraction(1, 10)
"""The share above which it is said wherever figures go out, unless a setting says otherwise."""
RISE: Final = Fraction(5, 100)
"""So much more than the month before is said as well."""


@dataclass(frozen=True, slots=True)
class Share:
    """Amounts of one currency (of any one unit), and what they are shares of."""

    outside: int
    everything: int

    @property
    def ratio(self) -> Fraction | None:
        """The share outside subscriptions; None where nothing was invoiced, or more was given back than billed."""
        return Fraction(self.outside, self.everything) if self.everything > 0 else None


def share_of(amounts: Mapping[str, int], outside_discount: int) -> Share:
    """The share of amounts by class (those of CLASSES), of which `outside_discount` was taken off lines outside."""
    lines = sum(amounts.get(name, 0) for name in classes.LINES)
    outside = amounts.get(classes.OUTSIDE, 0) - outside_discount
    return Share(outside, lines + amounts.get(classes.DISCOUNT, 0))


def sees(share: Share) -> Fraction | None:
    """What part of what is invoiced lies on subscriptions' invoices (one-off charges there and lines that can't be told too), where that is known."""
    ratio = share.ratio
    return None if ratio is None else 1 - ratio


def added(shares: Iterable[Share]) -> Share:
    """Shares of one currency, or of one in which all are expressed, as one."""
    every = list(shares)
    return Share(sum(each.outside for each in every), sum(each.everything for each in every))


def worth_saying(now: Share, before: Share | None, above: Fraction = ABOVE, rise: Fraction = RISE) -> bool:
    """Whether the share is so large, or so much larger than the month before, that a reader of figures must know."""
    ratio = now.ratio
    if ratio is None:
        return False
    previous = None if before is None else before.ratio
    return ratio > above or (previous is not None and ratio - previous >= rise)
