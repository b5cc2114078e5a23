"""What a subscription's items are worth a month, at list price and after discounts.

These scalar functions are the definition: everything that states MRR goes through them. A caller prices each distinct composition once
(`composition_key`), so they may afford exact fractions; the one rounding is here, half to even, once for an item's list figure and
once for its net one. This module must not know statuses, dates of billing or history: it is asked about one state at one moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from metrics.assigned import assigned, replace
from metrics.evidence import Discount, Instant, Item, Price, Subscription
from metrics.money import MOST_MICROS, minor_to_micros, round_micros
from metrics.policy import Policy
from metrics.pricing.amounts import (
    PeriodPart,
    Unpriceable,
    interval_label,
    months_in_period,
    period_parts,
    quantity_behind,
    quantity_of,
)
from metrics.pricing.catalog import Catalog
from metrics.pricing.discounts import InForce, Left, levels, once_ends, take_off

__all__ = [
    "PricedItem",
    "PricedSubscription",
    "Rated",
    "composition_key",
    "labelled",
    "months_in_period",
    "once_ends",
    "price_subscription",
    "quantity_behind",
    "rate_items",
    "relabelled",
]

NO_SHARES: Final[Mapping[str, Fraction]] = {}
_ZERO: Final = Fraction(0)
_ONE: Final = Fraction(1)
_USAGES: Final = ("licensed", "metered", "")
"""Empty where nothing was said of how the price recurs, which is a problem of its own."""


@assigned
@dataclass(frozen=True, slots=True)
class Rated:
    """An item before discounts. `parts` add up to its amount for one billing period; they are empty when it has none or it is unknown.

    `taxless` is what remains of an amount once the tax included in it is taken off.
    """

    item: Item
    price: Price | None
    parts: tuple[PeriodPart, ...] = ()
    months: Fraction | None = None
    usage: Fraction = _ZERO
    taxless: Fraction = Fraction(1)
    excluded: str | None = None
    problem: str | None = None
    doubt: str | None = None
    """Why the item may be priced otherwise than it should be, though it can be priced."""

    @property
    def amount(self) -> Fraction | None:
        """Minor units for one billing period; None for what can't be priced, or has no recurring price."""
        if self.problem or self.excluded in ("one_off", "metered"):
            return None
        return sum((part.amount for part in self.parts), _ZERO)


@assigned
@dataclass(frozen=True, slots=True)
class PricedItem:
    """What one item is worth a month.

    `excluded` (one_off, metered, item_trial) keeps the item out of MRR; an item on its own trial shows what it would be worth.
    `problem` says why it can't be priced (unknown_price, quantity_missing, currency_unknown, unit_unknown, unit_negative, tiers_unknown,
    transform_unknown, scheme_unknown, interval_unknown, usage_unknown, price_type_unknown, amount_out_of_bounds:
    both figures are 0) or not in full. Of the latter price_type_assumed says that it is counted as what it says of its interval,
    unknown_coupon, coupon_duration_unknown, coupon_percent_unknown, coupon_two_amounts and coupon_currency_unknown say that a discount takes nothing off,
    discount_scope_unknown, coupon_version_unknown and discount_end_unknown that it takes something off, and perhaps too much or too little.
    """

    item: str
    price: str | None
    product: str | None
    interval: str | None
    quantity: int | None
    list_micros: int = 0
    net_micros: int = 0
    usage_micros: int = 0
    excluded: str | None = None
    problem: str | None = None
    coupon: str | None = None
    """The coupon that a problem is about, if it is about one."""


@assigned
@dataclass(frozen=True, slots=True)
class PricedSubscription:
    """Every item of a subscription with what it is worth a month, in the subscription's order and currency."""

    items: tuple[PricedItem, ...]

    @property
    def list_micros(self) -> int:
        """MRR before discounts of the items that count."""
        return sum(item.list_micros for item in self.items if item.excluded is None)

    @property
    def net_micros(self) -> int:
        """MRR after discounts of the items that count."""
        return sum(item.net_micros for item in self.items if item.excluded is None)

    @property
    def usage_micros(self) -> int:
        """What metered items came to a month in their last billed period, whether or not the policy counts it."""
        return sum(item.usage_micros for item in self.items)


def price_subscription(
    subscription: Subscription,
    at: Instant,
    catalog: Catalog,
    policy: Policy,
    *,
    customer_discount: Discount | None = None,
    tax_share: Mapping[str, Fraction] = NO_SHARES,
    usage: Mapping[str, Fraction] = NO_SHARES,
) -> PricedSubscription:
    """What each item of `subscription` is worth a month at `at`, whatever its status.

    `tax_share` is the part of an item's amount that is tax (0 <= share < 1), by item id; `usage` what a metered item came to in its last
    complete billed period, in minor units. Never raises for what the data lacks: see `PricedItem.problem`.
    """
    rated = rate_items(subscription, at, catalog, policy, tax_share=tax_share, usage=usage)
    counted = take_off(
        [r.amount if r.excluded is None else None for r in rated], subscription, at, catalog, policy, customer_discount
    )
    if any(r.excluded == "item_trial" for r in rated):
        as_if = take_off([r.amount for r in rated], subscription, at, catalog, policy, customer_discount)
        counted = tuple(a if r.excluded else c for r, c, a in zip(rated, counted, as_if, strict=True))
    return PricedSubscription(tuple(_priced(r, left, subscription.currency) for r, left in zip(rated, counted, strict=True)))


