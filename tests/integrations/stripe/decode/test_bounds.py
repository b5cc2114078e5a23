"""What can't be counted with is set aside alone, by id and reason, wherever it hides; the rest of its page goes on."""

from decimal import Decimal
from typing import Any

import pytest

from integrations.stripe.decode.bounds import FIRST, LAST, MOST_COUNTED, bounded
from integrations.stripe.decode.errors import Unusable
from metrics.evidence import Coupon, Discount, Instant, Price
from tests.integrations.stripe.decode.decoding import listed

REAL_DATES = True
NOW = 1_780_315_200
HUGE = 10**17
YEAR_ONE = -62_135_596_800
YEAR_2300 = 10_413_792_000

PRICE: dict[str, Any] = {
    "id": "price_1",
    "object": "price",
    "created": NOW,
    "currency": "usd",
    "product": "prod_1",
    "type": "recurring",
    "billing_scheme": "per_unit",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
    "unit_amount": 2000,
    "unit_amount_decimal": "2000",
}
DISCOUNT: dict[str, Any] = {
    "id": "di_1",
    "start": NOW,
    "end": None,
    "coupon": {"id": "co_1", "percent_off": 10, "amount_off": None, "currency": None, "duration": "forever"},
}
ITEM: dict[str, Any] = {
    "id": "si_1",
    "price": PRICE,
    "quantity": 1,
    "discounts": [],
    "current_period_start": NOW,
    "current_period_end": NOW + 2_678_400,
}
SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_1",
    "customer": "cus_1",
    "status": "active",
    "currency": "usd",
    "created": NOW,
    "start_date": NOW,
    "discounts": [],
    "items": {"data": [ITEM], "has_more": False},
    "metadata": {},
}
COUPON: dict[str, Any] = {
    "id": "co_1",
    "percent_off": None,
    "amount_off": 500,
    "currency": "usd",
    "duration": "forever",
    "created": NOW,
}
LINE: dict[str, Any] = {
    "id": "il_1",
    "amount": 2000,
    "currency": "usd",
    "quantity": 1,
    "period": {"start": NOW, "end": NOW + 2_678_400},
    "discounts": [],
    "discount_amounts": [],
    "taxes": [],
    "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}},
    "parent": {
        "type": "subscription_item_details",
        "subscription_item_details": {
            "subscription": "sub_1",
            "subscription_item": "si_1",
            "proration": False,
        },
    },
}
INVOICE: dict[str, Any] = {
    "id": "in_1",
    "customer": "cus_1",
    "status": "paid",
    "created": NOW,
    "currency": "usd",
    "amount_paid": 2000,
    "status_transitions": {"finalized_at": NOW, "paid_at": NOW},
    "lines": {"data": [LINE], "has_more": False},
}
CUSTOMER: dict[str, Any] = {"id": "cus_1", "created": NOW, "discount": None, "metadata": {}}
WHOLE = {"price": PRICE, "subscription": SUBSCRIPTION, "coupon": COUPON, "invoice": INVOICE, "customer": CUSTOMER}


def _with(whole: Any, path: str, value: Any) -> Any:
    """`whole` with something else at a place such as `items.data.0.quantity`."""
    first, _, rest = path.partition(".")
    if isinstance(whole, list):
        return [(_with(each, rest, value) if rest else value) if str(n) == first else each for n, each in enumerate(whole)]
    return {**whole, first: _with(whole.get(first) or {}, rest, value) if rest else value}


