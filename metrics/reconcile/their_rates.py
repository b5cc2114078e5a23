"""Which exchange rate a file was made with, told from its amounts: a rate on which most customers of a currency agree, close to ours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final

CLOSE: Final = Fraction(10, 100)
"""A rate further off from ours than that is none: what looks like it is another difference."""
ALONE: Final = Fraction(5, 100)
"""The same where a single customer tells of it."""
_MOST_TRIED: Final = 60

Pair = tuple[int, int, int]
"""What one customer holds in the foreign currency, what the file shows for it in its own, and how much of that is rounding (micros)."""


def their_rate(pairs: Iterable[Pair], ours: Fraction | None) -> Fraction | None:
    """What one unit of a currency was worth on a day to whoever made the file; None where its amounts don't agree on one.

    With a rate of `ours` theirs must be close to it. Without one at least two customers must agree, and they must be most of them.
    """
    all_pairs = [pair for pair in pairs if pair[0] > 0 and pair[1] > 0]
    tried = sorted(all_pairs, key=lambda pair: -pair[0])[:_MOST_TRIED]
    best, agreed = None, 0
    for held, shown, _ in tried:
        rate = Fraction(shown, held)
        if ours and abs(rate / ours - 1) > CLOSE:
            continue
        count = sum(abs(h * shown - s * held) <= tolerance * held for h, s, tolerance in tried)
        if count > agreed:
            best, agreed = rate, count
    if best is None or not (2 * agreed > len(tried)):
        return None
    if agreed == 1:
        return best if ours and abs(best / ours - 1) <= ALONE else None
    return best


def their_rates(
    pairs: Mapping[tuple[str, date], Sequence[Pair]], ours: Mapping[tuple[str, date], Fraction]
) -> dict[tuple[str, date], Fraction]:
    """The same for every currency and day."""
    found = {key: their_rate(theirs, ours.get(key)) for key, theirs in pairs.items()}
    return {key: rate for key, rate in found.items() if rate is not None}
