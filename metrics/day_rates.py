"""Exchange rates of one day, in whole numbers and without frames: for whoever values a few amounts and waits for the answer.

The rules are those of `metrics.exchange_rates`, which has them for many days at once; the tests hold the two together.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

DIGITS: Final = 12
"""The most digits of a quoted rate: with more, an amount times a cross rate might not fit into 128 bits."""
OLD_DAYS: Final = 4
"""A weekend with a holiday at each end: so old the last rate that was published may be."""
_PLAIN: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)

Ratio = tuple[int, int]
"""numerator and denominator: one major unit of a currency was worth numerator ÷ denominator major units of another."""


def rates_of_day(quotes: Iterable[tuple[str, str, str]], reporting: str) -> dict[str, Ratio]:
    """What one of each currency is worth in `reporting`, from the last quotes (unit, currency, rate) on or before a day, one a pair.

    Straight quotes go before inverted ones, and those before the way across the first unit that has both. Codes are taken in lower case;
    `reporting` itself is 1. Raises ValueError for a rate that is not a plain decimal above 0 of at most DIGITS digits.

    >>> rates_of_day([("eur", "usd", "1.25"), ("eur", "gbp", "0.8")], "usd")
    {'usd': (1, 1), 'eur': (125, 100), 'gbp': (1250, 800)}
    """
    home = reporting.lower()
    exact = {(unit.lower(), currency.lower()): _exact(unit, currency, rate) for unit, currency, rate in quotes}
    found: dict[str, Ratio] = {home: (1, 1)}
    for (unit, currency), (numerator, denominator) in exact.items():
        if currency == home and unit != home:
            found[unit] = (numerator, denominator)
    for (unit, currency), (numerator, denominator) in exact.items():
        if unit == home:
            found.setdefault(currency, (denominator, numerator))
    for unit, currency in sorted(exact):
        if unit != home and currency != home and (unit, home) in exact:
            (homes, of_home), (others, of_other) = exact[unit, home], exact[unit, currency]
            found.setdefault(currency, (homes * of_other, of_home * others))
    return found


def _exact(unit: str, currency: str, rate: str) -> Ratio:
    text = rate.strip()
    whole, _, places = text.partition(".")
    if not _PLAIN.fullmatch(text) or len(whole + places) > DIGITS or int(whole + places) <= 0:
        raise ValueError(bad_rate(unit.lower(), currency.lower(), rate))
    return int(whole + places), 10 ** len(places)


def bad_rate(unit: str, currency: str, rate: str, day: date | None = None) -> str:
    """What is said of a rate that can't be used."""
    when = f" on {day}" if day else ""
    return f"the rate of {currency} for one {unit}{when} must be a decimal above 0 of at most {DIGITS} digits, not {rate!r}"


def worth(micros: int, rate: Ratio) -> int:
    """`micros` at a rate, rounded half-even to whole micros.

    >>> [worth(micros, (1, 2)) for micros in (1, 2, 3, -1, -3)]
    [0, 1, 2, 0, -2]
    """
    numerator, denominator = rate
    whole, left = divmod(micros * numerator, denominator)
    return whole + (2 * left > denominator or (2 * left == denominator and whole % 2 == 1))


def outdated(newest: date | None, day: date, reporting: str, *, since: str = "ago") -> str | None:
    """What to say of rates whose newest day is too long before `day`, in a sentence; None where they are of these days, or none is needed.

    `since` is what `day` is called: today's is `ago`, another's such as `before 2026-03-31`.
    """
    if newest is None or (day - newest).days <= OLD_DAYS:
        return None
    return (
        f"Exchange rates end on {newest}, {(day - newest).days} days {since}: amounts in {reporting.upper()} of later days use that day's. "
        "Newer ones: nrr rates fetch"
    )
