"""Stripe's objects by hand, as its API writes them from clover on: what made-up accounts are built of.

Every builder gives a whole object with what may be expanded expanded; what an answer leaves out of it is decided where it is asked for
(`account`), how it looked before basil in `aged`. Keys that begin with an underscore are never shown. Moments are whole seconds; `noon`
reads a date.
"""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

JSON = dict[str, Any]
DAY = 86_400


def noon(day: str, *, hour: int = 12, minute: int = 0) -> int:
    """Noon (or another time) of a day, UTC."""
    return int(datetime.fromisoformat(day).replace(hour=hour, minute=minute, tzinfo=UTC).timestamp())


def later(at: int, months: int) -> int:
    """The same day and time some months later, or that month's last day."""
    start = datetime.fromtimestamp(at, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


BEGIN = noon("2024-01-01")


def product(product_id: str) -> JSON:
    """A product."""
    return {"id": product_id, "object": "product", "created": BEGIN, "name": product_id.title(), "active": True, "metadata": {}}


def price(
    price_id: str,
    cents: int | None,
    *,
    product_id: str | None = None,
    interval: str = "month",
    count: int = 1,
    usage: str = "licensed",
    tiers: Sequence[tuple[int | None, int | None, int | None]] | None = None,
    mode: str = "graduated",
    currency: str = "usd",
    options: dict[str, int] | None = None,
    transform: JSON | None = None,
    tax: str = "unspecified",
) -> JSON:
    """A recurring price; `tiers` are (up to, cents a unit, cents flat), `options` cents in other currencies."""
    out: JSON = {
        "id": price_id,
        "object": "price",
        "active": True,
        "created": BEGIN,
        "currency": currency,
        "nickname": None,
        "product": product_id or f"prod_{price_id}",
        "type": "recurring",
        "metadata": {},
        "tax_behavior": tax,
        "recurring": {"interval": interval, "interval_count": count, "usage_type": usage, "meter": None},
        "billing_scheme": "tiered" if tiers else "per_unit",
        "tiers_mode": mode if tiers else None,
        "transform_quantity": transform,
        "unit_amount": None if tiers else cents,
        "unit_amount_decimal": None if tiers else str(cents),
    }
    if tiers:
        out["tiers"] = [
            {
                "up_to": up_to,
                "unit_amount": unit,
                "unit_amount_decimal": None if unit is None else str(unit),
                "flat_amount": flat,
                "flat_amount_decimal": None if flat is None else str(flat),
            }
            for up_to, unit, flat in tiers
        ]
    out["currency_options"] = {
        code: {"unit_amount": amount, "unit_amount_decimal": str(amount), "tax_behavior": tax, "custom_unit_amount": None}
        for code, amount in {currency: cents, **(options or {})}.items()
        if amount is not None
    }
    return out


def coupon(
    coupon_id: str,
    *,
    percent: float | None = None,
    off: int | None = None,
    duration: str = "forever",
    months: int | None = None,
    products: Sequence[str] | None = None,
    created: int = BEGIN,
) -> JSON:
    """A coupon; `off` is cents off."""
    out: JSON = {
        "id": coupon_id,
        "object": "coupon",
        "created": created,
        "name": None,
        "percent_off": percent,
        "amount_off": off,
        "currency": None if off is None else "usd",
        "duration": duration,
        "duration_in_months": months,
        "valid": True,
        "metadata": {},
    }
    return out | ({"applies_to": {"products": list(products)}} if products else {})


def discount(
    discount_id: str,
    of: JSON,
    start: int,
    end: int | None = None,
    *,
    customer: str = "cus_1",
    subscription: str | None = None,
    item: str | None = None,
) -> JSON:
    """A coupon in force."""
    return {
        "id": discount_id,
        "object": "discount",
        "customer": customer,
        "subscription": subscription,
        "subscription_item": item,
        "start": start,
        "end": end,
        "promotion_code": None,
        "invoice": None,
        "invoice_item": None,
        "source": {"type": "coupon", "coupon": of},
    }


def customer(customer_id: str = "cus_1", *, created: int = BEGIN, country: str | None = "DE", **more: Any) -> JSON:
    """A customer without personal data."""
    return {
        "id": customer_id,
        "object": "customer",
        "created": created,
        "currency": "usd",
        "discount": None,
        "metadata": {},
        "address": None if country is None else {"country": country},
        "shipping": None,
        "test_clock": None,
        "livemode": False,
    } | more


def item(
    item_id: str, of: JSON, quantity: int | None, start: int, end: int, *, discounts: Sequence[JSON] = (), **more: Any
) -> JSON:
    """A subscription item with its period; None is the quantity of a metered one."""
    out: JSON = {
        "id": item_id,
        "object": "subscription_item",
        "created": start,
        "metadata": {},
        "price": of,
        "tax_rates": [],
        "current_period_start": start,
        "current_period_end": end,
        "discounts": list(discounts),
        "current_trial": None,
    }
    return out | ({} if quantity is None else {"quantity": quantity}) | more


def subscription(
    sub_id: str,
    items: Sequence[JSON],
    created: int,
    *,
    customer_id: str = "cus_1",
    discounts: Sequence[JSON] = (),
    status: str = "active",
    currency: str = "usd",
    **more: Any,
) -> JSON:
    """A subscription."""
    out: JSON = {
        "id": sub_id,
        "object": "subscription",
        "customer": customer_id,
        "status": status,
        "currency": currency,
        "created": created,
        "start_date": created,
        "billing_cycle_anchor": created,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "ended_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "trial_start": None,
        "trial_end": None,
        "pause_collection": None,
        "pending_update": None,
        "schedule": None,
        "metadata": {},
        "test_clock": None,
        "latest_invoice": None,
        "livemode": False,
        "collection_method": "charge_automatically",
    }
    out |= {"discounts": list(discounts), "billing_mode": {"type": "classic", "flexible": None}, "status_details": None}
    out["items"] = {
        "object": "list",
        "data": list(items),
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={sub_id}",
    }
    return out | more


def line(
    line_id: str,
    of: JSON,
    quantity: int | None,
    amount: int,
    start: int,
    end: int,
    *,
    sub: str = "sub_1",
    item_id: str | None = None,
    proration: bool = False,
    credited: Sequence[str] | None = None,
    off: Sequence[tuple[JSON, int]] = (),
    own: Sequence[JSON] = (),
    inclusive: int = 0,
    of_item: bool | None = None,
) -> JSON:
    """An invoice line. `off` are discounts with the cents that each took off, `own` those that hang off the item itself.

    `of_item`: whether it comes from the subscription item (else from an invoice item, which names none); by default all but prorations.
    """
    from_item = not proration if of_item is None else of_item
    kind = "subscription_item_details" if from_item else "invoice_item_details"
    told = {"invoice": "in_before", "invoice_line_items": list(credited)} if credited else None
    details: JSON = {
        "subscription": sub,
        "proration": proration,
        "proration_details": {"credited_items": told},
        "invoice_item": None,
    }
    if from_item:
        details["subscription_item"] = item_id
    tax = {"amount": inclusive, "tax_behavior": "inclusive", "taxable_amount": amount - inclusive, "type": "tax_rate_details"}
    return {
        "id": line_id,
        "object": "line_item",
        "amount": amount,
        "currency": of["currency"],
        "description": "a line",
        "quantity": quantity,
        "quantity_decimal": None if quantity is None else str(quantity),
        "period": {"start": start, "end": end},
        "subtotal": amount,
        "discountable": not proration,
        "discounts": list(own),
        "livemode": False,
        "metadata": {},
        "subscription": sub,
        "discount_amounts": [{"amount": cents, "discount": each["id"]} for each, cents in off],
        "taxes": [tax] if inclusive else [],
        "parent": {"type": kind, "subscription_item_details": None, "invoice_item_details": None, kind: details},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": of["id"], "product": of["product"]},
            "unit_amount_decimal": None if proration else of["unit_amount_decimal"],
        },
        "_price": of,
        "_item": item_id,
    }


