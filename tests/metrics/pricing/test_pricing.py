"""What holds of pricing whatever is priced, and the functions around it."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import Coupon, CurrencyOption, Discount, Instant, Item, Price, Subscription, Tier
from metrics.policy import DEFAULT, Policy, preset
from metrics.pricing.catalog import Catalog
from metrics.pricing.pricing import (
    PricedSubscription,
    composition_key,
    months_in_period,
    once_ends,
    price_subscription,
    relabelled,
)
from tests.examples import so_many
from tests.oracle.compositions import BEGIN, DAY, Composition, catalogs, compositions, policies

NOW = Instant(BEGIN)


def priced(c: Composition) -> PricedSubscription:
    """What the engine makes of a composition."""
    return price_subscription(
        c.subscription,
        c.at,
        c.catalog,
        c.policy,
        customer_discount=c.customer_discount,
        tax_share=c.tax_share,
        usage=c.usage,
    )


def key(c: Composition) -> tuple[object, ...]:
    """The composition's key."""
    return composition_key(
        c.subscription,
        c.at,
        c.catalog,
        c.policy,
        customer_discount=c.customer_discount,
        tax_share=c.tax_share,
        usage=c.usage,
    )


def times(catalog: Catalog, k: int) -> Catalog:
    """A catalog in which everything costs, and every amount off is, `k` times as much, whichever object of an id is meant."""

    def tier(t: Tier) -> Tier:
        return Tier(t.up_to, t.unit and t.unit * k, t.flat and t.flat * k)

    def price(p: Price) -> Price:
        options = (CurrencyOption(o.currency, o.unit and o.unit * k, o.tiers and tuple(map(tier, o.tiers))) for o in p.options)
        return replace(p, unit=p.unit and p.unit * k, tiers=p.tiers and tuple(map(tier, p.tiers)), options=tuple(options))

    def coupon(c: Coupon) -> Coupon:
        return replace(
            c, amount_off=c.amount_off and c.amount_off * k, amount_options=tuple((x, a * k) for x, a in c.amount_options)
        )

    return replace(
        catalog,
        prices={n: price(p) for n, p in catalog.prices.items()},
        coupons={n: coupon(c) for n, c in catalog.coupons.items()},
        price_versions={n: price(p) for n, p in catalog.price_versions.items()},
        coupon_versions={n: coupon(c) for n, c in catalog.coupon_versions.items()},
        earlier_prices={n: tuple(map(price, each)) for n, each in catalog.earlier_prices.items()},
        earlier_coupons={n: tuple(map(coupon, each)) for n, each in catalog.earlier_coupons.items()},
    )


@so_many(150)
@given(compositions())
def test_net_lies_between_nothing_and_list(c: Composition) -> None:
    """List MRR >= net MRR >= 0 for every item, and what can't be priced has no figure."""
    for item in priced(c).items:
        assert item.list_micros >= item.net_micros >= 0
        assert item.usage_micros >= 0
        if item.problem is not None and not item.problem.startswith(("unknown_coupon", "coupon_", "discount_")):
            assert (0, 0) == (item.list_micros, item.net_micros)


@so_many(100)
@given(compositions(), st.sampled_from([2, 7, 100]))
def test_scaling_all_prices_scales_all_figures(c: Composition, k: int) -> None:
    """`k` times the prices are `k` times the figures: exactly before the one rounding, so within half a micro for each rounding."""
    base = priced(c)
    scaled = priced(replace(c, catalog=times(c.catalog, k), usage={i: u * k for i, u in c.usage.items()}))
    for a, b in zip(base.items, scaled.items, strict=True):
        for name in ("list_micros", "net_micros", "usage_micros"):
            assert 2 * abs(getattr(b, name) - k * getattr(a, name)) <= k + 1
        assert (a.excluded, a.problem) == (b.excluded, b.problem)


@so_many(100)
@given(st.integers(0, 10_000), st.integers(0, 50), st.integers(0, 50), st.lists(st.integers(0, 100), max_size=2))
def test_splitting_an_item_changes_nothing(cents: int, some: int, more: int, percents: list[int]) -> None:
    """An item split into two of part of its quantity is worth the same, list and net.

    Exactly so where the parts are whole micros, as here: monthly prices in whole cents and up to two discounts of whole percents.
    Elsewhere each part is rounded for itself, and the sum may be off by half a micro for each.
    """
    catalog = Catalog(
        {"p": Price("p", "basic", "usd", unit=Decimal(cents))}, {f"c{p}": Coupon(f"c{p}", percent_off=Decimal(p)) for p in percents}
    )
    discounts = tuple(Discount(f"d{n}", f"c{p}", NOW) for n, p in enumerate(percents))

    def of(*quantities: int) -> PricedSubscription:
        items = tuple(Item(f"si_{n}", "p", q) for n, q in enumerate(quantities))
        return price_subscription(
            Subscription("sub", "cus", "active", "usd", NOW, NOW, items, discounts=discounts), NOW, catalog, DEFAULT
        )

    whole, split = of(some + more), of(some, more)
    assert (whole.list_micros, whole.net_micros) == (split.list_micros, split.net_micros)


