"""Money as integer micros, and the one rounding.

Amounts inside the product are integers: millionths of a currency's major unit. Stripe's amounts are minor units whose size
depends on the currency, and its decimal amounts have up to twelve places, so a price stays an exact fraction until one item's
monthly amount is fixed; that is the only place that rounds. This module must never meet a float.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, NewType

Micros = NewType("Micros", int)
"""Millionths of the major unit of one currency."""

MICROS_PER_MAJOR: Final = 1_000_000
MOST_MICROS: Final = 1 << 62
"""The largest amount that is counted with: 64 bits hold it, and one more of its size."""

MOST_OF_A_CUSTOMER: Final = 1 << 56
"""The most that one customer may stand at or move: 72 thousand million of the major unit, and a hundred such still add up in 64 bits."""

# Stripe's own lists: https://docs.stripe.com/currencies (zero-decimal and three-decimal currencies). ISK and UGX became zero-decimal
# at the bank but stay two-decimal in Stripe's API, so they are not in the first list: Stripe wants them as two-decimal amounts.
ZERO_DECIMAL: Final = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


WHOLE_BOOK: Final = "all:"


@dataclass(frozen=True, slots=True)
class BookCurrency:
    """What the money of a book is in: what is billed in `code`, or (`whole_book`) everything, expressed in it.

    As text, which is how it is stored, `usd` or `all:usd`. Nobody else puts such a text together or takes it apart.

    >>> BookCurrency.of("all:usd"), str(BookCurrency("usd", whole_book=True)), BookCurrency.of("eur").name
    (BookCurrency(code='usd', whole_book=True), 'all:usd', 'EUR')
    """

    code: str
    whole_book: bool = False

    @classmethod
    def of(cls, text: str) -> "BookCurrency":
        """What a stored text says."""
        return cls(text.removeprefix(WHOLE_BOOK), text.startswith(WHOLE_BOOK))

    @property
    def name(self) -> str:
        """The code as people write it."""
        return self.code.upper()

    def __str__(self) -> str:
        return f"{WHOLE_BOOK}{self.code}" if self.whole_book else self.code


def exponent(currency: str) -> int:
    """Decimal places of the minor unit in which Stripe states amounts of `currency`."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def micros_per_minor(currency: str) -> int:
    """How many micros one minor unit of `currency` is."""
    return int(MICROS_PER_MAJOR // 10 ** exponent(currency))


def minor_to_micros(amount: int | Decimal | Fraction, currency: str) -> Fraction:
    """The exact micros, not yet rounded, of `amount` minor units of `currency`."""
    return Fraction(amount) * micros_per_minor(currency)


def round_micros(amount: Fraction) -> Micros:
    """The one rounding: half to even, to whole micros."""
    return Micros(round(amount))


def major_text(micros: int, currency: str) -> str:
    """`micros` as a decimal string in major units, exact, with at least the currency's own decimal places.

    >>> major_text(49_990_000, "usd"), major_text(8_333_333, "usd"), major_text(1_000_000, "jpy")
    ('49.99', '8.333333', '1')
    """
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), MICROS_PER_MAJOR)
    places = exponent(currency)
    digits = f"{rest:06d}".rstrip("0").ljust(places, "0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def ratio_text(numerator: int, denominator: int, places: int = 6) -> str | None:
    """The ratio as a decimal string rounded half-even to `places`, or None when there is nothing to divide by."""
    if denominator == 0:
        return None
    scaled = round(Fraction(numerator * 10**places, denominator))
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{sign}{whole}.{rest:0{places}d}"
