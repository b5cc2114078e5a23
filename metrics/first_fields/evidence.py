"""The first fields of each kind of evidence that is stored."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from metrics.evidence import (
    Coupon,
    CurrencyOption,
    Customer,
    Discount,
    Invoice,
    InvoiceLine,
    Item,
    Pause,
    Price,
    Product,
    Subscription,
    Tier,
    Transform,
)
from metrics.first_fields.later import has_default

EVIDENCE: Final[Mapping[type, tuple[str, ...]]] = {
    Tier: ("up_to", "unit", "flat"),
    Transform: ("divide_by", "rounding"),
    CurrencyOption: ("currency", "unit", "tiers"),
    Price: (
        "id",
        "product",
        "currency",
        "kind",
        "usage",
        "interval",
        "interval_count",
        "scheme",
        "tiers_mode",
        "unit",
        "tiers",
        "transform",
        "options",
        "tax_behavior",
        "nickname",
    ),
    Coupon: ("id", "percent_off", "amount_off", "currency", "amount_options", "duration", "months", "products"),
    Product: ("id", "name"),
    Discount: ("id", "coupon", "start", "end"),
    Item: ("id", "price", "quantity", "discounts", "period_start", "period_end", "trial_end"),
    Pause: ("behavior", "resumes_at"),
    Subscription: (
        "id",
        "customer",
        "status",
        "currency",
        "created",
        "start",
        "items",
        "items_complete",
        "discounts",
        "trial_start",
        "trial_end",
        "cancel_at",
        "cancel_at_period_end",
        "canceled_at",
        "ended_at",
        "pause",
        "paused_at",
        "cancel_reason",
        "cancel_feedback",
        "schedule",
        "test_clock",
        "metadata",
    ),
    Customer: ("id", "created", "deleted", "currency", "country", "discount", "metadata", "test_clock", "described"),
    Invoice: (
        "id",
        "customer",
        "subscription",
        "status",
        "created",
        "currency",
        "billing_reason",
        "amount_paid",
        "finalized_at",
        "paid_at",
        "voided_at",
        "uncollectible_at",
    ),
    InvoiceLine: (
        "id",
        "invoice",
        "subscription",
        "item",
        "price",
        "quantity",
        "amount",
        "currency",
        "period_start",
        "period_end",
        "proration",
        "discounts",
        "inclusive_tax",
        "credited_lines",
    ),
}
"""Of each kind of evidence that is stored its first fields, in the order in which they are written."""


def first_fields(kind: type) -> tuple[str, ...]:
    """The fields that are always written of a kind of evidence. Of one that came later they are those that have no default."""
    for base in kind.__mro__:
        if base in EVIDENCE:
            return EVIDENCE[base]
    return tuple(f.name for f in fields(kind) if not has_default(f))
