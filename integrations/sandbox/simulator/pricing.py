"""What the simulated business bills: an item's amount for a period, and what coupons leave of it.

Exact fractions of minor units; an invoice line rounds them. What an item is worth a month is the oracle's business, with an arithmetic
of its own.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Final

from integrations.sandbox.simulator.catalog import Coupon, Price

INCLUSIVE_TAX: Final = Fraction(25, 100)
"""The one inclusive tax rate: a fifth of the price, so that the share read off any whole line is exact."""
EXCLUSIVE_TAX: Final = Fraction(8, 100)


@cache
def tier_parts(price: Price, currency: str, quantity: int) -> tuple[tuple[str, int, Fraction], ...]:
    """How an invoice splits a tiered amount: (label, quantity, amount in minor units) for each part.

    Graduated gives a part per tier touched and one for each flat amount; volume gives the one tier and its flat amount.
    """
    _, tiers = price.in_currency(currency)
    parts: list[tuple[str, int, Fraction]] = []
    below = 0
    for number, tier in enumerate(tiers, 1):
        inside = tier.up_to is None or quantity <= tier.up_to
        if price.tiers_mode == "graduated":
            here = quantity - below if inside else (tier.up_to or 0) - below
            if here > 0:
                parts.append((f"Tier {number}", here, here * Fraction(tier.unit)))
                if Fraction(tier.flat):
                    parts.append((f"Tier {number} flat fee", 0, Fraction(tier.flat)))
        elif inside:
            parts.append((f"Tier {number}", quantity, quantity * Fraction(tier.unit)))
            if Fraction(tier.flat):
                parts.append((f"Tier {number} flat fee", 0, Fraction(tier.flat)))
        if inside:
            break
        below = tier.up_to or 0
    return tuple(parts)


@cache
def period_amount(price: Price, currency: str, quantity: int) -> Fraction:
    """Minor units for one billing period of `quantity` at `price`, before discounts, with inclusive tax still inside."""
    unit, tiers = price.in_currency(currency)
    if tiers:
        return sum((amount for _, _, amount in tier_parts(price, currency, quantity)), Fraction(0))
    if price.divide_by is not None:
        whole, rest = divmod(quantity, price.divide_by)
        quantity = whole + (1 if rest and price.rounding == "up" else 0)
    return Fraction(unit or "0") * quantity


def _amount_off(coupon: Coupon, currency: str) -> int:
    return dict(coupon.amounts).get(currency, 0)


def apply_discounts(
    amounts: Sequence[Fraction],
    products: Sequence[str],
    item_coupons: Sequence[Sequence[Coupon]],
    whole_coupons: Sequence[Coupon],
    currency: str,
) -> list[Fraction]:
    """What is left of each item's amount: item coupons first, then those of the whole, each on what the last one left.

    An amount off the whole is shared in proportion to what is left of the items that the coupon covers; nothing falls below zero.
    """
    left = list(amounts)
    for number, coupons in enumerate(item_coupons):
        for coupon in coupons:
            if coupon.products and products[number] not in coupon.products:
                continue
            if coupon.percent is not None:
                left[number] *= 1 - Fraction(coupon.percent) / 100
            else:
                left[number] = max(Fraction(0), left[number] - _amount_off(coupon, currency))
    for coupon in whole_coupons:
        covered = [n for n, product in enumerate(products) if not coupon.products or product in coupon.products]
        if coupon.percent is not None:
            for number in covered:
                left[number] *= 1 - Fraction(coupon.percent) / 100
            continue
        total = sum((left[number] for number in covered), Fraction(0))
        if total:
            kept = 1 - min(Fraction(_amount_off(coupon, currency)), total) / total
            for number in covered:
                left[number] *= kept
    return left
