"""Which exchange rate a file was made with, told from its amounts: a rate on which most customers of a currency agree, close to ours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final

CLOSE: Final = Fraction(10, 100)
"""A rate further off from ours than that is none: what looks like it is another difference."""
ALONE: Final = Fraction(5, 100)
"""The same where a single customer tells of it."""
FAR: Final = Fraction(25, 100)
"""How far off a rate may be that holds on many days: one of a year ago may be."""
DAYS: Final = 3
"""On so many days one and the same rate is told by a single customer."""
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
    """The same for every currency and day; where a day's amounts don't tell, one rate that holds on most days of the file, if there is one."""
    found = {key: their_rate(theirs, ours.get(key)) for key, theirs in pairs.items()}
    for currency in {code for code, _ in pairs}:
        constant = _constant([(key, theirs) for key, theirs in pairs.items() if key[0] == currency], ours)
        if constant is not None:
            found |= {key: constant for key, rate in found.items() if key[0] == currency and rate is None}
    return {key: rate for key, rate in found.items() if rate is not None}


def _constant(
    of_days: Sequence[tuple[tuple[str, date], Sequence[Pair]]], ours: Mapping[tuple[str, date], Fraction]
) -> Fraction | None:
    """The one rate under which most amounts of a currency agree on DAYS days or more: a tool that never looked at another."""
    known = [(key, (held, shown, tolerance)) for key, theirs in of_days for held, shown, tolerance in theirs if held > 0 < shown]
    rates = [Fraction(shown, held) for _, (held, shown, _) in sorted(known, key=lambda each: -each[1][0])[:_MOST_TRIED]]
    best: tuple[int, Fraction] | None = None
    for rate in dict.fromkeys(rates):
        fits = {key for key, (held, shown, tolerance) in known if abs(held * rate - shown) <= tolerance}
        count = sum(abs(held * rate - shown) <= tolerance for _, (held, shown, tolerance) in known)
        far = any(key in ours and abs(rate / ours[key] - 1) > FAR for key in fits)
        if len(fits) >= DAYS and 2 * count > len(known) and not far and (best is None or count > best[0]):
            best = count, rate
    return None if best is None else best[1]
