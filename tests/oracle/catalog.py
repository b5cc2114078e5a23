"""What random lives are about: prices of every kind, coupons, and the time that is lived through."""

from dataclasses import replace
from decimal import Decimal

from metrics.evidence import Coupon, CurrencyOption, Price, Tier
from metrics.pricing.catalog import Catalog

BEGIN = 1_735_689_600  # 1 January 2025, midnight UTC
DAY = 86_400
DAYS = 150
NOW = BEGIN + DAYS * DAY

TIERS = (Tier(3, Decimal(1000), None), Tier(None, Decimal(800), Decimal(500)))


def _price(name: str, product: str, cents: int, interval: str = "month", count: int = 1) -> Price:
    option = CurrencyOption("eur", Decimal(cents * 9) / 10)
    return Price(name, product, "usd", interval=interval, interval_count=count, unit=Decimal(cents), options=(option,))


CATALOG = Catalog(
    prices={
        p.id: p
        for p in (
            _price("basic", "pro", 1000),
            _price("better", "pro", 2500),
            _price("team", "team", 4000),
            _price("yearly", "pro", 9900, "year"),
            _price("fortnight", "pro", 700, "week", 2),
            _price("quarter", "team", 9000, "month", 3),
            _price("free", "pro", 0),
            replace(
                _price("seats", "seats", 0),
                unit=None,
                scheme="tiered",
                tiers_mode="graduated",
                tiers=TIERS,
                options=(CurrencyOption("eur", None, (Tier(None, Decimal(700), None),)),),
            ),
            _price("addon", "addon", 500),
            replace(_price("usage", "usage", 1), usage="metered"),
        )
    },
    coupons={
        c.id: c
        for c in (
            Coupon("ten", percent_off=Decimal(10)),
            Coupon("half", percent_off=Decimal(50), duration="repeating", months=1),
            Coupon("all", percent_off=Decimal(100), duration="repeating", months=1),
            Coupon("three", amount_off=300, currency="usd", amount_options=(("eur", 250),)),
            Coupon("gift", percent_off=Decimal(20), duration="once"),
            Coupon("addons", percent_off=Decimal(25), products=("addon",)),
        )
    },
)
MAIN = ("basic", "better", "team", "yearly", "fortnight", "quarter", "free", "seats")
COUPONS = tuple(CATALOG.coupons)
