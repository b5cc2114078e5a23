"""What is priced once and remembered is what it would be if it were priced alone."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import Coupon, Discount, Instant, Item, Price, Subscription
from metrics.policy import DEFAULT
from metrics.pricing.catalog import Catalog
from metrics.pricing.price_cache import Pricer
from tests.examples import so_many
from tests.metrics.pricing.test_pricing import NOW, priced
from tests.oracle.compositions import DAY, catalogs, compositions, policies


@so_many(150)
@given(st.data())
def test_what_is_remembered_is_what_it_would_be(data: st.DataObject) -> None:
    """One pricer, many subscriptions of a catalog, with discounts and without: each is priced as if it were the only one."""
    catalog, policy = data.draw(catalogs()), data.draw(policies())
    pricer = Pricer(catalog, policy)
    drawn = [data.draw(compositions(catalog, policy)) for _ in range(3)]
    plain = [
        replace(
            c,
            subscription=replace(
                c.subscription,
                currency=currency,
                discounts=(),
                items=tuple(replace(item, id=f"{item.id}_{number}", discounts=()) for item in c.subscription.items),
            ),
            customer_discount=None,
            tax_share={},
            usage={},
        )
        for number, c in enumerate(drawn)
        for currency in (c.subscription.currency, "jpy", "usd")
    ]
    for c in (*drawn, *plain, *drawn):
        found = pricer.price(c.subscription, c.at, customer_discount=c.customer_discount, tax_share=c.tax_share, usage=c.usage)
        assert priced(c) == found


def test_an_item_alone_is_remembered_apart_from_what_takes_part_in_its_price() -> None:
    """One price and quantity: plain, at half price by its own coupon, by its subscription's, by its customer's, and by an amount shared with another."""
    catalog = Catalog(
        {"p": Price("p", "prod", "usd", unit=Decimal(1_000))},
        {"half": Coupon("half", percent_off=Decimal(50)), "off": Coupon("off", amount_off=600, currency="usd")},
    )
    half, off = Discount("di_half", "half", NOW), Discount("di_off", "off", NOW)
    one, other = Item("si_1", "p", 1), Item("si_2", "p", 1)
    plain = Subscription("sub", "cus", "active", "usd", NOW, NOW, (one,))
    cases = [
        (plain, None, [10_000_000]),
        (replace(plain, discounts=(half,)), None, [5_000_000]),
        (replace(plain, items=(replace(one, discounts=(half,)),)), None, [5_000_000]),
        (plain, half, [5_000_000]),
        (replace(plain, items=(one, other), discounts=(off,)), None, [7_000_000, 7_000_000]),
        (replace(plain, items=(one, other)), None, [10_000_000, 10_000_000]),
        (replace(plain, items=(replace(one, trial_end=Instant(NOW + DAY)),)), None, [10_000_000]),
    ]
    for order in (cases, cases[::-1]):
        pricer = Pricer(catalog, DEFAULT)
        for subscription, discount, expected in (*order, *order):
            found = pricer.price(subscription, NOW, customer_discount=discount)
            assert expected == [item.net_micros for item in found.items]
            assert (subscription is cases[6][0]) == (found.items[0].excluded == "item_trial")
