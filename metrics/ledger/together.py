"""Whether customers can be added up: sums of money are kept in 64 bits, and each customer within its own bound may still be one of many.

Whoever is too large beside the others is left out, the largest first, so that the sums of the rest are right: a sum that leaves its 64 bits
would come out as some other number, and nothing would say so. Nothing here reads or writes; amounts are floats, since only their size counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from metrics.entries import CustomerLedger
from metrics.evidence import Finding
from metrics.finding_words import CANNOT_ADD_UP

MOST_TOGETHER: Final = float((1 << 63) - (1 << 59))
"""Micros that all customers may stand at together, in one currency or in the reporting one, and that they may have moved together over all
time: what moved in a window is a part of it. What is missing to 64 bits is the room of those who are not looked at one by one."""


@dataclass(frozen=True, slots=True)
class Weight:
    """The most that a customer ever stood at in a currency, and what it moved in all: micros, without a sign."""

    customer: str
    currency: str
    stands: float
    moves: float


def too_heavy(weights: Iterable[Weight], rates: Mapping[str, float]) -> list[str]:
    """The customers to leave out so that the others' sums hold, the largest first.

    `rates` are the highest rates of each currency into the reporting one; there are none where figures are in the billed currencies alone.
    """
    every = list(weights)
    out: list[str] = []
    for size in ("stands", "moves"):
        sums: dict[str, float] = defaultdict(float)
        worth: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for each in every:
            amount: float = getattr(each, size)
            for book, value in ((each.currency, amount), ("all", amount * rates.get(each.currency, 0.0))):
                sums[book] += value
                worth[book][each.customer] += value
        for book in sorted(sums):
            for customer in sorted(worth[book], key=lambda name: (-worth[book][name], name)):
                if sums[book] <= MOST_TOGETHER:
                    break
                sums[book] -= worth[book][customer]
                out.append(customer)
    return list(dict.fromkeys(out))


def left_out(account: int, customer: str) -> CustomerLedger:
    """What is held of a customer that is too large beside the others: that, and no movement."""
    detail = (
        "nothing is counted of this customer: it and others come to more than can be added up. Look for an absurd quantity or amount; "
        "when the others are smaller again it is counted after `nrr rebuild`"
    )
    finding = Finding(account, customer, CANNOT_ADD_UP, detail, customer, severity="error")
    return CustomerLedger(customer, (), (), (), (finding,), ())