def waiting(
    item_id: str,
    of: JSON,
    quantity: int,
    cents: int,
    start: int,
    end: int,
    *,
    sub: str,
    of_item: str,
    customer_id: str,
) -> JSON:
    """A proration that is on no invoice yet."""
    details = {"subscription": sub, "subscription_item": of_item}
    return {
        "id": item_id,
        "object": "invoiceitem",
        "amount": cents,
        "currency": of["currency"],
        "customer": customer_id,
        "date": start,
        "invoice": None,
        "period": {"start": start, "end": end},
        "proration": True,
        "quantity": quantity,
        "discounts": [],
        "parent": {"type": "subscription_details", "subscription_details": details},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": of["id"], "product": of["product"]},
            "unit_amount_decimal": None,
        },
        "livemode": False,
        "metadata": {},
    }


def invoice(
    invoice_id: str,
    lines: Sequence[JSON],
    created: int,
    *,
    sub: str | None = "sub_1",
    customer_id: str = "cus_1",
    status: str = "paid",
    reason: str = "subscription_cycle",
    discounts: Sequence[JSON] = (),
    moments: JSON | None = None,
) -> JSON:
    """An invoice with all its lines, finalized and settled in the second of its creation unless `moments` say otherwise."""
    settled = {"paid": "paid_at", "void": "voided_at", "uncollectible": "marked_uncollectible_at"}.get(status)
    transitions = {"finalized_at": created, "paid_at": None, "voided_at": None, "marked_uncollectible_at": None}
    if settled:
        transitions[settled] = created
    total = sum(x["amount"] - sum(a["amount"] for a in x["discount_amounts"] or ()) for x in lines)
    details = None if sub is None else {"subscription": sub, "metadata": {}}
    return {
        "id": invoice_id,
        "object": "invoice",
        "customer": customer_id,
        "status": status,
        "created": created,
        "currency": "usd",
        "billing_reason": reason,
        "amount_paid": max(total, 0) if status == "paid" else 0,
        "amount_due": max(total, 0),
        "total": total,
        "period_start": created,
        "period_end": created,
        "status_transitions": transitions | (moments or {}),
        "metadata": {},
        "discounts": list(discounts),
        "livemode": False,
        "lines": {"object": "list", "data": list(lines), "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"},
        "parent": {"type": "subscription_details", "subscription_details": details, "quote_details": None},
    }


