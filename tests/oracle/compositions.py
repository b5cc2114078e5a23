"""Random catalogs and subscriptions for hypothesis: every kind of price, discount and circumstance, small enough to collide often."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from metrics.evidence import Coupon, CurrencyOption, Discount, Instant, Item, Price, Subscription, Tier, Transform
from metrics.policy import Policy, preset
from metrics.pricing.catalog import Catalog

BEGIN = 1_735_689_600
DAY = 86_400
PRODUCTS = ("basic", "team", "addon")
CURRENCIES = ("usd", "eur", "jpy", "kwd")


@dataclass(frozen=True)
class Composition:
    """What pricing is asked: a subscription at a moment, in a catalog, under a policy, with its circumstances."""

    subscription: Subscription
    at: Instant
    catalog: Catalog
    policy: Policy
    customer_discount: Discount | None
    tax_share: dict[str, Fraction]
    usage: dict[str, Fraction]


def policies() -> st.SearchStrategy[Policy]:
    """Every mixture of the choices that pricing knows."""
    return st.builds(
        lambda discounts, weeks, days, metered, gross: preset(
            "default", discounts=discounts, weeks=weeks, days=days, metered=metered, tax_inclusive_gross=gross
        ),
        st.sampled_from(["none", "forever", "forever_repeating", "all"]),
        st.sampled_from(["52/12", "4"]),
        st.sampled_from(["365/12", "30"]),
        st.booleans(),
        st.booleans(),
    )


def units() -> st.SearchStrategy[Decimal]:
    """Amounts in minor units: whole ones mostly, some with up to twelve decimals, free ones too."""
    return st.one_of(
        st.integers(0, 20_000).map(Decimal),
        st.sampled_from([Decimal("0.000000000001"), Decimal("1.25"), Decimal("0.00005"), Decimal("333.333333333333")]),
    )


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    """One to three tiers, the last without end."""
    bounds = draw(st.lists(st.integers(1, 12), max_size=2, unique=True).map(sorted))
    amounts = st.one_of(st.none(), units())
    return tuple(Tier(bound, draw(amounts), draw(amounts)) for bound in [*bounds, None])


@st.composite
def prices(draw: st.DrawFn, name: str) -> Price:
    """A price of any kind that Stripe has, in its currency and perhaps others."""
    tiered = draw(st.booleans())
    codes = draw(st.permutations(CURRENCIES))
    return Price(
        name,
        draw(st.sampled_from(PRODUCTS)),
        codes[0],
        kind=draw(st.sampled_from(["recurring"] * 6 + ["one_time"])),
        usage=draw(st.sampled_from(["licensed"] * 4 + ["metered"])),
        interval=draw(st.sampled_from(["month", "month", "year", "week", "day"])),
        interval_count=draw(st.sampled_from([1, 1, 1, 2, 3])),
        scheme="tiered" if tiered else "per_unit",
        tiers_mode=draw(st.sampled_from(["graduated", "volume"])) if tiered else None,
        unit=None if tiered else draw(units()),
        tiers=draw(tiers()) if tiered else None,
        transform=draw(st.none() | st.builds(Transform, st.integers(1, 5), st.sampled_from(["up", "down"]))),
        options=tuple(CurrencyOption(c, draw(units()), draw(tiers())) for c in codes[1 : draw(st.integers(1, 4))]),
    )


@st.composite
def coupons(draw: st.DrawFn, name: str) -> Coupon:
    """A coupon of any kind."""
    percent = draw(st.booleans())
    return Coupon(
        name,
        percent_off=draw(st.sampled_from([Decimal(10), Decimal(50), Decimal("12.5"), Decimal(100), Decimal(101)]))
        if percent
        else None,
        amount_off=None if percent else draw(st.integers(1, 30_000)),
        currency=None if percent else draw(st.sampled_from(CURRENCIES)),
        amount_options=()
        if percent
        else tuple((c, draw(st.integers(1, 9_000))) for c in draw(st.sets(st.sampled_from(CURRENCIES)))),
        duration=draw(st.sampled_from(["forever", "forever", "forever", "repeating", "once", "lunar"])),
        scope_told=draw(st.sampled_from([True, True, False])),
        products=draw(st.none() | st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=2, unique=True).map(tuple)),
    )


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Three prices and three coupons, and of the first of each another object that was deleted."""
    return Catalog(
        prices={n: draw(prices(n)) for n in ("p0", "p1", "p2")},
        coupons={n: draw(coupons(n)) for n in ("c0", "c1", "c2")},
        price_versions={("p0", "old"): draw(prices("p0"))},
        coupon_versions={("c0", "old"): draw(coupons("c0"))},
    )


@st.composite
def discounts(draw: st.DrawFn) -> Discount:
    """A discount from the catalog, rarely one that nobody knows, in force from about now until about then."""
    start = BEGIN + draw(st.integers(-40, 2)) * DAY
    end = draw(st.none() | st.integers(1, 60))
    name = draw(st.sampled_from(["c0", "c1", "c2", "c0", "c1", "c2", "lost"]))
    until = None if end is None else Instant(start + end * DAY)
    few = st.lists(st.sampled_from(PRODUCTS), max_size=1).map(tuple)
    return Discount(f"di_{name}", name, Instant(start), until, draw(st.sampled_from(["", "old"])), draw(few), draw(few))


@st.composite
def compositions(draw: st.DrawFn, catalog: Catalog | None = None, policy: Policy | None = None) -> Composition:
    """A subscription of one to four items in all its circumstances."""
    chosen = catalog or draw(catalogs())
    count = draw(st.integers(1, 4))
    few = st.lists(discounts(), max_size=2).map(tuple)
    items = tuple(
        Item(
            f"si_{n}",
            draw(st.sampled_from(["p0", "p1", "p2", "p0", "p1", "p2", "lost"])),
            draw(st.none() | st.integers(0, 20)),
            draw(few),
            trial_end=draw(st.sampled_from([None, None, None, Instant(BEGIN + DAY), Instant(BEGIN - DAY)])),
            price_version=draw(st.sampled_from(["", "", "old"])),
            quantity_decimal=draw(st.sampled_from([None, None, None, Decimal("2.5"), Decimal("0.125")])),
        )
        for n in range(count)
    )
    currency = draw(st.sampled_from(sorted({p.currency for p in chosen.prices.values()})))
    return Composition(
        Subscription("sub", "cus", "active", currency, Instant(BEGIN), Instant(BEGIN), items, discounts=draw(few)),
        Instant(BEGIN + draw(st.integers(-1, 1)) * DAY),
        chosen,
        policy or draw(policies()),
        draw(st.none() | discounts()),
        {i.id: draw(st.sampled_from([Fraction(19, 119), Fraction(1, 6), Fraction(0)])) for i in items if draw(st.booleans())},
        {i.id: Fraction(draw(st.integers(0, 5000))) for i in items if draw(st.booleans())},
    )
