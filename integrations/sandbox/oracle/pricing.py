"""What items are worth a month, worked out the long way: unit by unit, coupon by coupon, product by product.

Written from the definitions alone. The simulator has an arithmetic of its own for its invoices (`simulator.pricing`), and the product has
another: three readings that agree to the millionth are worth more than one used three times. Exact fractions, one rounding at the end.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

from integrations.sandbox.simulator.catalog import Catalog, Coupon, Price

MINOR_UNITS: Final = {"jpy": 1, "kwd": 1_000}
"""How many minor units make one of the currency's own, where it isn't a hundred."""
TAX_INSIDE: Final = Fraction(1, 5)
"""The part of an inclusive price that is tax, at the sandbox's one rate of 25 %."""


class Piece(NamedTuple):
    """One item: the key of its price, how many, and the keys of its own coupons in their order."""

    price: str
    quantity: int
    coupons: tuple[str, ...]


def micros_of(catalog: Catalog, currency: str, pieces: Sequence[Piece], whole: Sequence[str]) -> list[tuple[int, int]]:
    """(net, list) micros a month of each of `pieces`, all licensed, under the coupons of the whole. A `once` coupon takes nothing off."""
    prices = [catalog.prices[piece.price] for piece in pieces]
    full = [for_one_period(price, currency, piece.quantity) for price, piece in zip(prices, pieces, strict=True)]
    left = list(full)
    for number, piece in enumerate(pieces):
        for key in piece.coupons:
            _take(catalog.coupons[key], left, [number], prices, currency)
    for key in whole:
        _take(catalog.coupons[key], left, range(len(left)), prices, currency)
    return [
        (_a_month(net, price, currency), _a_month(gross, price, currency))
        for net, gross, price in zip(left, full, prices, strict=True)
    ]


@cache
def for_one_period(price: Price, currency: str, quantity: int) -> Fraction:
    """Minor units for one billing period: every unit is put into its tier by hand."""
    unit, tiers = price.in_currency(currency)
    if not tiers:
        packs = quantity
        if price.divide_by is not None:
            packs = -(-quantity // price.divide_by) if price.rounding == "up" else quantity // price.divide_by
        return packs * Fraction(unit or 0)
    tier_of = [next(n for n, tier in enumerate(tiers) if tier.up_to is None or one <= tier.up_to) for one in range(1, quantity + 1)]
    if price.tiers_mode == "volume":
        tier_of = [tier_of[-1]] * quantity
    return sum((Fraction(tiers[n].unit) for n in tier_of), Fraction(0)) + sum(Fraction(tiers[n].flat) for n in set(tier_of))


def _take(coupon: Coupon, left: list[Fraction], reach: Sequence[int], prices: Sequence[Price], currency: str) -> None:
    """Take a coupon off what is left of the items in `reach` that it is for."""
    if coupon.duration == "once":
        return
    inside = [n for n in reach if coupon.products == () or any(prices[n].product == product for product in coupon.products)]
    sum_left = sum((left[n] for n in inside), Fraction(0))
    for n in inside:
        if coupon.percent is not None:
            left[n] -= left[n] * Fraction(coupon.percent) / 100
        elif sum_left:
            off = next((Fraction(amount) for code, amount in coupon.amounts if code == currency), Fraction(0))
            left[n] -= left[n] / sum_left * min(off, sum_left)


def _a_month(amount: Fraction, price: Price, currency: str) -> int:
    """Minor units for a billing period as micros a month without tax, half to even."""
    a_year = {"day": 365, "week": 52, "month": 12, "year": 1}[price.interval or "month"]
    exact = amount * a_year / price.interval_count / 12 * 1_000_000 / MINOR_UNITS.get(currency, 100)
    if price.tax_behavior == "inclusive":
        exact -= exact * TAX_INSIDE
    below = exact.numerator // exact.denominator
    rest = exact - below
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1)
    return below + up
