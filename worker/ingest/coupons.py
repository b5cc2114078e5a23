"""Asking for what lists leave out of coupons: which products one is for, and what one is that no list has any more.

A list can't be expanded so deep, a single object can, and a deleted coupon is told only by what carries it. So whenever a page names a
coupon of which that isn't known, its bearer is asked once more, by itself. What to ask is decided here, purely; a coupon is asked for
at most through a few of its bearers a job, however many there are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from integrations.stripe.page import StripePage
from metrics.evidence import Discount
from metrics.pricing.catalog import Catalog
from metrics.pricing.discounts import problem_of

MOST_BEARERS: Final = 3
"""Through so many of its bearers one coupon is asked for in one job: they all would say the same."""

Way = Literal["subscription", "items", "customer", "invoice", "lines"]
"""Which answer tells of a coupon: a single object, or the list of its items or lines."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Something that carries a discount."""

    way: Way
    object_id: str
    discount: Discount


def bearers(page: StripePage) -> Iterator[Bearer]:
    """Whatever on a page carries a discount of which it names the coupon, or which it describes without one.

    A discount that is named by its id alone, as events do, is described elsewhere and not asked for.
    """
    for state in page.subscriptions:
        held = state.subscription
        yield from (Bearer("subscription", held.id, d) for d in held.discounts if _described(d))
        yield from (Bearer("items", held.id, d) for item in held.items for d in item.discounts if _described(d))
    for told in page.customers:
        if told.customer.discount is not None and _described(told.customer.discount):
            yield Bearer("customer", told.customer.id, told.customer.discount)
    for bill in page.invoices:
        for line in bill.lines:
            yield from (Bearer("invoice" if d.coupon_version else "lines", bill.head.id, d) for d, _ in line.discounts if d.coupon)


def _described(discount: Discount) -> bool:
    return bool(discount.coupon) or discount.start > 0


def wanting(found: Iterable[Bearer], catalog: Catalog) -> list[Bearer]:
    """Those whose coupon isn't known as far as it must be, each coupon through the first of each sort of bearer.

    An item's discount is for that item, so nobody asks which products its coupon is for.
    """
    out: dict[tuple[str, str, Way], Bearer] = {}
    for bearer in found:
        coupon = catalog.coupon_of(bearer.discount)
        lacking = problem_of(bearer.discount, coupon) in ("unknown_coupon", "coupon_version_unknown", "discount_end_unknown")
        if not lacking and coupon is not None and not (coupon.scope_told or coupon.scope_asked):
            lacking = bearer.way in ("subscription", "customer", "invoice")
        if lacking:
            out.setdefault((*_named(bearer), bearer.way), bearer)
    return list(out.values())


def _named(bearer: Bearer) -> tuple[str, str]:
    """What is asked for: a coupon, or where its bearer doesn't name it the discount."""
    return bearer.discount.coupon or f"of {bearer.discount.id}", bearer.discount.coupon_version


class AskedCoupons:
    """What one job has asked for already."""

    def __init__(self) -> None:
        self._bearers: set[tuple[Way, str]] = set()
        self._times: dict[tuple[str, str], int] = {}
        self._coupons: set[str | None] = set()

    def first(self, bearer: Bearer) -> bool:
        """Whether the coupon of a bearer, if it names one, is asked for by its own id for the first time."""
        fresh = bool(bearer.discount.coupon) and bearer.discount.coupon not in self._coupons
        self._coupons.add(bearer.discount.coupon)
        return fresh

    def news(self, found: Iterable[Bearer]) -> Iterator[Bearer]:
        """Those of `found` that are worth asking: not asked yet, of a coupon that hasn't been asked for too often."""
        for bearer in found:
            key, coupon = (bearer.way, bearer.object_id), _named(bearer)
            if key not in self._bearers and self._times.get(coupon, 0) < MOST_BEARERS:
                self._bearers.add(key)
                self._times[coupon] = self._times.get(coupon, 0) + 1
                yield bearer
