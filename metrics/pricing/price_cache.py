"""Pricing each distinct item, or composition of items, once.

A million subscriptions hold a few thousand different prices and quantities. Where nothing but these has a part in what a subscription is
worth, its items are worth what each is by itself; discounts, trials, tax and usage are remembered with the whole composition. The scalar
definitions of `metrics.pricing.pricing` run over what is new; everything else is a look-up.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from metrics.assigned import replace
from metrics.evidence import Discount, Instant, Item, Subscription
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from metrics.pricing.pricing import (
    PricedItem,
    PricedSubscription,
    composition_key,
    labelled,
    once_ends,
    price_subscription,
    relabelled,
)

_NO_SHARES: Mapping[str, Fraction] = {}

MOST_SEEN: Final = 100_000
"""Items, and compositions, that are remembered at most: some tens of MiB."""


class Pricer:
    """Prices subscriptions of one catalog under one policy and remembers what it has seen."""

    def __init__(self, catalog: Catalog, policy: Policy) -> None:
        self.catalog = catalog
        self.policy = policy
        self._seen: dict[tuple[object, ...], PricedSubscription] = {}
        self._items: dict[tuple[object, ...], PricedItem] = {}

    def price(
        self,
        s: Subscription,
        at: Instant,
        *,
        customer_discount: Discount | None = None,
        tax_share: Mapping[str, Fraction] = _NO_SHARES,
        usage: Mapping[str, Fraction] = _NO_SHARES,
    ) -> PricedSubscription:
        """`pricing.price_subscription`, remembered by what it depends on and relabelled with this subscription's item ids."""
        if not (
            customer_discount or tax_share or usage or s.discounts or any(i.discounts or i.trial_end is not None for i in s.items)
        ):
            # By far the most: no moment is different from another, and no item has a part in what another is worth.
            return PricedSubscription(tuple([self._alone(item, s, at) for item in s.items]))
        key = composition_key(
            s, at, self.catalog, self.policy, customer_discount=customer_discount, tax_share=tax_share, usage=usage
        )
        priced = self._seen.get(key)
        if priced is None:
            priced = price_subscription(
                s, at, self.catalog, self.policy, customer_discount=customer_discount, tax_share=tax_share, usage=usage
            )
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen[key] = priced
        return relabelled(priced, s)

    def _alone(self, item: Item, s: Subscription, at: Instant) -> PricedItem:
        """An item that nothing but its price and quantity makes worth what it is."""
        key = s.currency, item.price, item.price_version, item.quantity, item.quantity_decimal
        priced = self._items.get(key)
        if priced is None:
            (priced,) = price_subscription(replace(s, items=(item,)), at, self.catalog, self.policy).items
            if len(self._items) >= MOST_SEEN:
                self._items.clear()
            self._items[key] = priced
        return priced if priced.item == item.id else labelled(item.id, priced)

    def edges(self, s: Subscription) -> Iterator[tuple[Instant, tuple[str, ...]]]:
        """The moments at which the price of an unchanged subscription changes by itself, with what dates them."""
        for discount in (*s.discounts, *(d for i in s.items for d in i.discounts)):
            yield discount.start, (discount.id,)
            if discount.end is not None:
                yield discount.end, (discount.id,)
            coupon = self.catalog.coupon_of(discount)
            if self.policy.discounts == "all" and coupon is not None and coupon.duration == "once":
                for end in once_ends(discount, s, self.catalog):
                    yield end, (discount.id,)
        for item in s.items:
            for edge in (item.trial_start, item.trial_end):
                if edge is not None:
                    yield edge, (item.id,)