def _priced(rated: Rated, left: Left, currency: str) -> PricedItem:
    item, price = rated.item, rated.price
    out = PricedItem(
        item.id,
        item.price,
        price.product if price else None,
        interval_label(price) if price else None,
        item.quantity,
        excluded=rated.excluded,
        problem=rated.problem or left.problem or rated.doubt,
        coupon=None if rated.problem else left.doubtful,
    )
    if rated.months is None:
        return out
    monthly = rated.taxless / rated.months
    out = replace(out, usage_micros=round_micros(minor_to_micros(rated.usage * monthly, currency)))
    if rated.amount is None:
        return out
    return replace(
        out,
        list_micros=round_micros(minor_to_micros(rated.amount * monthly, currency)),
        net_micros=round_micros(minor_to_micros(left.amount * monthly, currency)),
    )


def rate_items(
    subscription: Subscription,
    at: Instant,
    catalog: Catalog,
    policy: Policy,
    *,
    tax_share: Mapping[str, Fraction] = NO_SHARES,
    usage: Mapping[str, Fraction] = NO_SHARES,
) -> tuple[Rated, ...]:
    """Each item's exact amount for one billing period, before discounts, or why it has none."""
    shares = NO_SHARES if policy.tax_inclusive_gross else tax_share
    out = []
    for item in subscription.items:
        price = catalog.price_of(item)
        taxless = 1 - Fraction(shares.get(item.id, 0))
        out.append(_rated(item, price, subscription.currency, at, policy, taxless, Fraction(usage.get(item.id, 0))))
    return tuple(out)


def _rated(
    item: Item, price: Price | None, currency: str, at: Instant, policy: Policy, taxless: Fraction, usage: Fraction
) -> Rated:
    if price is None:
        return Rated(item, None, problem="unknown_price")
    if price.kind == "one_time":
        return Rated(item, price, excluded="one_off")
    if price.kind != "recurring":
        return Rated(item, price, problem="price_type_unknown")
    if price.usage not in _USAGES:
        return Rated(item, price, problem="usage_unknown")
    metered = price.usage == "metered"
    excluded = "metered" if metered and not policy.metered else "item_trial" if item.on_trial(at) else None
    rated = Rated(
        item, price, months=months_in_period(price.interval, price.interval_count, policy), taxless=taxless, excluded=excluded
    )
    if price.type_told:
        rated = replace(rated, doubt="price_type_assumed")
    if rated.months is None:
        return replace(rated, problem="interval_unknown")
    if metered:
        return replace(rated, usage=usage, parts=(PeriodPart(1, usage),))
    try:
        parts = period_parts(price, currency, quantity_of(item))
    except Unpriceable as error:
        return replace(rated, problem=error.reason)
    if sum(abs(minor_to_micros(part.amount, currency)) for part in parts) > MOST_MICROS * min(rated.months, _ONE):
        return replace(rated, problem="amount_out_of_bounds")
    return replace(rated, parts=parts)


def composition_key(
    subscription: Subscription,
    at: Instant,
    catalog: Catalog,
    policy: Policy,
    *,
    customer_discount: Discount | None = None,
    tax_share: Mapping[str, Fraction] = NO_SHARES,
    usage: Mapping[str, Fraction] = NO_SHARES,
) -> tuple[object, ...]:
    """Everything that `price_subscription` depends on within one catalog and policy, and nothing else: no ids, no dates.

    Two subscriptions with the same key have the same priced items but for the items' ids (`relabelled`).
    """
    own, whole, _ = levels(subscription, at, catalog, policy, customer_discount)
    return (
        subscription.currency,
        tuple(
            (
                item.price,
                item.price_version,
                quantity_of(item),
                _held(own[index]),
                item.on_trial(at),
                tax_share.get(item.id),
                usage.get(item.id),
            )
            for index, item in enumerate(subscription.items)
        ),
        _held(whole),
    )


def _held(discounts: Sequence[InForce]) -> tuple[object, ...]:
    return tuple(
        (
            each.discount.coupon or each.discount.id,
            each.coupon,
            each.problem,
            each.reaches,
            each.discount.shown_on,
            each.discount.shown_off,
        )
        for each in discounts
    )


def relabelled(priced: PricedSubscription, subscription: Subscription) -> PricedSubscription:
    """`priced`, worked out for another subscription of the same composition, with this one's item ids."""
    pairs = zip(priced.items, subscription.items, strict=True)
    return PricedSubscription(tuple(p if p.item == item.id else labelled(item.id, p) for p, item in pairs))


def labelled(item: str, p: PricedItem) -> PricedItem:
    """`p`, worked out for another item of the same price and quantity, with this one's id."""
    # Written out: this runs for every state of every subscription, and `replace` takes four times as long.
    return PricedItem(
        item,
        p.price,
        p.product,
        p.interval,
        p.quantity,
        p.list_micros,
        p.net_micros,
        p.usage_micros,
        p.excluded,
        p.problem,
        p.coupon,
    )