@so_many(100)
@given(compositions(), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(c: Composition, random: object) -> None:
    """Every item is worth the same wherever it stands among the others."""
    items = list(c.subscription.items)
    random.shuffle(items)  # type: ignore[attr-defined]  # hypothesis hands in a random.Random
    moved = priced(replace(c, subscription=replace(c.subscription, items=tuple(items))))
    by_id = {item.item: item for item in moved.items}
    assert {item.item: item for item in priced(c).items} == by_id


@so_many(100)
@given(compositions(), policies())
def test_without_discounts_net_is_list(c: Composition, policy: Policy) -> None:
    """A policy that counts no discounts gives the list price, and no word on coupons."""
    for item in priced(replace(c, policy=replace(policy, discounts="none"))).items:
        assert item.list_micros == item.net_micros
        assert item.problem not in ("unknown_coupon", "coupon_currency_unknown")


@so_many(150)
@given(st.data())
def test_the_same_key_is_the_same_price(data: st.DataObject) -> None:
    """Two compositions of one catalog and policy with one key have the same items but for their ids."""
    catalog, policy = data.draw(catalogs()), data.draw(policies())
    a = data.draw(compositions(catalog, policy))
    twin = replace(
        a.subscription,
        id="sub_other",
        customer="cus_other",
        items=tuple(replace(i, id=f"other_{i.id}", period_start=a.at) for i in a.subscription.items),
    )
    b = replace(
        a,
        subscription=twin,
        tax_share={f"other_{i}": s for i, s in a.tax_share.items()},
        usage={f"other_{i}": u for i, u in a.usage.items()},
    )
    assert key(a) == key(b)
    assert relabelled(priced(a), twin) == priced(b)
    other = data.draw(compositions(catalog, policy))
    if priced(a) != priced(other) and len(a.subscription.items) == len(other.subscription.items):
        assert key(a) != key(other)


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "eur"},
        {"items": (Item("si", "p", 2),)},
        {"items": (Item("si", "q", 1),)},
        {"items": (Item("si", "p", 1, trial_end=Instant(BEGIN + 1)),)},
        {"items": (Item("si", "p", 1, (Discount("d", "c", NOW),)),)},
        {"discounts": (Discount("d", "c", NOW),)},
    ],
    ids=["currency", "quantity", "price", "trial", "item discount", "discount"],
)
def test_the_key_tells_compositions_apart(change: dict[str, object]) -> None:
    """Each thing that a price depends on is in the key."""
    catalog = Catalog({}, {"c": Coupon("c", percent_off=Decimal(10))})
    plain = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1),))
    assert composition_key(plain, NOW, catalog, DEFAULT) != composition_key(replace(plain, **change), NOW, catalog, DEFAULT)  # type: ignore[arg-type]


def test_circumstances_are_in_the_key() -> None:
    """So are the customer's discount, the share of tax and the usage."""
    catalog = Catalog({}, {"c": Coupon("c", percent_off=Decimal(10))})
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1),))
    keys = {
        composition_key(s, NOW, catalog, DEFAULT),
        composition_key(s, NOW, catalog, DEFAULT, customer_discount=Discount("d", "c", NOW)),
        composition_key(s, NOW, catalog, DEFAULT, tax_share={"si": Fraction(1, 6)}),
        composition_key(s, NOW, catalog, DEFAULT, usage={"si": Fraction(5)}),
    }
    assert 4 == len(keys)


def test_dates_are_not_in_the_key() -> None:
    """Ids, periods and the moment itself don't keep two subscriptions from sharing a price, until a discount begins or ends between."""
    catalog = Catalog({}, {"c": Coupon("c", percent_off=Decimal(10))})
    a = Subscription(
        "a", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1, period_start=NOW),), discounts=(Discount("d", "c", NOW),)
    )
    b = replace(
        a,
        id="b",
        start=Instant(BEGIN + 5),
        items=(Item("other", "p", 1),),
        discounts=(Discount("e", "c", Instant(BEGIN - 5), Instant(BEGIN + 99)),),
    )
    assert composition_key(a, NOW, catalog, DEFAULT) == composition_key(b, Instant(BEGIN + 50), catalog, DEFAULT)
    assert composition_key(a, NOW, catalog, DEFAULT) != composition_key(b, Instant(BEGIN + 99), catalog, DEFAULT)


