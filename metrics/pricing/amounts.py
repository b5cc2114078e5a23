"""What a quantity of a price costs for one billing period, and how many months that period has.

Amounts are exact minor units of the currency. This module must not round, and knows neither discounts nor tax: see `metrics.pricing.pricing`.
Sources: Stripe's API reference on prices: `unit_amount_decimal` (twelve decimal places), `tiers[].up_to` ("up to and including"),
`transform_quantity` (before the quantity is multiplied), `currency_options`. What a month holds is the project's own definition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Final

from metrics.assigned import assigned
from metrics.evidence import InvoiceLine, Item, Price, Tier
from metrics.policy import Policy

_ZERO: Final = Fraction(0)
_ENDLESS: Final = 1 << 62


class Unpriceable(Exception):
    """An item can't be priced; `reason` is the stable word under which that is reported."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@assigned
@dataclass(frozen=True, slots=True)
class PeriodPart:
    """`count` times `each` minor units: a piece of an item's amount for one billing period."""

    count: int | Fraction
    each: Fraction
    flat: bool = False

    @property
    def amount(self) -> Fraction:
        """Minor units."""
        return self.count * self.each


def months_in_period(interval: str, count: int, policy: Policy) -> Fraction | None:
    """Months in one billing period of `count` intervals; None for an interval that nobody knows.

    A week is 12/52 and a day 12/365 of a month, unless the policy says four weeks or thirty days.
    """
    if count < 1:
        return None
    match interval:
        case "month":
            return Fraction(count)
        case "year":
            return Fraction(12 * count)
        case "week":
            return count * (Fraction(12, 52) if policy.weeks == "52/12" else Fraction(1, 4))
        case "day":
            return count * (Fraction(12, 365) if policy.days == "365/12" else Fraction(1, 30))
    return None


def interval_label(price: Price) -> str:
    """How often a price is billed, in words: month, year, 3 months."""
    return price.interval if price.interval_count == 1 or not price.interval else f"{price.interval_count} {price.interval}s"


def quantity_of(item: Item) -> int | Fraction | None:
    """How many of its price an item has: whole nearly always, exact where it is not."""
    return item.quantity if item.quantity_decimal is None else Fraction(item.quantity_decimal)


def period_parts(price: Price, currency: str, quantity: int | Fraction | None) -> tuple[PeriodPart, ...]:
    """The pieces of what `quantity` of a price costs for one billing period, in minor units of `currency`.

    Graduated tiers: a piece for each tier that a unit falls into and one for its flat amount, so that a quantity of 0 costs nothing.
    Volume tiers: the one tier that holds the quantity, for all units. Raises Unpriceable when the price doesn't say.
    """
    if quantity is None or quantity < 0:
        raise Unpriceable("quantity_missing")
    unit, tiers = in_currency(price, currency)
    if price.scheme == "tiered":
        return _tiered(price.tiers_mode, tiers, quantity)
    if price.scheme != "per_unit":
        raise Unpriceable("scheme_unknown")
    if unit is None:
        raise Unpriceable("unit_unknown")
    if unit < 0:
        raise Unpriceable("unit_negative")
    return (PeriodPart(_transformed(price, quantity), Fraction(unit)),)


def in_currency(price: Price, currency: str) -> tuple[Decimal | None, tuple[Tier, ...] | None]:
    """The unit amount and the tiers of a price in `currency`, be it its own or one of its options. Raises Unpriceable."""
    if currency.lower() == price.currency.lower():
        return price.unit, price.tiers
    for option in price.options:
        if option.currency.lower() == currency.lower():
            return option.unit, option.tiers
    raise Unpriceable("currency_unknown")


def _transformed(price: Price, quantity: int | Fraction) -> int | Fraction:
    if price.transform is None:
        return quantity
    by, rounding = price.transform.divide_by, price.transform.rounding
    if by < 1 or rounding not in ("up", "down"):
        raise Unpriceable("transform_unknown")
    return -(-quantity // by) if rounding == "up" else quantity // by


def _tiered(mode: str | None, tiers: Sequence[Tier] | None, quantity: int | Fraction) -> tuple[PeriodPart, ...]:
    steps = sorted(tiers or (), key=_bound)
    bounds = [_bound(tier) for tier in steps]
    if mode not in ("graduated", "volume") or not steps or quantity > bounds[-1] or len(set(bounds)) < len(bounds):
        raise Unpriceable("tiers_unknown")
    if any((tier.unit or 0) < 0 or (tier.flat or 0) < 0 for tier in steps):
        raise Unpriceable("unit_negative")
    parts: list[PeriodPart] = []
    below = 0
    for tier in steps:
        inside = quantity <= _bound(tier)
        if mode == "graduated" or inside:
            count = min(quantity, _bound(tier)) - below if mode == "graduated" else quantity
            parts.append(PeriodPart(count, Fraction(tier.unit or 0)))
            if tier.flat and (count or mode == "volume"):
                parts.append(PeriodPart(1, Fraction(tier.flat), flat=True))
        if inside:
            break
        below = _bound(tier)
    return tuple(parts)


def _bound(tier: Tier) -> int:
    return _ENDLESS if tier.up_to is None else tier.up_to


def quantity_behind(lines: Sequence[tuple[int | Decimal | None, int]], price: Price | None, currency: str) -> int | Decimal | None:
    """The quantity of an item that was billed as several `lines` (exact quantity, minor units) for one period.

    A tiered price is billed as a line for each tier and one for each flat amount, whose quantity may say anything. The price decides:
    the quantity that it prices at what was billed, each line rounded. Where none fits (prorations, unknown tiers), the units on lines
    that are no tier's flat amount are added up. None when no line states a quantity.
    """
    known = [(quantity, amount) for quantity, amount in lines if quantity is not None]
    if not known:
        return None
    flats = _flat_amounts(price, currency)
    doubtful = [quantity for quantity, amount in known if any(2 * abs(abs(amount) - flat) <= 1 for flat in flats)]
    units = sum(quantity for quantity, _ in known) - sum(doubtful)
    billed = sum(amount for _, amount in lines)
    candidates = [units + sum(some) for size in range(len(doubtful) + 1) for some in combinations(doubtful, size)]
    candidates = list(dict.fromkeys((*candidates, max(quantity for quantity, _ in known))))
    if candidates == [units]:
        return units  # nothing to decide
    for candidate in candidates:
        if price is not None and _costs(price, currency, candidate, billed, len(lines)):
            return candidate
    return units


def fraction_behind(line: InvoiceLine, price: Price | None, told: Iterable[Decimal]) -> Decimal | None:
    """Which of the exact quantities `told` elsewhere a line bills whose quantity was told cut to a whole number: the one that its amount comes to.

    None where the whole number itself comes to it, or none of them does.
    """
    whole = line.quantity
    if price is None or whole is None or line.proration or _costs(price, line.currency, whole, line.amount, 1):
        return None
    return next(
        (exact for exact in sorted(told) if int(exact) == whole and _costs(price, line.currency, Fraction(exact), line.amount, 1)),
        None,
    )


def _flat_amounts(price: Price | None, currency: str) -> list[Fraction]:
    try:
        _, tiers = in_currency(price, currency) if price else (None, None)
    except Unpriceable:
        tiers = None
    return [Fraction(tier.flat) for tier in tiers or () if tier.flat]


def _costs(price: Price, currency: str, quantity: int | Decimal | Fraction, billed: int, lines: int) -> bool:
    try:
        parts = period_parts(price, currency, Fraction(quantity))
    except Unpriceable:
        return False
    return 2 * abs(sum((part.amount for part in parts), _ZERO) - billed) <= lines
