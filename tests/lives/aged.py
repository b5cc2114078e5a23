"""How the same objects looked up to acacia: what old events hold, and what a host that knows no versions answers.

Periods on the subscription, the coupon on the discount, plans beside prices, kind and price on an invoice's line.
"""

from typing import Any

from tests.lives.objects import JSON


def plan(of: JSON) -> JSON:
    """The plan that stands for a price in old shapes."""
    recurring = of["recurring"] or {}
    return {
        "id": of["id"],
        "object": "plan",
        "active": True,
        "amount": of["unit_amount"],
        "amount_decimal": of["unit_amount_decimal"],
        "billing_scheme": of["billing_scheme"],
        "created": of["created"],
        "currency": of["currency"],
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "nickname": None,
        "product": of["product"],
        "tiers_mode": of["tiers_mode"],
        "transform_usage": of["transform_quantity"],
        "usage_type": recurring.get("usage_type"),
    }


def aged(value: Any) -> Any:
    """An object, or a part of one, in the older shape."""
    if isinstance(value, list):
        return [aged(each) for each in value]
    if not isinstance(value, dict):
        return value
    out = {key: aged(inner) for key, inner in value.items()}
    kind = value.get("object")
    if kind == "subscription":
        return _subscription(value, out)
    if kind == "subscription_item" and isinstance(out.get("price"), dict):
        return {k: v for k, v in out.items() if k != "current_trial"} | {"plan": plan(out["price"])}
    if kind == "discount" and "source" in out:
        source = out.pop("source") or {}
        return out | {"coupon": source.get("coupon")}
    if kind == "line_item":
        return _line(out)
    if kind == "invoice":
        parent = out.pop("parent") or {}
        discounts = out.get("discounts") or [None]
        whole = discounts[0] if isinstance(discounts[0], dict) else None
        return out | {"subscription": (parent.get("subscription_details") or {}).get("subscription"), "discount": whole}
    return out


def before_aged(previous: JSON, after: JSON) -> JSON:
    """The old values of an event about a subscription, in the older shape: the one item's plan and quantity stand beside the items."""
    out: JSON = aged(previous)
    if "discounts" in previous:
        held = [each for each in out["discounts"] or [] if isinstance(each, dict)]
        out["discount"] = held[0] if held else None
    items = (previous.get("items") or {}).get("data") or []
    now = after["items"]["data"]
    if len(items) == 1 == len(now) and "_cut" not in previous["items"]:
        was, its = items[0], now[0]
        if was.get("quantity") != its.get("quantity"):
            out["quantity"] = was.get("quantity")
        if was["price"]["id"] != its["price"]["id"]:
            out["plan"] = plan(was["price"])
    return out


def _subscription(value: JSON, out: JSON) -> JSON:
    held = [each for each in out.get("discounts") or [] if isinstance(each, dict)]
    out["discount"] = held[0] if held else None
    out.pop("billing_mode", None)
    entries = (value.get("items") or {}).get("data") or []
    if entries:
        for each in ("current_period_start", "current_period_end"):
            out[each] = entries[0].get(each)
        for shown in out["items"]["data"]:
            shown.pop("current_period_start", None)
            shown.pop("current_period_end", None)
    return out


def _line(out: JSON) -> JSON:
    parent, pricing, taxes = out.pop("parent"), out.pop("pricing"), out.pop("taxes")
    details = {} if parent is None else parent[parent["type"]] or {}
    price = out["_price"] if pricing and pricing.get("price_details") else None
    return out | {
        "type": None if parent is None else "subscription" if parent["type"] == "subscription_item_details" else "invoiceitem",
        "price": price,
        "plan": None if price is None else plan(price),
        "subscription_item": out["_item"],
        "proration": details.get("proration", False),
        "proration_details": details.get("proration_details"),
        "tax_amounts": None
        if taxes is None
        else [{"amount": each["amount"], "inclusive": each["tax_behavior"] == "inclusive", "tax_rate": "txr_1"} for each in taxes],
    }
