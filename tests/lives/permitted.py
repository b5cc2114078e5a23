"""What Stripe's OpenAPI description lets an answer leave out: of each object that is read, the fields that may be null, absent or cut.

The table lies beside this module as data, so that a plain clone has it. It is cut from the description itself (published by Stripe under
the MIT licence; `SOURCE` says which version), with only the kinds of objects that a reader of subscriptions meets.
`python -m tests.lives.permitted` writes it anew where the description is at hand.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("permitted.json")
KINDS: Final = (
    *("customer", "address", "shipping", "product", "price", "price_tier", "recurring", "currency_option", "coupon", "event"),
    *(
        "discount",
        "discount_source",
        "discounts_resource_discount_amount",
        "subscription",
        "subscription_item",
        "cancellation_details",
    ),
    *("subscriptions_resource_pause_collection", "subscriptions_resource_pending_update", "subscriptions_resource_billing_mode"),
    *(
        "invoice",
        "invoices_resource_status_transitions",
        "line_item",
        "notification_event_data",
        "credit_note",
        "credit_note_line_item",
    ),
    "billing_bill_resource_invoicing_parents_invoice_parent",
    "billing_bill_resource_invoicing_parents_invoice_subscription_parent",
    "billing_bill_resource_invoicing_lines_parents_invoice_line_item_parent",
    "billing_bill_resource_invoicing_lines_parents_invoice_line_item_subscription_item_parent",
    "billing_bill_resource_invoicing_lines_parents_invoice_line_item_invoice_item_parent",
    "billing_bill_resource_invoicing_lines_common_proration_details",
    "billing_bill_resource_invoicing_lines_common_credited_items",
    "billing_bill_resource_invoicing_pricing_pricing",
    "billing_bill_resource_invoicing_pricing_pricing_price_details",
    "billing_bill_resource_invoicing_taxes_tax",
)
"""The kinds of objects that a reader of subscriptions meets, by the description's names."""


@dataclass(frozen=True, slots=True)
class Field:
    """What may become of a field (null, absent, cut), and the kind of what it holds, if that is an object or several."""

    may: tuple[str, ...]
    holds: str | None


_MAY: Final = ("null", "absent")
BEYOND: Final[dict[str, dict[str, Field]]] = {
    "subscription": {"status_details": Field(_MAY, "status_details"), "schedule": Field(_MAY, "schedule")},
    "status_details": {"paused": Field(_MAY, "paused")},
    "paused": {"transitioned_at": Field(_MAY, None)},
    "subscription_item": {
        "current_trial": Field(_MAY, "current_trial"),
        "quantity_decimal": Field(_MAY, None),
    },
    "current_trial": {"start_date": Field(_MAY, None), "end_date": Field(_MAY, None)},
    "schedule": {"phases": Field(_MAY, "phase"), "end_behavior": Field(_MAY, None)},
    "phase": {"end_date": Field(_MAY, None), "items": Field(_MAY, None), "discounts": Field(_MAY, None)},
    "invoiceitem": {
        "parent": Field(_MAY, "invoiceitem_parent"),
        "pricing": Field(_MAY, "billing_bill_resource_invoicing_pricing_pricing"),
        "discounts": Field(_MAY, None),
        "invoice": Field(("absent",), None),
    },
    "invoiceitem_parent": {"subscription_details": Field(_MAY, "invoiceitem_subscription")},
    "invoiceitem_subscription": {"subscription_item": Field(_MAY, None)},
}
"""What newer versions may leave out, and what of the description isn't kept here: newer fields come only as some hosts and versions know them."""


@cache
def table() -> dict[str, dict[str, Field]]:
    """The fields of each kind by name, as stored. A field that must always be there is listed only where it holds an object."""
    stored = json.loads(FILE.read_text())["kinds"]
    found = {kind: {name: _field(text) for name, text in fields.items()} for kind, fields in stored.items()}
    return {kind: found.get(kind, {}) | BEYOND.get(kind, {}) for kind in {**found, **BEYOND}}


def _field(text: str) -> Field:
    may, _, holds = text.partition("->")
    return Field(tuple(may.split()), holds.strip() or None)


def derived(spec: dict[str, Any]) -> dict[str, Any]:
    """The table as a description of the API has it, with its version."""
    schemas = spec["components"]["schemas"]
    kinds: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        schema = schemas[kind]
        for name, node in sorted(schema.get("properties", {}).items()):
            held = next((each for each in _kinds_of(node) if each in KINDS), None)
            may = (
                "null" if node.get("nullable") else "",
                "absent" if name not in schema.get("required", ()) else "",
                "cut" if _is_list(node) else "",
            )
            text = " ".join(each for each in (*may, f"-> {held}" if held else "") if each)
            if text:
                kinds.setdefault(kind, {})[name] = text
    return {"source": "cut from Stripe's OpenAPI description (MIT)", "version": spec["info"]["version"], "kinds": kinds}


def _is_list(node: dict[str, Any]) -> bool:
    return {"data", "has_more"} <= set(node.get("properties", ()))


def _kinds_of(node: dict[str, Any]) -> Iterator[str]:
    """The kinds of objects that a field may hold, by itself, in an array, a map or a list."""
    if "$ref" in node:
        yield node["$ref"].rpartition("/")[2]
    for each in node.get("anyOf", ()):
        yield from _kinds_of(each)
    for inner in (node.get("items"), node.get("additionalProperties"), node.get("properties", {}).get("data")):
        if isinstance(inner, dict):
            yield from _kinds_of(inner)


def as_text(found: dict[str, Any]) -> str:
    """The table as its file has it: a line for each field."""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    from tests.integrations.stripe.reference import openapi

    FILE.write_text(as_text(derived(openapi())))
