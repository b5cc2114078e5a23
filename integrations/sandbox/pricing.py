"""The sandbox's own pricing: what an item costs for a period, and what it is worth a month.

Written from the definitions and from Stripe's documentation, and deliberately not from the product's code: two
independent readings that agree to the millionth are worth more than one reading used twice. Exact fractions throughout;
the one rounding is `round()` of a Fraction, which goes half to even.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Final

from integrations.sandbox.catalog import Catalog, Coupon, Price

_EXPONENT: Final = {"jpy": 0, "kwd": 3}
INCLUSIVE_TAX: Final = Fraction(25, 100)
"""The one inclusive tax rate: a fifth of the price, so that the share read off any whole line is exact."""
EXCLUSIVE_TAX: Final = Fraction(8, 100)


def micros_per_minor(currency: str) -> int:
    """How many micros one minor unit of `currency` is worth."""
    scale: int = 10 ** (6 - _EXPONENT.get(currency, 2))
    return scale


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


def months_in_period(price: Price) -> Fraction:
    """Months of one billing period: a week is 12/52 of a month, a day 12/365."""
    months = {
        "month": Fraction(1),
        "year": Fraction(12),
        "week": Fraction(12, 52),
        "day": Fraction(12, 365),
    }
    return months[price.interval or "month"] * price.interval_count


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


class Pricer:
    """Monthly values of item lists of one catalogue, remembered, since a business has far fewer of them than moments."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[object, tuple[tuple[int, int], ...]] = {}

    def monthly(
        self,
        items: tuple[tuple[str, int, tuple[str, ...]], ...],
        coupons: tuple[str, ...],
        currency: str,
    ) -> tuple[tuple[int, int], ...]:
        """(net, list) micros a month of each of `items` (price, quantity, item coupons) under the `coupons` of the whole.

        Metered prices are left out, `once` coupons take nothing off, an inclusive tax is taken out of both figures.
        """
        key = (items, coupons, currency)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._compute(items, coupons, currency)
        return known

    def _lasting(self, coupons: Sequence[str]) -> list[Coupon]:
        found = [self._catalog.coupons[coupon] for coupon in coupons]
        return [coupon for coupon in found if coupon.duration != "once"]

    def _compute(
        self, items: tuple[tuple[str, int, tuple[str, ...]], ...], coupons: tuple[str, ...], currency: str
    ) -> tuple[tuple[int, int], ...]:
        licensed = [item for item in items if not self._catalog.prices[item[0]].metered]
        prices = [self._catalog.prices[price] for price, _, _ in licensed]
        gross = [period_amount(price, currency, item[1]) for price, item in zip(prices, licensed, strict=True)]
        left = apply_discounts(
            gross,
            [price.product for price in prices],
            [self._lasting(item[2]) for item in licensed],
            self._lasting(coupons),
            currency,
        )
        unit = micros_per_minor(currency)
        out = []
        for price, before, after in zip(prices, gross, left, strict=True):
            taxless = 1 / (1 + INCLUSIVE_TAX) if price.tax_behavior == "inclusive" else Fraction(1)
            months = months_in_period(price)
            out.append((round(after * unit * taxless / months), round(before * unit * taxless / months)))
        return tuple(out)
