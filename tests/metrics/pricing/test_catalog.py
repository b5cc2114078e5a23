"""What an item, a line or a discount carries, looked up in the catalog."""

from dataclasses import replace
from decimal import Decimal

from metrics.evidence import Coupon, Discount, Instant, Item, Price
from metrics.pricing.catalog import Catalog
from metrics.pricing.object_versions import version_of

FIRST, SECOND = Instant(1_000), Instant(1_000_000)
OLD = Coupon("SPRING", percent_off=Decimal(20), created=FIRST, scope_told=False)
NEW = Coupon("SPRING", percent_off=Decimal(50), created=SECOND, products=("prod_a",))
PLAN = Price("gold", "prod_gold", "usd", unit=Decimal(2000), created=FIRST)


def test_look_ups_follow_what_is_carried() -> None:
    """By version; by id alone the newest coupon that was there when the discount began, and the newest price."""
    catalog = Catalog(
        {"gold": replace(PLAN, unit=Decimal(3000), created=SECOND)},
        {"SPRING": NEW},
        price_versions={("gold", version_of(PLAN)): PLAN},
        coupon_versions={("SPRING", version_of(OLD)): OLD, ("SPRING", version_of(NEW)): NEW},
        earlier_coupons={"SPRING": (NEW, OLD)},
    )
    assert PLAN == catalog.price_of(Item("si", "gold", 1, price_version=version_of(PLAN)))
    assert catalog.prices["gold"] == catalog.price_of(Item("si", "gold", 1))
    assert None is catalog.price_of(Item("si", None, 1))
    assert OLD == catalog.coupon_of(Discount("di", "SPRING", Instant(SECOND + 5), None, version_of(OLD)))
    assert (NEW, OLD) == tuple(catalog.coupon_of(Discount("di", "SPRING", at)) for at in (SECOND, Instant(SECOND - 1)))
    assert NEW == catalog.coupon_of(Discount("di", "SPRING", Instant(FIRST - 1)))
    assert None is catalog.coupon_of(Discount("di", None, FIRST))
