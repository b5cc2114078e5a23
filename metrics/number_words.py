"""How amounts, rates, counts and time spans are written.

Short, exact enough not to contradict themselves, and without locale or markup: escaping belongs to whoever sends them.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from metrics.money import MICROS_PER_MAJOR, BookCurrency, exponent

_MINUS: Final = "\N{MINUS SIGN}"


def currency_name(currency: str) -> str:
    """The code of a currency, whether of what is billed in it or of the whole book."""
    return BookCurrency.of(currency).name


def decimal(value: Fraction, places: int) -> str:
    """The value rounded half-even to so many places, with thousands set apart and a true minus sign.

    >>> decimal(Fraction(1234567, 100), 1), decimal(Fraction(-1, 3), 2)
    ('12,345.7', '−0.33')
    """
    scaled = round(value * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    digits = f"{whole:,}" + (f".{rest:0{places}d}" if places else "")
    return f"{_MINUS}{digits}" if scaled < 0 else digits


_MOST_PLACES: Final = 5


def percent(ratio: Fraction, *, apart_from: Fraction | None = None) -> str:
    """A ratio as per cent with one place, or as many as it takes to differ from what it is compared with.

    >>> percent(Fraction(983, 1000)), percent(Fraction(1)), percent(Fraction(99996, 100000), apart_from=Fraction(1))
    ('98.3 %', '100 %', '99.996 %')
    """
    for places in range(1, _MOST_PLACES + 1):
        if apart_from is None or ratio == apart_from or decimal(ratio * 100, places) != decimal(apart_from * 100, places):
            break
    return _percent_to(ratio, places)


def percents_adding_up(value: Fraction, other: Fraction, *, apart_from: Fraction | None = None) -> tuple[str, str, str]:
    """Two ratios as per cent and by how many points they differ, to the fewest places at which a reader who subtracts finds the third,
    and sees that they differ if they do.

    `apart_from`: what the difference is compared with, and must not seem to equal.

    >>> percents_adding_up(Fraction(89_34, 10000), Fraction(99_55, 10000)), percents_adding_up(Fraction(9, 10), Fraction(1))
    (('89.34 %', '99.55 %', '10.21 points'), ('90 %', '100 %', '10 points'))
    """
    size = abs(value - other)
    for places in range(1, _MOST_PLACES + 1):
        scale = 100 * 10**places
        shown = abs(round(value * scale) - round(other * scale))
        apart = apart_from is None or size == apart_from or round(size * scale) != round(apart_from * scale)
        if shown == round(size * scale) and apart and (shown or value == other):
            break
    return _percent_to(value, places), _percent_to(other, places), points(size, _percent_to(size, places))


def _percent_to(ratio: Fraction, places: int) -> str:
    text = decimal(ratio * 100, places)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def points(size: Fraction, percents: str) -> str:
    """What was written as so much per cent, as points."""
    return percents.replace(" %", " point" if size == Fraction(1, 100) else " points")


def money(micros: Fraction | int, currency: str, places: int | None = None) -> str:
    """An amount to so many places; where nothing is said, in whole major units from 1,000 on, else to the currency's own places.

    >>> money(12_345_600_000, "all:usd"), money(49_990_000, "eur"), money(-1_000_000, "jpy"), money(12_345_600_000, "usd", 2)
    ('12,346 USD', '49.99 EUR', '−1 JPY', '12,345.60 USD')
    """
    major = Fraction(micros) / MICROS_PER_MAJOR
    code = currency_name(currency)
    if places is None:
        places = 0 if abs(major) >= 1000 or major == 0 else exponent(code)
    return f"{decimal(major, places)} {code}"


def signed_money(micros: int, currency: str, places: int | None = None) -> str:
    """An amount that is added, with its sign."""
    return f"+{money(micros, currency, places)}" if micros > 0 else money(micros, currency, places)


_WIDE: Final = 1_000_000


def places_alike(amounts: Iterable[int], currency: str) -> int:
    """To how many places amounts are written that stand in one list and add up: the currency's own, as on the command line; none
    where all of them are whole, or one is a million or more.

    >>> places_alike([20_643_720_000, -29_000_000], "usd"), places_alike([5_000_000_000, 0], "usd"), places_alike([10**13, 1], "usd")
    (2, 0, 0)
    """
    known = list(amounts)
    wide = any(abs(each) >= _WIDE * MICROS_PER_MAJOR for each in known)
    return 0 if wide or all(each % MICROS_PER_MAJOR == 0 for each in known) else exponent(currency_name(currency))


def duration(seconds: int) -> str:
    """A time span in the unit that a person would use."""
    if seconds < 2 * 3600:
        return counted(max(1, seconds // 60), "minute", "minutes")
    return f"{seconds // 3600} hours" if seconds < 3 * 86_400 else f"{seconds // 86_400} days"


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"
