"""What something costs, looked up: the price that an item or a line carries, and the coupon behind a discount.

An id says which object only where it names one; what carries an object says its version, and which versions an id has is told apart in
`metrics.pricing.object_versions`. Nothing here works out an amount.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from metrics.evidence import Coupon, Discount, InvoiceLine, Item, Price, Product

BILLED = "billed"
"""How the version of an object begins that nothing shows any more: it is known by what lines bill alone, as `Catalog.price_of` reads it."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that has a price, by id.

    An id may name several objects in time, one deleted and one made again. `prices` and `coupons` hold the newest of each id, the
    `_versions` every object under id and version (what an item or a discount carries), and `earlier_` all objects, the newest first, of
    the ids that have several.
    """

    prices: dict[str, Price] = field(default_factory=dict)
    coupons: dict[str, Coupon] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    price_versions: dict[tuple[str, str], Price] = field(default_factory=dict)
    coupon_versions: dict[tuple[str, str], Coupon] = field(default_factory=dict)
    earlier_prices: dict[str, tuple[Price, ...]] = field(default_factory=dict)
    earlier_coupons: dict[str, tuple[Coupon, ...]] = field(default_factory=dict)

    def price_of(self, priced: Item | InvoiceLine) -> Price | None:
        """The price that an item or a line carries; the newest of its id where only the id was said. None: nobody knows it."""
        if priced.price is None:
            return None
        if not priced.price_version:
            return self.prices.get(priced.price)
        carried = self.price_versions.get((priced.price, priced.price_version))
        if carried is not None:
            return carried
        newest = self.prices.get(priced.price)
        return _as_billed(newest, priced.price_version) if newest and priced.price_version.startswith(BILLED) else newest

    def coupon_of(self, discount: Discount) -> Coupon | None:
        """The coupon that a discount carries. None: nobody knows it.

        Where only the id was said, it is the newest that was there when the discount began, else the newest of all.
        """
        if discount.coupon is None:
            return None
        carried = self.coupon_versions.get((discount.coupon, discount.coupon_version)) if discount.coupon_version else None
        if carried is None and discount.coupon in self.earlier_coupons:
            made = (c for c in self.earlier_coupons[discount.coupon] if c.created is None or c.created <= discount.start)
            carried = next(made, None)
        return self.coupons.get(discount.coupon) if carried is None else carried


def _as_billed(newest: Price, version: str) -> Price:
    """The object of a price's id that lines billed at so much a unit and period, and of which nothing else is known."""
    _, currency, unit, interval, count = version.split()
    return Price(
        newest.id,
        newest.product,
        currency,
        interval=interval,
        interval_count=int(count),
        unit=Decimal(unit),
        tax_behavior=newest.tax_behavior,
        nickname=newest.nickname,
    )
