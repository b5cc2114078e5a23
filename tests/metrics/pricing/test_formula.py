"""The arithmetic behind a price, said aloud, and the quantity that amounts on lines stand for."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given

from metrics.evidence import Coupon, CurrencyOption, Discount, Item, Price, Subscription, Tier
from metrics.policy import DEFAULT
from metrics.pricing.catalog import Catalog
from metrics.pricing.formula import explain_item
from metrics.pricing.pricing import (
    quantity_behind,
)
from tests.examples import so_many
from tests.metrics.pricing.test_pricing import NOW, PER_UNIT, priced
from tests.oracle.compositions import Composition, compositions

TIERS = (
    Tier(5, Decimal(1000), None),
    Tier(10, Decimal(800), Decimal(2000)),
    Tier(None, Decimal("600.4"), Decimal(500)),
)
GRADUATED = Price("g", "basic", "usd", scheme="tiered", tiers_mode="graduated", tiers=TIERS)
VOLUME = replace(GRADUATED, id="v", tiers_mode="volume")
DOUBTFUL = replace(GRADUATED, id="d", tiers=(Tier(5, Decimal(1000), None), Tier(None, Decimal(400), Decimal(800))))
HALF = replace(GRADUATED, id="h", tiers=(Tier(5, Decimal(1000), None), Tier(None, Decimal(100), Decimal("99.5"))))
FINITE = replace(VOLUME, id="f", tiers=(Tier(10, Decimal(500), None),))


@pytest.mark.parametrize(
    ("expected", "lines", "price", "why"),
    [
        (7, [(7, 7000)], PER_UNIT, "one line states its quantity"),
        (6, [(5, 5000), (1, 800), (0, 2000)], GRADUATED, "a line for each tier; the flat amount's says 0"),
        (6, [(5, 5000), (1, 800), (1, 2000)], GRADUATED, "the flat amount's says 1"),
        (6, [(5, 5000), (1, 800), (None, 2000)], GRADUATED, "the flat amount's says nothing"),
        (2, [(2, 2000)], GRADUATED, "2 × 10.00 looks like the flat amount, and isn't"),
        (12, [(5, 5000), (5, 4000), (0, 2000), (2, 1201), (0, 500)], GRADUATED, "each line rounded by itself"),
        (8, [(8, 6400), (0, 2000)], VOLUME, "volume"),
        (8, [(8, 6400), (8, 2000)], VOLUME, "volume, and the flat amount's repeats the quantity"),
        (3, [(3, -1234)], GRADUATED, "a proration fits no price: its units are taken"),
        (6, [(5, 3333), (1, 533), (1, 2000)], GRADUATED, "lines of a proration; the one that is a flat amount is left out"),
        (6, [(5, 5000), (1, 800)], replace(GRADUATED, tiers=None), "unknown tiers: units are added up"),
        (6, [(5, 5000), (1, 800)], None, "an unknown price: likewise"),
        (7, [(5, 5000), (2, 800), (1, 800)], DOUBTFUL, "2 × 4.00 looks like the flat amount as much as the flat amount does"),
        (6, [(5, 5000), (1, 100), (1, 100)], HALF, "a flat amount of 99.5 cents is billed as 1.00"),
        (8, [(8, 4000), (8, 0)], FINITE, "a line for nothing repeats the quantity; 16 have no price"),
        (Decimal("5.5"), [(5, 5000), (Decimal("0.5"), 400), (0, 2000)], GRADUATED, "half a unit in the second tier"),
        (None, [(None, 5000)], GRADUATED, "nothing is said"),
        (0, [(0, 0)], GRADUATED, "nothing is bought"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_quantity_behind_lines(
    expected: int | Decimal | None, lines: list[tuple[int | Decimal | None, int]], price: Price | None, why: str
) -> None:
    """The quantity that several lines of one item and period bill is found again."""
    assert expected == quantity_behind(lines, price, "usd"), why


def test_the_quantity_behind_lines_in_another_currency() -> None:
    """The tiers of the currency that was billed decide."""
    euro = replace(
        GRADUATED, options=(CurrencyOption("eur", None, (Tier(5, Decimal(900), None), Tier(None, Decimal(700), Decimal(100)))),)
    )
    assert quantity_behind([(5, 4500), (1, 700), (1, 100)], euro, "eur") == 6
    assert quantity_behind([(5, 5000), (1, 800)], euro, "gbp") == 6


def words(price: Price, quantity: int, *coupons: Coupon, **circumstances: object) -> str:
    """The arithmetic of a subscription with one item."""
    s = Subscription(
        "sub",
        "cus",
        "active",
        price.currency,
        NOW,
        NOW,
        (Item("si", price.id, quantity),),
        discounts=tuple(Discount(f"d_{c.id}", c.id, NOW) for c in coupons),
    )
    catalog = Catalog({price.id: price}, {c.id: c for c in coupons})
    return explain_item(s, "si", NOW, catalog, DEFAULT, **circumstances).words  # type: ignore[arg-type]


def test_the_arithmetic_reads_aloud() -> None:
    """Price × quantity ÷ months − discounts = MRR, with the names of the coupons."""
    seat = Price("seat", "basic", "usd", unit=Decimal(4999))
    save = Coupon("SAVE20", percent_off=Decimal(20))
    assert "49.99 USD × 3 ÷ 1 month − 20 % (coupon SAVE20) = 119.976 USD a month" == words(seat, 3, save)
    yearly = replace(seat, interval="year", unit=Decimal(48000))
    off = Coupon("MINUS120", amount_off=12000, currency="usd")
    assert "480.00 USD × 1 ÷ 12 months − 120.00 USD ÷ 12 months (coupon MINUS120) = 30.00 USD a month" == words(yearly, 1, off)
    assert "(10.00 USD × 5 + 8.00 USD × 1 + 20.00 USD flat) ÷ 1 month = 78.00 USD a month" == words(GRADUATED, 6)
    fortnight = replace(seat, interval="week", interval_count=2, unit=Decimal(2400))
    assert "24.00 USD × 1 ÷ (2 × 12/52 months) = 52.00 USD a month" == words(fortnight, 1)
    theirs = Discount("d_SAVE20", "SAVE20", NOW)
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, (Item("si", "seat", 3),))
    told = explain_item(s, "si", NOW, Catalog({"seat": seat}, {"SAVE20": save}), DEFAULT, customer_discount=theirs).words
    assert "49.99 USD × 3 ÷ 1 month − 20 % (coupon SAVE20 of the customer) = 119.976 USD a month" == told
    gross = replace(seat, currency="eur", unit=Decimal(11900))
    assert "119.00 EUR × 1 ÷ 1 month − 19/119 of it (tax included) = 100.00 EUR a month" == words(
        gross, 1, tax_share={"si": Fraction(19, 119)}
    )
    assert "price bare can't be priced: its tiers are not known (tiers_unknown)" == words(
        replace(GRADUATED, id="bare", tiers=None), 6
    )


def test_explaining_an_item_that_is_not_there() -> None:
    """Asking for an item of another subscription is an error, not an empty sentence."""
    s = Subscription("sub", "cus", "active", "usd", NOW, NOW, ())
    with pytest.raises(KeyError, match="sub has no item si_9"):
        explain_item(s, "si_9", NOW, Catalog(), DEFAULT)


@so_many(100)
@given(compositions())
def test_everything_can_be_explained(c: Composition) -> None:
    """Whatever is priced has a sentence with the same figures."""
    for item in priced(c).items:
        explained = explain_item(
            c.subscription,
            item.item,
            c.at,
            c.catalog,
            c.policy,
            customer_discount=c.customer_discount,
            tax_share=c.tax_share,
            usage=c.usage,
        )
        assert item == explained.priced
        assert explained.words
