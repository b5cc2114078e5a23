"""The same business objects as each generation of Stripe's API writes them, by hand from its documented shapes.

`old` is up to 2025-02-24.acacia, `basil` from 2025-03-31, `clover` from 2025-09-30, `dahlia` from 2026-03-25, `endive` from 2026-09-30.
"""

from typing import Any

GENERATIONS = ("old", "basil", "clover", "dahlia", "endive")
JSON = dict[str, Any]

COUPON: JSON = {
    "id": "TENOFF",
    "object": "coupon",
    "amount_off": 1000,
    "currency": "usd",
    "percent_off": None,
    "duration": "repeating",
    "duration_in_months": 3,
    "name": "Ten off",
    "valid": True,
}
PRICE: JSON = {
    "id": "price_pro",
    "object": "price",
    "active": True,
    "billing_scheme": "per_unit",
    "created": 50,
    "currency": "usd",
    "product": "prod_pro",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None},
    "tiers_mode": None,
    "transform_quantity": None,
    "type": "recurring",
    "unit_amount": 2500,
    "unit_amount_decimal": "2500",
    "tax_behavior": "unspecified",
    "nickname": None,
    "custom_unit_amount": None,
    "lookup_key": None,
    "metadata": {},
}
PLAN: JSON = {
    "id": "price_pro",
    "object": "plan",
    "active": True,
    "amount": 2500,
    "amount_decimal": "2500",
    "billing_scheme": "per_unit",
    "created": 50,
    "currency": "usd",
    "interval": "month",
    "interval_count": 1,
    "product": "prod_pro",
    "usage_type": "licensed",
    "tiers_mode": None,
    "transform_usage": None,
    "nickname": None,
}


def has_source(generation: str) -> bool:
    """Whether the coupon of a discount hangs off its source."""
    return generation not in ("old", "basil")


def has_decimals(generation: str) -> bool:
    """Whether an item says its exact quantity; older versions cut it to a whole number."""
    return generation in ("dahlia", "endive")


def discount(
    generation: str, *, coupon: Any = COUPON, discount_id: str = "di_1", start: int = 1000, end: int | None = 9000
) -> JSON:
    """An expanded discount."""
    out: JSON = {"id": discount_id, "object": "discount", "start": start, "end": end, "customer": "cus_1", "promotion_code": None}
    out["subscription"] = "sub_1"
    return out | ({"source": {"type": "coupon", "coupon": coupon}} if has_source(generation) else {"coupon": coupon})


def subscription(generation: str, **changes: Any) -> JSON:
    """A subscription with one item of two seats and a discount, in its second month."""
    item: JSON = {
        "id": "si_1",
        "object": "subscription_item",
        "created": 1000,
        "metadata": {},
        "plan": PLAN,
        "price": PRICE,
        "quantity": 2,
        "subscription": "sub_1",
        "tax_rates": [],
    }
    out: JSON = {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "currency": "usd",
        "created": 1000,
        "start_date": 900,
        "billing_cycle_anchor": 1000,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "ended_at": None,
        "trial_start": None,
        "trial_end": None,
        "pause_collection": None,
        "schedule": None,
        "test_clock": None,
        "metadata": {"team": "blue", "crm": "17"},
        "latest_invoice": "in_1",
        "collection_method": "charge_automatically",
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "livemode": False,
        "plan": PLAN,
        "quantity": 2,
    }
    whole = discount(generation)
    if generation == "old":
        out |= {"current_period_start": 2000, "current_period_end": 3000, "discount": whole, "discounts": ["di_1"]}
    else:
        item |= {"current_period_start": 2000, "current_period_end": 3000, "discounts": []}
        out |= {"discounts": [whole], "billing_mode": {"type": "flexible"}}
    if has_decimals(generation):
        item["quantity_decimal"] = "2"
    if generation == "endive":
        item |= {"current_trial": None, "billed_until": 3000}
        out |= {"status_details": None, "billing_schedules": []}
    out["items"] = {"object": "list", "data": [item], "has_more": False, "total_count": 1, "url": "/v1/subscription_items"}
    return out | changes


