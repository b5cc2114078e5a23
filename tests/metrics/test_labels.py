"""What plans, products and accounts are called."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.dimensions import label, values
from metrics.evidence import Price, Product, Transform
from metrics.labels import WITHOUT_RATE, names_of, plan_words, segment_words
from metrics.pricing.catalog import Catalog
from metrics.retention import figures

TEAM = Product("prod_1", "Team")
MONTHLY = Price("price_1", "prod_1", "usd", unit=Decimal(4900))


@pytest.mark.parametrize(
    ("price", "product", "expected"),
    [
        (MONTHLY, TEAM, "Team, 49.00 USD a month"),
        (replace(MONTHLY, interval_count=3), TEAM, "Team, 49.00 USD every 3 months"),
        (replace(MONTHLY, currency="jpy"), TEAM, "Team, 4900 JPY a month"),
        (replace(MONTHLY, unit=Decimal("0.5")), TEAM, "Team, 0.005 USD a month"),
        (replace(MONTHLY, scheme="tiered", unit=None), TEAM, "Team, in tiers, USD a month"),
        (replace(MONTHLY, unit=None), TEAM, "Team, USD a month"),
        (replace(MONTHLY, unit=Decimal("0.0012")), TEAM, "Team, 0.000012 USD a month"),
        (replace(MONTHLY, currency="kwd", unit=Decimal(1500)), TEAM, "Team, 1.500 KWD a month"),
        (replace(MONTHLY, transform=Transform(100, "up")), TEAM, "Team, 49.00 USD for 100 a month"),
        (replace(MONTHLY, unit=Decimal(2), usage="metered"), TEAM, "Team, 0.02 USD by use a month"),
        (MONTHLY, replace(TEAM, name=""), None),
        (replace(MONTHLY, kind="one_time"), TEAM, "Team, 49.00 USD once"),
        (replace(MONTHLY, nickname="Monthly"), TEAM, "Team, Monthly"),
        (replace(MONTHLY, nickname="team (old)"), TEAM, "team (old)"),
        (replace(MONTHLY, nickname="Monthly"), None, "Monthly"),
        (MONTHLY, replace(TEAM, name=None), None),
        (MONTHLY, None, None),
    ],
)
def test_a_price_is_called_as_people_call_it(price: Price, product: Product | None, expected: str | None) -> None:
    """Its product's name with its own nickname, unless that names the product already; without one with what it costs."""
    assert expected == plan_words(price, product)


def test_what_nobody_named_is_shown_as_it_is() -> None:
    """In one dimension and in two, whatever commas a value has."""
    names = {
        **dict(names_of(Catalog({"price_1": MONTHLY}, {}, {"prod_1": TEAM, "prod_2": Product("prod_2")}))),
        ("account", "1"): "main",
    }
    assert {("plan", "price_1"), ("product", "prod_1"), ("account", "1")} == set(names)
    assert ("Team", "prod_2", "main", "DE") == tuple(
        segment_words(dimension, segment, names)
        for dimension, segment in (("product", "prod_1"), ("product", "prod_2"), ("account", "1"), ("country", "DE"))
    )
    two = label(["price_1", "food, drink"])
    assert "Team, 49.00 USD a month, food, drink" == segment_words("plan,metadata.industry", two, names)
    assert "Team, 49.00 USD a month, Team" == segment_words("plan,product", label(["price_1", "prod_1"]), names)


@given(st.lists(st.text(), min_size=2, max_size=3))
def test_the_values_of_a_segment_are_found_again(parts: list[str]) -> None:
    """Whatever commas and backslashes are in them."""
    assert tuple(parts) == values(label(parts))


def test_every_reason_for_which_there_is_no_rate_has_words() -> None:
    """What the figures say is null for is never shown to people as a code word."""
    reasons = {figures.OPENING_ZERO, figures.GAP, figures.NOTHING_LOST, figures.BELOW_ZERO, figures.NOT_RANKED}
    assert reasons <= set(WITHOUT_RATE)
    assert not [words for words in WITHOUT_RATE.values() if "_" in words]