TIER = [{"up_to": "inf", "unit_amount": HUGE, "flat_amount": None}]
ABSURD = [
    ("price", "unit_amount_decimal", "1e39", "out_of_bounds"),
    ("price", "unit_amount_decimal", "-1e39", "out_of_bounds"),
    ("price", "unit_amount_decimal", "NaN", "bad_amount"),
    ("price", "unit_amount_decimal", "Infinity", "bad_amount"),
    ("price", "unit_amount_decimal", "1e999999", "bad_amount"),
    ("price", "tiers", TIER, "out_of_bounds"),
    ("price", "tiers", [{"up_to": 1, "unit_amount": 1, "flat_amount_decimal": "1e30"}], "out_of_bounds"),
    ("price", "currency_options", {"jpy": {"unit_amount": 10**13}}, "out_of_bounds"),
    ("price", "currency_options", {"eur": {"unit_amount": 1, "tiers": TIER}}, "out_of_bounds"),
    ("price", "recurring.interval_count", 10**9, "out_of_bounds"),
    ("price", "transform_quantity", {"divide_by": 10**18, "round": "up"}, "out_of_bounds"),
    ("coupon", "amount_off", HUGE, "out_of_bounds"),
    ("coupon", "amount_off", -5, "bad_amount"),
    ("coupon", "percent_off", 1e30, "bad_amount"),
    ("coupon", "percent_off", -1, "bad_amount"),
    ("coupon", "currency_options", {"eur": {"amount_off": HUGE}}, "out_of_bounds"),
    ("coupon", "duration_in_months", 10**9, "out_of_bounds"),
    ("subscription", "created", YEAR_ONE, "bad_date"),
    ("subscription", "start_date", YEAR_2300, "bad_date"),
    ("subscription", "trial_end", YEAR_2300, "bad_date"),
    ("subscription", "cancel_at", YEAR_2300, "bad_date"),
    ("subscription", "ended_at", YEAR_ONE, "bad_date"),
    ("subscription", "pause_collection", {"behavior": "void", "resumes_at": 2**62}, "bad_date"),
    ("subscription", "discounts", [DISCOUNT | {"end": 2**62}], "bad_date"),
    ("subscription", "discounts", [DISCOUNT | {"start": YEAR_ONE}], "bad_date"),
    ("subscription", "items.data.0.quantity", 10**15, "out_of_bounds"),
    ("subscription", "items.data.0.current_period_end", 2**62, "bad_date"),
    ("subscription", "items.data.0.current_trial", {"start_date": NOW, "end_date": YEAR_ONE}, "bad_date"),
    ("subscription", "items.data.0.discounts", [DISCOUNT | {"end": YEAR_ONE}], "bad_date"),
    (
        "subscription",
        "items.data.0",
        ITEM | {"quantity": 10**9, "price": PRICE | {"unit_amount": None, "unit_amount_decimal": "99999999900"}},
        "out_of_bounds",
    ),
    ("subscription", "pending_update", {"expires_at": 2**61}, "bad_date"),
    ("subscription", "pending_update", {"expires_at": NOW, "subscription_items": [ITEM | {"quantity": 10**15}]}, "out_of_bounds"),
    ("customer", "created", YEAR_ONE, "bad_date"),
    ("customer", "discount", DISCOUNT | {"end": YEAR_2300}, "bad_date"),
    ("invoice", "created", YEAR_ONE, "bad_date"),
    ("invoice", "amount_paid", HUGE, "out_of_bounds"),
    ("invoice", "status_transitions.voided_at", YEAR_2300, "bad_date"),
    ("invoice", "lines.data.0.amount", -HUGE, "out_of_bounds"),
    ("invoice", "lines.data.0.quantity", 10**15, "out_of_bounds"),
    ("invoice", "lines.data.0.period.end", 2**62, "bad_date"),
    ("invoice", "lines.data.0.taxes", [{"amount": HUGE, "tax_behavior": "inclusive"}], "out_of_bounds"),
    ("invoice", "lines.data.0.discounts", [DISCOUNT | {"end": YEAR_2300}], "bad_date"),
    ("invoice", "lines.data.0.discount_amounts", [{"amount": HUGE, "discount": "di_1"}], "out_of_bounds"),
]


@pytest.mark.parametrize(
    ("kind", "path", "value", "reason"), ABSURD, ids=[f"{kind}-{path}-{n}" for n, (kind, path, _, _) in enumerate(ABSURD)]
)
def test_an_absurd_object_is_set_aside_alone(kind: str, path: str, value: Any, reason: str) -> None:
    """By its id, with a reason; the one beside it on the page is read, and so it is without what is absurd."""
    good = WHOLE[kind] | {"id": "good"}
    page = listed(kind, _with(WHOLE[kind], path, value), good)
    assert [(WHOLE[kind]["id"], reason)] == [(each.object_id, each.reason) for each in page.rejected]
    assert 1 == len([*page.prices, *page.coupons, *page.customers, *page.subscriptions, *page.invoices])
    assert () == listed(kind, WHOLE[kind], good).rejected


def test_what_is_large_and_real_is_read() -> None:
    """A price of ten million million rupiah's minor units, a package price over a million million units, a tier without end in figures."""
    rupiah = PRICE | {"currency": "idr", "unit_amount": 10**13, "unit_amount_decimal": "10000000000000"}
    tiers = [{"up_to": 1, "unit_amount": 100_000_000}, {"up_to": 2**53, "unit_amount_decimal": "0.0001"}]
    tiered = PRICE | {"id": "price_2", "billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}
    many = _with(SUBSCRIPTION, "items.data.0", ITEM | {"price": tiered, "quantity": 10**12})
    assert () == listed("price", rupiah, tiered).rejected
    assert () == listed("subscription", many).rejected


@pytest.mark.parametrize(("at", "good"), [(FIRST - 1, False), (FIRST, True), (LAST - 1, True), (LAST, False)])
def test_the_bounds_are_half_open(at: int, good: bool) -> None:
    """From 2000 on, before 2200; a discount of which only the id is known has no date at all."""
    assert bounded(Discount("di", None, Instant(0)))
    if good:
        assert bounded(Discount("di", None, Instant(at)))
    else:
        with pytest.raises(Unusable, match="start is not between"):
            bounded(Discount("di", None, Instant(at)))


def test_the_bound_of_an_amount_is_of_its_currency() -> None:
    """Its micros are what must fit: yen have no minor unit."""
    assert bounded(Price("p", "prod", "usd", unit=Decimal(MOST_COUNTED * 100)))
    assert bounded(Price("p", "prod", "jpy", unit=Decimal(MOST_COUNTED)))
    with pytest.raises(Unusable, match="unit is larger"):
        bounded(Price("p", "prod", "jpy", unit=Decimal(MOST_COUNTED + 1)))
    with pytest.raises(Unusable, match="amount_options is larger"):
        bounded(Coupon("c", amount_options=(("jpy", MOST_COUNTED + 1),)))
