"""Pricing each distinct composition once.

A million subscriptions hold a few thousand different combinations of prices, quantities and discounts. The scalar definitions of
`metrics.pricing` run over these; everything else is a look-up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from metrics.evidence import Catalog, Discount, Instant, Subscription
from metrics.policy import Policy
from metrics.pricing import PricedSubscription, once_ends, price_subscription

_NO_SHARES: Mapping[str, Fraction] = {}


class Pricer:
    """Prices subscriptions of one catalog under one policy and remembers every composition that it has seen."""

    def __init__(self, catalog: Catalog, policy: Policy) -> None:
        self.catalog = catalog
        self.policy = policy
        self._seen: dict[object, PricedSubscription] = {}

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
        key = self._key(s, at, customer_discount, tax_share, usage)
        priced = self._seen.get(key)
        if priced is None:
            priced = price_subscription(
                s, at, self.catalog, self.policy, customer_discount=customer_discount, tax_share=tax_share, usage=usage
            )
            self._seen[key] = priced
            return priced
        if all(p.item == i.id for p, i in zip(priced.items, s.items, strict=True)):
            return priced
        return PricedSubscription(tuple(replace(p, item=i.id) for p, i in zip(priced.items, s.items, strict=True)))

    def _key(
        self,
        s: Subscription,
        at: Instant,
        customer_discount: Discount | None,
        tax_share: Mapping[str, Fraction],
        usage: Mapping[str, Fraction],
    ) -> object:
        def coupons(discounts: tuple[Discount, ...]) -> tuple[object, ...]:
            return tuple(
                (d.coupon, self._once_over(s, d, at)) for d in discounts if d.start <= at and (d.end is None or at < d.end)
            )

        return (
            s.currency,
            tuple(
                (
                    i.price,
                    i.quantity,
                    coupons(i.discounts),
                    i.trial_end is not None and at < i.trial_end,
                    tax_share.get(i.id),
                    usage.get(i.id),
                )
                for i in s.items
            ),
            coupons(s.discounts),
            coupons((customer_discount,)) if customer_discount else (),
        )

    def _once_over(self, s: Subscription, d: Discount, at: Instant) -> object:
        """Whether a coupon of one invoice only has had it; of no matter unless the policy counts such coupons."""
        coupon = self.catalog.coupons.get(d.coupon or "")
        if self.policy.discounts != "all" or coupon is None or coupon.duration != "once":
            return None
        return tuple(at < end for end in once_ends(d, s, self.catalog))

    def edges(self, s: Subscription) -> Iterator[tuple[Instant, tuple[str, ...]]]:
        """The moments at which the price of an unchanged subscription changes by itself, with what dates them."""
        for discount in (*s.discounts, *(d for i in s.items for d in i.discounts)):
            yield discount.start, (discount.id,)
            if discount.end is not None:
                yield discount.end, (discount.id,)
            coupon = self.catalog.coupons.get(discount.coupon or "")
            if self.policy.discounts == "all" and coupon is not None and coupon.duration == "once":
                for end in once_ends(discount, s, self.catalog):
                    yield end, (discount.id,)
        for item in s.items:
            if item.trial_end is not None:
                yield item.trial_end, (item.id,)