def note_line(line_id: str, of: JSON | None, amount: int, *, inclusive: int = 0, off: int = 0) -> JSON:
    """A line of a credit note: of an invoice's line, or (None) of none. `off` are cents of discounts that are given up with it."""
    tax = {"amount": inclusive, "tax_behavior": "inclusive", "taxable_amount": amount - inclusive, "type": "tax_rate_details"}
    out: JSON = {
        "id": line_id,
        "object": "credit_note_line_item",
        "amount": amount,
        "description": "a line",
        "discount_amount": off,
        "discount_amounts": [{"amount": off, "discount": f"di_{line_id}"}] if off else [],
        "livemode": False,
        "pretax_credit_amounts": [],
        "quantity": None,
        "tax_rates": [],
        "taxes": [tax] if inclusive else [],
        "type": "invoice_line_item" if of else "custom_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
    return out | ({"invoice_line_item": of["id"]} if of else {})


def credit_note(note_id: str, bill: JSON, lines: Sequence[JSON], created: int, *, voided_at: int | None = None) -> JSON:
    """A credit note on an invoice, issued or voided."""
    taxes = [tax for line in lines for tax in line["taxes"]]
    total = sum(line["amount"] - line["discount_amount"] for line in lines)
    return {
        "id": note_id,
        "object": "credit_note",
        "amount": total,
        "created": created,
        "currency": bill["currency"],
        "customer": bill["customer"],
        "customer_account": None,
        "discount_amount": sum(line["discount_amount"] for line in lines),
        "discount_amounts": [each for line in lines for each in line["discount_amounts"]],
        "effective_at": created,
        "invoice": bill["id"],
        "lines": {"object": "list", "data": list(lines), "has_more": False, "url": f"/v1/credit_notes/{note_id}/lines"},
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": f"{note_id}-CN",
        "pretax_credit_amounts": [],
        "reason": "duplicate",
        "shipping_cost": None,
        "status": "issued" if voided_at is None else "void",
        "subtotal": total,
        "total": total,
        "total_taxes": taxes,
        "type": "post_payment",
        "voided_at": voided_at,
    }


def event(event_id: str, kind: str, about: JSON, created: int, previous: JSON | None = None) -> JSON:
    """An event about an object, with the old values of what changed."""
    data: JSON = {"object": about}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": created,
        "livemode": False,
        "api_version": None,
        "data": data,
    }
