"""Prices, plans, coupons and products: every way in which Stripe writes what something costs, exactly."""

from decimal import Decimal
from typing import Any

import pytest

from integrations.stripe.currencies import KNOWN
from metrics.evidence import Coupon, CurrencyOption, Price, Product, Tier, Transform
from metrics.money import THREE_DECIMAL, ZERO_DECIMAL
from tests.integrations.stripe.decode.decoding import bare, listed
from tests.integrations.stripe.shaped import PLAN, PRICE


def price(**changes: Any) -> Price:
    """The price that a list of one gives."""
    page = listed("price", PRICE | changes)
    assert () == page.rejected
    return page.prices[0]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"unit_amount": 2500, "unit_amount_decimal": "2500"}, Decimal(2500)),
        ({"unit_amount": None, "unit_amount_decimal": "0.123456789012"}, Decimal("0.123456789012")),
        ({"unit_amount": None, "unit_amount_decimal": 0.1}, Decimal("0.1")),
        ({"unit_amount": None, "unit_amount_decimal": "12.50"}, Decimal("12.5")),
        ({"unit_amount": 7, "unit_amount_decimal": None}, Decimal(7)),
        ({"unit_amount": 0, "unit_amount_decimal": "0"}, Decimal(0)),
        ({"unit_amount": None, "unit_amount_decimal": "1E+3"}, Decimal(1000)),
        ({"unit_amount": None, "unit_amount_decimal": None, "custom_unit_amount": {"minimum": 100}}, None),
        ({"unit_amount": 2**62 // 10_000, "unit_amount_decimal": None}, Decimal(2**62 // 10_000)),
    ],
)
def test_amounts_are_exact(written: dict[str, Any], expected: Decimal | None) -> None:
    """Whole or to twelve places, as a string or a number: the same plain decimal, with the same text, and never a float."""
    found = price(**written).unit
    assert (expected, str(expected)) == (found, str(found))


def test_a_tiered_price_with_options() -> None:
    """Tiers with flat and unit parts, in other currencies too; the price's own currency is no option; `inf` has no end."""
    tiers = [
        {"up_to": 5, "unit_amount": 1500, "unit_amount_decimal": "1500", "flat_amount": 2000, "flat_amount_decimal": "2000"},
        {"up_to": None, "unit_amount": None, "unit_amount_decimal": "0.5", "flat_amount": None, "flat_amount_decimal": None},
    ]
    options = {
        "USD": {"unit_amount": None, "tiers": tiers},
        "eur": {"unit_amount": None, "tiers": [{"up_to": "inf", "flat_amount_decimal": "1"}]},
        "jpy": {"unit_amount": 300, "unit_amount_decimal": "300", "tiers": []},
        "zzz": {"unit_amount": 1},
    }
    found = price(
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=tiers,
        unit_amount=None,
        unit_amount_decimal=None,
        currency_options=options,
        tax_behavior="inclusive",
        nickname="Team",
        currency="USD",
    )
    assert Price(
        "price_pro",
        "prod_pro",
        "usd",
        scheme="tiered",
        tiers_mode="graduated",
        tiers=(Tier(5, Decimal(1500), Decimal(2000)), Tier(None, Decimal("0.5"), None)),
        options=(CurrencyOption("eur", None, (Tier(None, None, Decimal(1)),)), CurrencyOption("jpy", Decimal(300), ())),
        tax_behavior="inclusive",
        nickname="Team",
    ) == bare(found)


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"type": "one_time", "recurring": None}, "kind", "one_time"),
        ({"type": None, "recurring": None}, "kind", ""),
        ({"type": "someday", "recurring": None}, "kind", "someday"),
        ({"recurring": None}, "interval", ""),
        ({"recurring": {"interval": "week", "interval_count": 2, "usage_type": "metered"}}, "usage", "metered"),
        ({"recurring": {"interval": "week", "interval_count": 2}}, "interval_count", 2),
        ({"recurring": {"interval": "day", "interval_count": None}}, "interval", "day"),
        ({"transform_quantity": {"divide_by": 10, "round": "up"}}, "transform", Transform(10, "up")),
        ({"transform_quantity": None}, "transform", None),
        ({"tax_behavior": None}, "tax_behavior", "unspecified"),
        ({"billing_scheme": "tiered", "tiers_mode": "volume"}, "tiers", None),
        ({"product": {"id": "prod_x", "name": "X"}}, "product", "prod_x"),
        ({"product": None}, "product", ""),
    ],
)
def test_fields_of_a_price(changes: dict[str, Any], field: str, expected: object) -> None:
    """Each field by itself, absent or null as it may be."""
    assert expected == getattr(price(**changes), field)


