"""How an item's monthly amount came about, in words that a finance person can check with a pocket calculator.

    49.99 USD × 3 ÷ 1 month − 20 % (coupon SAVE20) = 119.976 USD a month

The sentence is made from the same pieces as the figure (`metrics.pricing.pricing`), so the two can't drift apart, and only when somebody asks:
pricing itself never pays for it. This module must not compute money of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from metrics.evidence import Discount, Instant, Price, Subscription
from metrics.money import exponent, major_text, minor_to_micros
from metrics.policy import Policy
from metrics.pricing.amounts import PeriodPart
from metrics.pricing.catalog import Catalog
from metrics.pricing.discounts import Cut, take_off
from metrics.pricing.pricing import NO_SHARES, PricedItem, Rated, price_subscription, rate_items

_WHY: Final = {
    "unknown_price": "nobody knows this price",
    "quantity_missing": "its quantity is not known",
    "currency_unknown": "the price has no amount in the subscription's currency",
    "unit_unknown": "the price states no unit amount",
    "tiers_unknown": "its tiers are not known",
    "transform_unknown": "nobody knows how its quantity is to be divided",
    "scheme_unknown": "nobody knows its billing scheme",
    "interval_unknown": "nobody knows its billing interval",
    "amount_out_of_bounds": "its quantity times its price is more than can be counted with",
    "price_type_unknown": "nobody knows whether it is billed once or again and again",
    "usage_unknown": "nobody knows whether it is charged by quantity or by usage",
    "unit_negative": "it charges less than nothing, which no price of Stripe's does",
    "one_off": "billed once, not recurring",
    "metered": "metered, so its usage is shown apart",
    "item_trial": "on a trial of its own",
}
_EACH: Final = {Fraction(12, 52): "12/52", Fraction(12, 365): "12/365"}
"""Months in a week and in a day as people know them, not in lowest terms."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An item's figures and the arithmetic behind the net one, in words."""

    priced: PricedItem
    words: str


def explain_item(
    subscription: Subscription,
    item: str,
    at: Instant,
    catalog: Catalog,
    policy: Policy,
    *,
    customer_discount: Discount | None = None,
    tax_share: Mapping[str, Fraction] = NO_SHARES,
    usage: Mapping[str, Fraction] = NO_SHARES,
) -> Explained:
    """How `price_subscription`, asked the same, comes to its figures for the item with the id `item`.

    Amounts are exact, or end in … where they have no end; the result is the rounded one. Raises KeyError when the subscription has no
    such item.
    """
    index = next((n for n, each in enumerate(subscription.items) if each.id == item), None)
    if index is None:
        raise KeyError(f"subscription {subscription.id} has no item {item}")
    priced = price_subscription(
        subscription, at, catalog, policy, customer_discount=customer_discount, tax_share=tax_share, usage=usage
    ).items[index]
    rated = rate_items(subscription, at, catalog, policy, tax_share=tax_share, usage=usage)
    whatever = rated[index].excluded == "item_trial"
    amounts = [r.amount if r.excluded is None or whatever else None for r in rated]
    cuts = take_off(amounts, subscription, at, catalog, policy, customer_discount)[index].cuts
    return Explained(priced, _words(rated[index], cuts, priced, subscription.currency))


def _words(rated: Rated, cuts: tuple[Cut, ...], priced: PricedItem, currency: str) -> str:
    if rated.problem:
        return f"price {rated.item.price} can't be priced: {_WHY[rated.problem]} ({rated.problem})"
    if rated.price is None or rated.months is None:
        return f"price {rated.item.price} is left out: {_WHY['one_off']}"
    months = _months(rated.price, rated.months)
    words = [f"{_amount_words(rated, currency)} ÷ {months}", *(_cut_words(cut, rated.months, months, currency) for cut in cuts)]
    if rated.taxless != 1:
        words.append(f"− {_share(1 - rated.taxless)} of it (tax included)")
    micros = priced.usage_micros if rated.excluded == "metered" else priced.net_micros
    words.append(f"= {major_text(micros, currency)} {currency.upper()} a month")
    text = " ".join(words)
    return f"{text}, left out: {_WHY[rated.excluded]}" if rated.excluded else text


def _amount_words(rated: Rated, currency: str) -> str:
    """The amount for one billing period: 10.00 USD × 3, or 10.00 USD × 5 + 8.00 USD × 2 + 20.00 USD flat."""
    price = rated.price
    if price is None or price.usage == "metered":
        return f"{_money(rated.usage, currency)} of usage"
    pieces = [_part_words(part, currency) for part in rated.parts]
    if len(pieces) > 1:
        return f"({' + '.join(pieces)})"
    if price.transform is not None and price.scheme == "per_unit":
        return f"{pieces[0]} ({rated.item.quantity} in packages of {price.transform.divide_by}, rounded {price.transform.rounding})"
    return pieces[0]


def _part_words(part: PeriodPart, currency: str) -> str:
    return f"{_money(part.each, currency)} flat" if part.flat else f"{_money(part.each, currency)} × {part.count}"


def _months(price: Price, months: Fraction) -> str:
    if months.denominator == 1:
        return "1 month" if months == 1 else f"{months} months"
    one = _EACH.get(months / price.interval_count, str(months / price.interval_count))
    return f"({price.interval_count} × {one} months)" if price.interval_count != 1 else f"({one} months)"


def _cut_words(cut: Cut, months: Fraction, period: str, currency: str) -> str:
    name = f"coupon {cut.coupon}" if cut.coupon else "a coupon without an id"
    whose = "" if cut.level != "customer" else " of the customer"
    if cut.problem and not cut.taken:
        return f"− nothing ({name}{whose}: {cut.problem})"
    doubt = f": {cut.problem}" if cut.problem else ""
    if cut.percent is not None:
        return f"− {_plain(cut.percent)} % ({name}{whose}{doubt})"
    full = cut.full or Fraction(0)
    shared = f" of {_money(full, currency)}" if cut.taken != full else ""
    return f"− {_money(cut.taken, currency)}{'' if months == 1 else f' ÷ {period}'} ({name}{whose}{shared}{doubt})"


def _share(value: Fraction) -> str:
    """20 %, or 19/119 where the decimals have no end."""
    text = _decimals(value * 100)
    return str(value) if text is None else f"{text} %"


def _plain(value: Fraction) -> str:
    """12.5, or 19/119 where the decimals have no end."""
    text = _decimals(value)
    return str(value) if text is None else text


def _money(minor: Fraction, currency: str) -> str:
    """Minor units as an amount in the major unit, exact where its decimals end and with … where they don't."""
    major = minor_to_micros(minor, currency) / 1_000_000
    text = _decimals(major)
    if text is None:
        return f"{major_text(int(major * 1_000_000), currency)}… {currency.upper()}"
    whole, _, places = text.partition(".")
    places = places.ljust(exponent(currency), "0")
    return f"{whole}.{places} {currency.upper()}" if places else f"{whole} {currency.upper()}"


def _decimals(value: Fraction) -> str | None:
    """The decimal notation of a fraction, None when it has no end."""
    places = value.denominator.bit_length()  # enough: each digit takes at least one factor of 2 or 5 away
    scaled = value * 10**places
    if scaled.denominator != 1:
        return None
    whole, part = divmod(abs(scaled.numerator), 10**places)
    text = f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text