def line(
    generation: str,
    *,
    line_id: str,
    amount: int,
    price: str = "price_pro",
    quantity: int = 2,
    start: int = 2000,
    end: int = 3000,
    proration: bool = False,
    credited: list[str] | None = None,
    of_item: bool = True,
    subscription_id: str | None = "sub_1",
    discounts: list[Any] | None = None,
    amounts: list[JSON] | None = None,
    inclusive: int = 0,
    exclusive: int = 0,
) -> JSON:
    """An invoice line; one that isn't `of_item` comes from an invoice item."""
    answered = {"invoice": "in_0", "invoice_line_items": credited} if credited else None
    out: JSON = {
        "id": line_id,
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "description": "x",
        "quantity": quantity,
        "period": {"start": start, "end": end},
        "discountable": not proration,
        "discounts": discounts or [],
        "discount_amounts": amounts or [],
        "livemode": False,
        "metadata": {"free": "text"},
        "invoice": "in_1",
    }
    taxes = [(amount, True) for amount in (inclusive,) if amount] + [(amount, False) for amount in (exclusive,) if amount]
    if generation == "old":
        return out | {
            "type": "subscription" if of_item else "invoiceitem",
            "subscription": subscription_id,
            "proration": proration,
            "subscription_item": "si_1" if of_item else None,
            "price": PRICE | {"id": price},
            "plan": PLAN | {"id": price},
            "proration_details": {"credited_items": answered},
            "tax_amounts": [{"amount": a, "inclusive": i, "tax_rate": "txr_1"} for a, i in taxes],
        }
    details: JSON = {"subscription": subscription_id, "proration": proration, "proration_details": {"credited_items": answered}}
    details["invoice_item"] = "ii_1" if proration or not of_item else None
    if of_item:
        details["subscription_item"] = "si_1"
    kind = "subscription_item_details" if of_item else "invoice_item_details"
    other = "invoice_item_details" if of_item else "subscription_item_details"
    out |= {
        "parent": {"type": kind, kind: details, other: None},
        "pricing": {"type": "price_details", "price_details": {"price": price, "product": "prod_pro"}, "unit_amount_decimal": None},
        "taxes": [{"amount": a, "tax_behavior": "inclusive" if i else "exclusive", "type": "tax_rate_details"} for a, i in taxes],
    }
    return out | ({"quantity_decimal": str(quantity)} if generation in ("dahlia", "endive") else {})


def invoice(generation: str, *lines: JSON, **changes: Any) -> JSON:
    """A paid invoice of the subscription with these lines."""
    out: JSON = {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "status": "paid",
        "created": 2001,
        "currency": "usd",
        "billing_reason": "subscription_cycle",
        "amount_due": 1,
        "amount_paid": 4000,
        "total": 4000,
        "starting_balance": -1,
        "status_transitions": {"finalized_at": 2002, "paid_at": 2003, "voided_at": None, "marked_uncollectible_at": None},
        "discounts": [discount(generation)],
        "total_discount_amounts": [],
        "livemode": False,
        "metadata": {},
        "test_clock": None,
        "lines": {"object": "list", "data": list(lines), "has_more": False, "url": "/v1/invoices/in_1/lines"},
    }
    if generation == "old":
        out |= {"subscription": "sub_1", "paid": True, "subscription_details": {"metadata": {}}, "charge": "ch_1"}
    else:
        details = {"metadata": {}, "subscription": "sub_1"}
        out |= {"parent": {"type": "subscription_details", "subscription_details": details, "quote_details": None}}
    return out | changes


def customer(generation: str, **changes: Any) -> JSON:
    """A customer with a discount of its own."""
    held = discount(generation, coupon="TENOFF", discount_id="di_c") | {"subscription": None}
    out: JSON = {
        "id": "cus_1",
        "object": "customer",
        "created": 800,
        "currency": "usd",
        "discount": held,
        "email": "a@example.com",
        "name": "A. Person",
        "address": {"country": "DE", "city": "Berlin"},
        "shipping": None,
        "metadata": {"segment": "smb"},
        "livemode": False,
        "test_clock": None,
    }
    return out | changes


def event(kind: str, obj: JSON, *, previous: JSON | None = None, created: int = 5000, event_id: str = "evt_1") -> JSON:
    """An event about `obj`."""
    data: JSON = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {"id": event_id, "object": "event", "api_version": "2020-08-27", "created": created, "data": data, "type": kind}
