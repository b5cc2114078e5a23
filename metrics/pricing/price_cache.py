"""Pricing each distinct composition once.

A million subscriptions hold a few thousand different combinations of prices, quantities and discounts. The scalar definitions of
`metrics.pricing.pricing` run over these; everything else is a look-up.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from metrics.evidence import Discount, Instant, Subscription
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from metrics.pricing.pricing import PricedSubscription, composition_key, once_ends, price_subscription, relabelled

_NO_SHARES: Mapping[str, Fraction] = {}

MOST_SEEN: Final = 100_000
"""Compositions that are remembered at most: some tens of MiB."""


class Pricer:
    """Prices subscriptions of one catalog under one policy and remembers every composition that it has seen."""

    def __init__(self, catalog: Catalog, policy: Policy) -> None:
        self.catalog = catalog
        self.policy = policy
        self._seen: dict[tuple[object, ...], PricedSubscription] = {}

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
        key: tuple[object, ...]
        if customer_discount or tax_share or usage or s.discounts or any(i.discounts or i.trial_end is not None for i in s.items):
            key = composition_key(
                s, at, self.catalog, self.policy, customer_discount=customer_discount, tax_share=tax_share, usage=usage
            )
        else:  # by far the most: no moment is different from another, and nothing but what is billed has a part in it
            key = (s.currency, *((i.price, i.price_version, i.quantity, i.quantity_decimal) for i in s.items))
        priced = self._seen.get(key)
        if priced is None:
            priced = price_subscription(
                s, at, self.catalog, self.policy, customer_discount=customer_discount, tax_share=tax_share, usage=usage
            )
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen[key] = priced
        return relabelled(priced, s)

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
