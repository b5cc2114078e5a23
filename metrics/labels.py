"""What people call what Stripe names by ids: a plan, a product, an account.

Words are for reading only. Segments, keys and movements carry the ids, which never change; a name may be given anew at any time.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from metrics.dimensions import parts, values
from metrics.evidence import Catalog, Price, Product
from metrics.money import MICROS_PER_MAJOR, exponent, minor_to_micros
from metrics.pricing.amounts import interval_label

PLAN: Final = "plan"
PRODUCT: Final = "product"
ACCOUNT: Final = "account"

Names = Mapping[tuple[str, str], str]
"""Words by dimension (plan, product, account) and id."""


def names_of(catalog: Catalog) -> Iterator[tuple[tuple[str, str], str]]:
    """The words for every plan and product of a catalog that has any."""
    for product in catalog.products.values():
        if product.name:
            yield (PRODUCT, product.id), product.name
    for price in catalog.prices.values():
        words = plan_words(price, catalog.products.get(price.product))
        if words:
            yield (PLAN, price.id), words


def plan_words(price: Price, product: Product | None) -> str | None:
    """A price as people speak of it: its product's name with its nickname, else with what it costs; None if nobody named it."""
    name = (product.name if product is not None else None) or None
    if price.nickname:
        return price.nickname if name is None or name.lower() in price.nickname.lower() else f"{name}, {price.nickname}"
    return None if name is None else f"{name}, {_cost(price)}"


def _cost(price: Price) -> str:
    every = "a" if price.interval_count == 1 else "every"
    how_often = f"{every} {interval_label(price)}" if price.kind == "recurring" else "once"
    if price.scheme == "tiered":
        return f"in tiers, {price.currency.upper()} {how_often}"
    if price.unit is None:
        return f"{price.currency.upper()} {how_often}"
    unit = _plain(minor_to_micros(price.unit, price.currency) / MICROS_PER_MAJOR, exponent(price.currency))
    of = "" if price.transform is None else f" for {price.transform.divide_by}"
    used = " by use" if price.usage == "metered" else ""
    return f"{unit} {price.currency.upper()}{of}{used} {how_often}"


def _plain(amount: Fraction, places: int) -> str:
    """An amount of a price to its last digit, with at least the currency's places."""
    text = f"{Decimal(amount.numerator) / Decimal(amount.denominator):f}"
    whole, _, digits = text.partition(".")
    digits = digits.rstrip("0").ljust(places, "0")
    return f"{whole}.{digits}" if digits else whole


def segment_words(dimension: str, segment: str, names: Names) -> str:
    """A segment in words; what has none is shown as it is."""
    named = parts(dimension)
    if len(named) < 2:
        return names.get((dimension, segment), segment)
    return ", ".join(names.get((part, value), value) for part, value in zip(named, values(segment), strict=True))