def test_a_trial_is_in_the_key_till_it_ends() -> None:
    """At its last second, and no more at its end."""
    on_trial = Subscription("a", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1, trial_end=Instant(NOW + DAY)),))
    paid = replace(on_trial, items=(Item("si", "p", 1),))
    last, over = Instant(NOW + DAY - 1), Instant(NOW + DAY)
    assert composition_key(on_trial, last, Catalog(), DEFAULT) != composition_key(paid, last, Catalog(), DEFAULT)
    assert composition_key(on_trial, over, Catalog(), DEFAULT) == composition_key(paid, over, Catalog(), DEFAULT)


def test_a_price_is_relabelled_item_by_item() -> None:
    """One item may keep its id while another gets a new one."""
    catalog = Catalog({"u": PER_UNIT})
    one = Subscription("a", "cus", "active", "usd", NOW, NOW, (Item("kept", "u", 1), Item("old", "u", 2)))
    other = replace(one, items=(Item("kept", "u", 1), Item("new", "u", 2)))
    found = price_subscription(one, NOW, catalog, DEFAULT)
    assert found == relabelled(found, one)
    assert ["kept", "new"] == [item.item for item in relabelled(found, other).items]
    assert relabelled(found, other) == price_subscription(other, NOW, catalog, DEFAULT)


def test_months_in_a_period() -> None:
    """Weeks and days follow the policy, unknown intervals and counts are None."""
    assert Fraction(3) == months_in_period("month", 3, DEFAULT)
    assert Fraction(24) == months_in_period("year", 2, DEFAULT)
    assert Fraction(24, 52) == months_in_period("week", 2, DEFAULT)
    assert Fraction(120, 365) == months_in_period("day", 10, DEFAULT)
    four = preset("default", weeks="4", days="30")
    assert (Fraction(1, 2), Fraction(1, 3)) == (months_in_period("week", 2, four), months_in_period("day", 10, four))
    assert months_in_period("fortnight", 1, DEFAULT) is None
    assert months_in_period("month", 0, DEFAULT) is None


PER_UNIT = Price("u", "basic", "usd", unit=Decimal(1000))


def test_a_coupon_for_one_invoice_ends_with_each_items_period() -> None:
    """Its ends are listed for the items whose price is known, in the calendar's months."""
    leap = Instant(1_706_659_200)  # 31 January 2024
    catalog = Catalog(
        {
            "month": Price("month", "basic", "usd", unit=Decimal(1)),
            "year": Price("year", "basic", "usd", interval="year", unit=Decimal(1)),
            "week": Price("week", "basic", "usd", interval="week", interval_count=2, unit=Decimal(1)),
            "odd": Price("odd", "basic", "usd", interval="fortnight", unit=Decimal(1)),
        }
    )
    items = tuple(Item(f"si_{n}", p, 1) for n, p in enumerate(["month", "year", "week", "odd", "lost"]))
    s = Subscription("sub", "cus", "active", "usd", leap, leap, items)
    ends = once_ends(Discount("d", "c", leap), s, catalog)
    assert (leap + 29 * DAY, leap + 366 * DAY, leap + 14 * DAY) == ends


def test_an_unknown_duration_is_not_guessed() -> None:
    """A coupon that lasts in a way nobody knows is reported, under every policy that counts discounts at all."""
    catalog = Catalog(
        {"p": Price("p", "basic", "usd", unit=Decimal(1000))}, {"c": Coupon("c", percent_off=Decimal(50), duration="lunar")}
    )
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1),), discounts=(Discount("d", "c", NOW),))
    found = {d: price_subscription(s, NOW, catalog, preset("default", discounts=d)).items[0] for d in ("none", "forever", "all")}
    assert {"none": None, "forever": "coupon_duration_unknown", "all": "coupon_duration_unknown"} == {
        d: p.problem for d, p in found.items()
    }
    assert {10_000_000} == {p.net_micros for p in found.values()}


def test_a_discount_without_a_coupon_is_reported() -> None:
    """A discount whose coupon is gone, or says neither a percentage nor an amount, takes nothing off and says so."""
    catalog = Catalog({"p": Price("p", "basic", "usd", unit=Decimal(1000))}, {"empty": Coupon("empty")})
    for coupon in (None, "empty"):
        s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1),), discounts=(Discount("d", coupon, NOW),))
        (item,) = price_subscription(s, NOW, catalog, DEFAULT).items
        assert ("unknown_coupon", 10_000_000) == (item.problem, item.net_micros)


