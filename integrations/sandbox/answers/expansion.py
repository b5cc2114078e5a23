"""What a request may have expanded, by Stripe's rules: four levels at most, and only what the object's kind has.

`Wanted` is the tree of what was asked for; a renderer walks down it. Whether a path exists is decided here, from a table of kinds,
before anything is rendered, as Stripe does: an empty list answers a wrong path with the same error.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from integrations.sandbox.api_versions import Generation
from integrations.sandbox.errors import Problem

LEVELS: Final = 4
Wanted = Mapping[str, "Wanted"]
NOTHING: Final[Wanted] = {}

_OLD_DISCOUNT: Final = {"coupon": "coupon", "customer": "customer"}
_DISCOUNT: Final = {"source": "source", "customer": "customer"}
_KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "account": {},
    "product": {"default_price": "price"},
    "price": {"product": "product", "tiers": "leaf", "currency_options": "currency_options"},
    "currency_options": {"*": "currency_option"},
    "currency_option": {"tiers": "leaf"},
    "coupon": {"applies_to": "leaf", "currency_options": "leaf"},
    "source": {"coupon": "coupon"},
    "customer": {"discount": "discount", "default_source": "leaf", "test_clock": "leaf"},
    "subscription": {
        "customer": "customer",
        "discounts": "discount",
        "items": "subscription_item list",
        "latest_invoice": "invoice",
        "schedule": "subscription_schedule",
        "test_clock": "leaf",
        "default_payment_method": "leaf",
        "pending_setup_intent": "leaf",
    },
    "subscription_item": {"discounts": "discount", "price": "price"},
    "subscription_schedule": {"customer": "customer", "subscription": "subscription"},
    "invoice": {
        "customer": "customer",
        "discounts": "discount",
        "lines": "line_item list",
        "payments": "leaf",
        "default_payment_method": "leaf",
        "test_clock": "leaf",
    },
    "line_item": {"discounts": "discount"},
    "invoiceitem": {"discounts": "discount", "customer": "customer"},
    "credit_note": {"customer": "customer", "invoice": "invoice"},
    "event": {},
}
_OLD_INVOICE: Final = {"subscription": "subscription", "payment_intent": "leaf", "charge": "leaf"}
_INVOICE: Final = {"parent": "invoice_parent"}
_MORE: Final[Mapping[str, Mapping[str, str]]] = {
    "invoice_parent": {"subscription_details": "invoice_subscription_details"},
    "invoice_subscription_details": {"subscription": "subscription"},
}


def _fields(kind: str, shape: Generation) -> Mapping[str, str]:
    if kind.endswith(" list"):
        return {"data": kind.removesuffix(" list")}
    if kind == "discount":
        return _DISCOUNT if shape.clover else _OLD_DISCOUNT
    if kind == "invoice":
        return {**_KINDS[kind], **(_INVOICE if shape.basil else _OLD_INVOICE)}
    if kind == "subscription" and not shape.basil:
        return {**_KINDS[kind], "discount": "discount", "plan": "price"}
    return _KINDS.get(kind) or _MORE.get(kind) or {}


def wanted(paths: Iterable[str], kind: str, shape: Generation) -> Wanted:
    """The tree of `paths` under an object of `kind` ("customer list" for a list of them). Raises Problem for one that can't be."""
    tree: dict[str, dict[str, object]] = {}
    for path in paths:
        parts = path.split(".")
        if len(parts) > LEVELS:
            raise Problem(400, f"You cannot expand more than {LEVELS} levels of a property. Property: {path}", param="expand")
        here, at = tree, kind
        for part in parts:
            fields = _fields(at, shape)
            found = fields.get(part) or fields.get("*")
            if found is None:
                raise Problem(
                    400,
                    f"This property cannot be expanded ({part}). You may want to try expanding a different property, or to leave it out.",
                    param="expand",
                )
            here = here.setdefault(part, {})  # type: ignore[assignment]  # a tree of dicts all the way down
            at = found
    return tree  # type: ignore[return-value]  # as above