def test_a_plan_tells_what_its_price_tells() -> None:
    """A plan and the price that stands for it give the same."""
    (by_plan,) = listed("plan", PLAN | {"transform_usage": {"divide_by": 3, "round": "down"}}).prices
    assert price(transform_quantity={"divide_by": 3, "round": "down"}) == by_plan


def test_an_expanded_product_is_noted() -> None:
    """A product met inside a price is known from then on."""
    page = listed(
        "price", PRICE | {"product": {"id": "prod_x", "name": "X"}}, PRICE | {"product": {"id": "prod_y", "deleted": True}}
    )
    assert (Product("prod_x", "X"),) == page.products
    assert (Product("prod_1", "Thing"),) == listed("product", {"id": "prod_1", "name": "Thing"}).products


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"percent_off": 25.5}, {"percent_off": Decimal("25.5")}),
        ({"percent_off": 50.0}, {"percent_off": Decimal(50)}),
        ({"percent_off": "33.333333"}, {"percent_off": Decimal("33.333333")}),
        (
            {"amount_off": 500, "currency": "EUR", "currency_options": {"eur": {"amount_off": 500}, "usd": {"amount_off": 600}}},
            {"amount_off": 500, "currency": "eur", "amount_options": (("usd", 600),)},
        ),
        ({"duration": "repeating", "duration_in_months": 3}, {"duration": "repeating", "months": 3}),
        ({"duration": "once"}, {"duration": "once"}),
        ({"applies_to": {"products": ["prod_b", "prod_a"]}}, {"products": ("prod_a", "prod_b")}),
        ({"applies_to": {"products": []}}, {"products": None}),
    ],
)
def test_a_coupon(written: dict[str, Any], expected: dict[str, Any]) -> None:
    """Percent or amount, in other currencies, for how long and for which products."""
    base = {"id": "C", "object": "coupon", "duration": "forever", "amount_off": None, "percent_off": None, "currency": None}
    assert (Coupon(**({"id": "C"} | expected)),) == bare(listed("coupon", base | written).coupons)


@pytest.mark.parametrize(
    ("kind", "shape", "reason"),
    [
        ("price", PRICE | {"currency": "zzz"}, "unknown_currency"),
        ("price", PRICE | {"currency": None}, "unknown_currency"),
        ("price", PRICE | {"id": None}, "missing_id"),
        ("price", PRICE | {"unit_amount_decimal": "NaN"}, "bad_amount"),
        ("price", PRICE | {"unit_amount_decimal": "1E+9999999"}, "bad_amount"),
        ("price", PRICE | {"unit_amount_decimal": "1E-9999999"}, "bad_amount"),
        ("price", PRICE | {"unit_amount_decimal": "ten"}, "bad_shape"),
        ("price", PRICE | {"unit_amount": 2**63}, "bad_shape"),
        ("price", PRICE | {"unit_amount": 10**100}, "bad_shape"),
        ("price", PRICE | {"unit_amount": 1.5}, "bad_shape"),
        ("price", PRICE | {"recurring": {"interval": "month", "interval_count": -1}}, "bad_interval"),
        ("price", PRICE | {"tiers": [{"up_to": "many"}]}, "bad_tier"),
        ("price", PRICE | {"transform_quantity": {"divide_by": 0, "round": "up"}}, "bad_transform"),
        ("coupon", {"id": "C", "amount_off": 1, "currency": "zzz"}, "unknown_currency"),
        ("product", {"name": "x"}, "missing_id"),
    ],
)
def test_what_costs_nobody_knows_what(kind: str, shape: dict[str, Any], reason: str) -> None:
    """An amount that is none, or in an unknown currency, is set aside by name and reason; its neighbour isn't."""
    good = {"price": PRICE | {"id": "price_good"}, "coupon": {"id": "GOOD", "percent_off": 5}, "product": {"id": "prod_good"}}[kind]
    page = listed(kind, shape, good)
    assert [(shape.get("id") or "(no id)", kind, reason)] == [(r.object_id, r.kind, r.reason) for r in page.rejected]
    assert 1 == len(page.prices) + len(page.coupons) + len(page.products)


def test_every_currency_with_odd_decimals_is_known() -> None:
    """No currency whose minor unit is special is taken for a fault in the data."""
    assert set() == (ZERO_DECIMAL | THREE_DECIMAL) - KNOWN
