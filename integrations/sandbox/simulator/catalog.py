"""What the simulated business sells: products, prices of every kind, coupons of every duration.

The catalogue is the same for every business of one starting date: scripts and tests name prices and coupons by their ids.
Amounts are decimal strings of a currency's minor unit, as Stripe states them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from integrations.sandbox.simulator.billing_cycles import DAY

MODULES = 14
"""So many products of one price a month each: a subscription to all of them has more items than an answer inlines."""

# Minor units of each currency for one hundred minor units of the price's own, chosen to give round amounts.
_OPTION_RATES = {"eur": Fraction(92, 100), "gbp": Fraction(80, 100), "jpy": Fraction(150, 100), "kwd": Fraction(31, 10)}


class Tier(msgspec.Struct, frozen=True, array_like=True):
    """One tier: `unit` for each unit up to and including `up_to` (None: no bound), `flat` once when it is touched."""

    up_to: int | None
    unit: str
    flat: str = "0"


class Option(msgspec.Struct, frozen=True, array_like=True):
    """What a price costs in another currency than its own."""

    currency: str
    unit: str | None
    tiers: tuple[Tier, ...] = ()


class Price(msgspec.Struct, frozen=True):
    """A price as the simulation knows it; a one-time price has no `interval`."""

    id: str
    product: str
    currency: str
    interval: str | None
    interval_count: int
    unit: str | None
    created: int
    nickname: str
    tiers: tuple[Tier, ...] = ()
    tiers_mode: str | None = None
    divide_by: int | None = None
    rounding: str = "up"
    metered: bool = False
    options: tuple[Option, ...] = ()
    tax_behavior: str = "unspecified"
    active: bool = True
    deleted_at: int | None = None

    def in_currency(self, currency: str) -> tuple[str | None, tuple[Tier, ...]]:
        """Unit amount and tiers in `currency`; ValueError when the price isn't sold in it."""
        if currency == self.currency:
            return self.unit, self.tiers
        for option in self.options:
            if option.currency == currency:
                return option.unit, option.tiers
        raise ValueError(f"{self.id} has no amount in {currency}")


class Product(msgspec.Struct, frozen=True):
    """A thing on sale."""

    id: str
    name: str
    created: int
    unit_label: str | None = None


class Coupon(msgspec.Struct, frozen=True):
    """A coupon; exactly one of `percent` (a decimal string) and `amounts` (minor units by currency) is set."""

    id: str
    name: str
    created: int
    duration: str
    months: int | None = None
    percent: str | None = None
    amounts: tuple[tuple[str, int], ...] = ()
    products: tuple[str, ...] = ()
    deleted_at: int | None = None


@dataclass(frozen=True)
class Catalog:
    """Everything that was ever on sale, by key: the id, or `id/2` for what was made again under the id of something deleted."""

    products: dict[str, Product]
    prices: dict[str, Price]
    coupons: dict[str, Coupon]

    def price_key(self, identifier: str, at: int) -> str | None:
        """The key of the price that has this id at `at`."""
        return _key_of(self.prices, identifier, at)

    def coupon_key(self, identifier: str, at: int) -> str | None:
        """The key of the coupon that has this id at `at`."""
        return _key_of(self.coupons, identifier, at)


def _key_of(made: Mapping[str, Price] | Mapping[str, Coupon], identifier: str, at: int) -> str | None:
    for key, each in made.items():
        if each.id == identifier and each.created <= at and (each.deleted_at is None or at < each.deleted_at):
            return key
    return None


def _options(unit: str | None, tiers: tuple[Tier, ...] = ()) -> tuple[Option, ...]:
    def turned(amount: str, rate: Fraction) -> str:
        return str(round(Fraction(amount) * rate))

    return tuple(
        Option(
            currency,
            None if unit is None else turned(unit, rate),
            tuple(Tier(tier.up_to, turned(tier.unit, rate), turned(tier.flat, rate)) for tier in tiers),
        )
        for currency, rate in _OPTION_RATES.items()
    )