def test_what_a_trial_would_be_worth_is_after_discounts_of_what_recurs() -> None:
    """30.00 on trial with 10.00 off would be 20.00: usage of 50.00 and a setup fee beside it bear no part of that, nor a coupon's problem."""
    catalog = Catalog(
        {
            "p": replace(PER_UNIT, id="p", unit=Decimal(3000)),
            "usage": replace(PER_UNIT, id="usage", usage="metered"),
            "setup": replace(PER_UNIT, id="setup", kind="one_time"),
        },
        {"off": Coupon("off", amount_off=1000, currency="usd")},
    )
    items = (Item("a", "p", 1, trial_end=Instant(NOW + DAY)), Item("b", "usage", None), Item("c", "setup", 1))
    for coupon, net, problem in (("off", 20_000_000, None), ("mystery", 30_000_000, "unknown_coupon")):
        s = Subscription("sub", "cus", "active", "usd", NOW, NOW, items, discounts=(Discount("d", coupon, NOW),))
        found = price_subscription(s, NOW, catalog, DEFAULT, usage={"b": Fraction(5000)}).items
        assert [(net, "item_trial", problem), (0, "metered", None), (0, "one_off", None)] == [
            (item.net_micros, item.excluded, item.problem) for item in found
        ]
        (alone,) = price_subscription(replace(s, items=items[:1]), NOW, catalog, DEFAULT).items
        assert (net, "item_trial") == (alone.net_micros, alone.excluded)


def test_a_strange_billing_scheme_is_reported() -> None:
    """A scheme that nobody knows is not priced as if it were per unit."""
    catalog = Catalog({"p": replace(PER_UNIT, id="p", scheme="auction")})
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1),))
    assert "scheme_unknown" == price_subscription(s, NOW, catalog, DEFAULT).items[0].problem


def test_labels_of_an_item() -> None:
    """An item carries its price, product, interval and quantity for segments and causes."""
    catalog = Catalog(
        {"p": PER_UNIT, "q": replace(PER_UNIT, interval_count=3), "y": replace(PER_UNIT, interval="year")},
    )
    items = (Item("a", "p", 1), Item("b", "q", 2), Item("c", "y", 3), Item("d", "lost", 4))
    found = price_subscription(Subscription("sub", "cus", "active", "usd", NOW, NOW, items), NOW, catalog, DEFAULT)
    assert [
        ("a", "p", "basic", "month", 1),
        ("b", "q", "basic", "3 months", 2),
        ("c", "y", "basic", "year", 3),
        ("d", "lost", None, None, 4),
    ] == [(i.item, i.price, i.product, i.interval, i.quantity) for i in found.items]


@pytest.mark.parametrize(
    "price",
    [
        Price("absurd", "prod", "usd", unit=Decimal(99_999_999_900)),
        Price("absurd", "prod", "jpy", unit=Decimal(10**10), options=(CurrencyOption("usd", Decimal(10**10)),)),
        Price("absurd", "prod", "usd", interval="day", unit=Decimal(10**5)),
        Price("absurd", "prod", "usd", scheme="tiered", tiers_mode="volume", tiers=(Tier(None, Decimal(10**6), None),)),
    ],
)
def test_more_than_can_be_counted_with_is_no_price(price: Price) -> None:
    """A thousand million of it: the item is 0 with its problem, the other item is what it is."""
    items = (Item("si_1", "absurd", 10**9), Item("si_2", "good", 1))
    catalog = Catalog(prices={"absurd": price, "good": Price("good", "prod", "usd", unit=Decimal(2000))})
    quantity = replace(items[0], quantity=10**12 if price.interval == "day" else 10**9)
    found = price_subscription(Subscription("s", "c", "active", "usd", NOW, NOW, (quantity, items[1])), NOW, catalog, DEFAULT)
    assert [(0, "amount_out_of_bounds"), (20_000_000, None)] == [(i.net_micros, i.problem) for i in found.items]


def test_a_price_of_unknown_type_is_not_guessed() -> None:
    """Neither left out as billed once nor taken for recurring; nor is an interval that is missing a month."""
    odd = Price("odd", "p", "usd", kind="someday", unit=Decimal(1000))
    bare = Price("bare", "p", "usd", usage="", interval="", interval_count=0, unit=Decimal(1000))
    catalog = Catalog({"odd": odd, "bare": bare})
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("a", "odd", 1), Item("b", "bare", 1)))
    priced = price_subscription(s, NOW, catalog, DEFAULT).items
    assert [("price_type_unknown", None, 0), ("interval_unknown", None, 0)] == [
        (p.problem, p.excluded, p.list_micros) for p in priced
    ]


def test_a_problem_with_a_coupon_names_it() -> None:
    """So that whoever reads the finding knows where to look."""
    catalog = Catalog({"p": Price("p", "basic", "usd", unit=Decimal(1000))})
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "p", 1),), discounts=(Discount("d", "GONE", NOW),))
    (item,) = price_subscription(s, NOW, catalog, DEFAULT).items
    assert ("unknown_coupon", "GONE") == (item.problem, item.coupon)