def build_catalog(start: int) -> Catalog:
    """The catalogue of a business whose first day is `start`; all of it was made in the days before."""
    born = start - 40 * DAY
    products = [
        Product("prod_free", "Free", born),
        Product("prod_starter", "Starter", born + 60),
        Product("prod_team", "Team", born + 120, "seat"),
        Product("prod_business", "Business", born + 180, "seat"),
        Product("prod_scale", "Scale", born + 240, "seat"),
        Product("prod_contacts", "Contacts", born + 300, "contact"),
        Product("prod_enterprise", "Enterprise", born + 360),
        Product("prod_pass", "Pass", born + 420),
        Product("prod_support", "Priority support", born + 480),
        Product("prod_analytics", "Analytics", born + 540),
        Product("prod_calls", "API calls", born + 600, "call"),
        Product("prod_setup", "Setup", born + 660),
        Product("prod_legacy", "Legacy", born + 720),
        *(Product(f"prod_module{n:02d}", f"Module {n}", born + 720 + n * 60) for n in range(1, MODULES + 1)),
    ]
    graduated = (Tier(5, "1500", "2000"), Tier(20, "1200", "500"), Tier(None, "900"))
    volume = (Tier(10, "1900"), Tier(50, "1500", "5000"), Tier(None, "1250", "9000"))
    serial = 0

    def price(
        name: str,
        product: str,
        interval: str | None,
        unit: str | None,
        count: int = 1,
        currency: str = "usd",
        *,
        tiers: tuple[Tier, ...] = (),
        mode: str | None = None,
        divide_by: int | None = None,
        metered: bool = False,
        everywhere: bool = True,
        tax: str = "unspecified",
        later: int = 0,
    ) -> Price:
        nonlocal serial
        serial += 1
        return Price(
            id=f"price_{name}",
            product=f"prod_{product}",
            currency=currency,
            interval=interval,
            interval_count=count,
            unit=unit,
            created=born + 3_600 + serial * 7 + later,
            nickname=name.replace("_", " "),
            tiers=tiers,
            tiers_mode=mode,
            divide_by=divide_by,
            metered=metered,
            tax_behavior=tax,
            options=_options(unit, tiers) if everywhere else (),
        )

    prices = [
        price("free_monthly", "free", "month", "0"),
        price("starter_monthly", "starter", "month", "2900"),
        price("starter_monthly_2", "starter", "month", "3400", later=30 * DAY),
        price("starter_quarterly", "starter", "month", "8100", 3),
        price("starter_annual", "starter", "year", "29000"),
        price("starter_monthly_incl", "starter", "month", "2500", currency="eur", everywhere=False, tax="inclusive"),
        price("starter_annual_incl", "starter", "year", "25000", currency="eur", everywhere=False, tax="inclusive"),
        price("team_monthly", "team", "month", "1200"),
        price("team_monthly_incl", "team", "month", "1100", currency="eur", everywhere=False, tax="inclusive"),
        price("support_monthly_incl", "support", "month", "4500", currency="eur", everywhere=False, tax="inclusive"),
        price("team_annual", "team", "year", "12000"),
        price("team_gbp_monthly", "team", "month", "1050", currency="gbp", everywhere=False),
        price("business_monthly", "business", "month", None, tiers=graduated, mode="graduated"),
        price(
            "business_annual",
            "business",
            "year",
            None,
            mode="graduated",
            tiers=(Tier(5, "15000", "20000"), Tier(20, "12000", "5000"), Tier(None, "9000")),
        ),
        price("scale_monthly", "scale", "month", None, tiers=volume, mode="volume"),
        price("contacts_monthly", "contacts", "month", "4500", divide_by=500),
        price("contacts_fraction_monthly", "contacts", "month", "0.7125", everywhere=False),
        price("enterprise_annual", "enterprise", "year", "1200000"),
        price("enterprise_biennial", "enterprise", "year", "2100000", 2),
        price("pass_weekly", "pass", "week", "900"),
        price("pass_fortnightly", "pass", "week", "1700", 2),
        price("pass_daily", "pass", "day", "199"),
        price("support_monthly", "support", "month", "4900"),
        price("support_quarterly", "support", "month", "13900", 3),
        price("support_annual", "support", "year", "49000"),
        price("analytics_monthly", "analytics", "month", "1999"),
        price("analytics_annual", "analytics", "year", "19990"),
        price("calls_monthly", "calls", "month", "0.45", metered=True),
        price("calls_quarterly", "calls", "month", "0.45", 3, metered=True),
        price("calls_annual", "calls", "year", "0.45", metered=True),
        price("setup", "setup", None, "15000"),
        *(price(f"module{n:02d}_monthly", f"module{n:02d}", "month", str(300 + 137 * n)) for n in range(1, MODULES + 1)),
        price("legacy_monthly", "legacy", "month", "2000"),
        price(
            "usage_legacy_monthly", "calls", "month", None, metered=True, mode="graduated", tiers=(Tier(100, "3"), Tier(None, "1"))
        ),
    ]
    remade, metered = prices[-2:]
    prices[-2:] = [replace(remade, deleted_at=start + 60 * DAY), replace(metered, deleted_at=start + 60 * DAY)]
    again = replace(remade, unit="3000", options=_options("3000"), created=start + 60 * DAY + 3_600)
    amounts_10 = (("usd", 1000), ("eur", 900), ("gbp", 800), ("jpy", 1500), ("kwd", 3100))
    amounts_5 = (("usd", 500), ("eur", 450), ("gbp", 400), ("jpy", 700), ("kwd", 1550))
    coupons = [
        Coupon("PARTNER20", "Partner", born + 10, "forever", percent="20"),
        Coupon("EIGHTH", "An eighth off", born + 20, "forever", percent="12.5"),
        Coupon("LAUNCH50", "Launch", born + 30, "repeating", 3, percent="50"),
        Coupon("FREE3", "Three months free", born + 40, "repeating", 3, percent="100"),
        Coupon("WELCOME25", "Welcome", born + 50, "once", percent="25"),
        Coupon("TENOFF", "Ten off", born + 60, "forever", amounts=amounts_10),
        Coupon("FIVEOFF12", "Five off for a year", born + 70, "repeating", 12, amounts=amounts_5),
        Coupon("ONCE10", "Ten off once", born + 80, "once", amounts=amounts_10),
        Coupon("SUPPORT30", "Support", born + 90, "forever", percent="30", products=("prod_support",)),
        Coupon("RETIRED15", "Retired", born + 100, "forever", percent="15", deleted_at=start + 20 * DAY),
        Coupon("SPRING", "Spring", born + 110, "forever", percent="20", deleted_at=start + 60 * DAY),
        Coupon("TEAMHALF", "Team", born + 120, "forever", percent="50", products=("prod_team",), deleted_at=start + 60 * DAY),
        Coupon("TEAMFIVE", "Five off a team", born + 130, "forever", amounts=amounts_5, products=("prod_team", "prod_starter")),
    ]
    spring = Coupon("SPRING", "Spring again", start + 60 * DAY + 3_600, "forever", percent="50")
    return Catalog(
        {product.id: product for product in products},
        {**{each.id: each for each in prices}, f"{again.id}/2": again},
        {**{coupon.id: coupon for coupon in coupons}, f"{spring.id}/2": spring},
    )
