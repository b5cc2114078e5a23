"""An account to be read for the benchmark: whole objects as Stripe sends them, and what their MRR must come to.

Plain and regular on purpose, since not the engine is measured but the way to it: every subscription is billed by the month from its
start, each of its invoices has a line for each of its items, half of the subscriptions ended. What the MRR of each customer is follows
from how it was made, without any of the product's code.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

NOW: Final = 1_764_547_200  # 2025-12-01
DAY: Final = 86_400
MONTHS: Final = 5
"""Invoices of each subscription."""
PRICES: Final = tuple((f"price_{n:02d}", f"prod_{n:02d}", 900 + 700 * n) for n in range(12))
_FIRST: Final = NOW - 5 * 365 * DAY


@dataclass(frozen=True, slots=True)
class Plan:
    """One customer with its subscription: the items are (price's number, quantity)."""

    number: int
    start: int
    items: tuple[tuple[int, int], ...]
    ended: bool

    @property
    def mrr_cents(self) -> int:
        """What it is worth a month today."""
        return 0 if self.ended else sum(PRICES[price][2] * quantity for price, quantity in self.items)

    def period(self, index: int) -> tuple[int, int]:
        """When the invoice `index` was made and what it covers; thirty days stand for a month here."""
        return self.start + index * 30 * DAY, self.start + (index + 1) * 30 * DAY


def plans(customers: int, seed: int = 7) -> Iterator[Plan]:
    """The customers, each with one subscription."""
    rng = random.Random(seed)
    for number in range(customers):
        ended = number % 2 == 1
        latest = NOW - (MONTHS * 30 + 35) * DAY
        start = rng.randrange(_FIRST, latest) if ended else NOW - (MONTHS * 30 * DAY) + rng.randrange(1, 29 * DAY)
        items = tuple((rng.randrange(len(PRICES)), rng.randrange(1, 40)) for _ in range(rng.randrange(1, 4)))
        yield Plan(number, start, items, ended)


def catalog() -> tuple[list[bytes], list[bytes]]:
    """Products and prices."""
    products, prices = [], []
    for price, product, cents in PRICES:
        products.append(
            _bytes(
                {
                    "id": product,
                    "object": "product",
                    "active": True,
                    "created": _FIRST - DAY,
                    "default_price": price,
                    "description": None,
                    "images": [],
                    "livemode": True,
                    "marketing_features": [],
                    "metadata": {},
                    "name": f"Plan {product[-2:]}",
                    "package_dimensions": None,
                    "shippable": None,
                    "statement_descriptor": None,
                    "tax_code": None,
                    "type": "service",
                    "unit_label": None,
                    "updated": _FIRST,
                    "url": None,
                }
            )
        )
        prices.append(_bytes(_price(price, product, cents)))
    return products, prices


def customer(plan: Plan) -> bytes:
    """A customer."""
    return _bytes(
        {
            "id": f"cus_{plan.number:014d}",
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": plan.start - 600,
            "currency": "usd",
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": f"customer{plan.number}@example.com",
            "invoice_prefix": f"B{plan.number:07X}",
            "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None},
            "livemode": True,
            "metadata": {"channel": "ads", "industry": "retail"},
            "name": f"Customer {plan.number}",
            "next_invoice_sequence": MONTHS + 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
    )


def subscription(plan: Plan) -> bytes:
    """A subscription as the list shows it."""
    begun, until = plan.period(MONTHS - 1)
    ended = until if plan.ended else None
    return _bytes(
        {
            "id": _sub(plan),
            "object": "subscription",
            "application": None,
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": plan.start,
            "billing_cycle_anchor_config": None,
            "billing_mode": {"flexible": None, "type": "classic"},
            "billing_thresholds": None,
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": ended,
            "cancellation_details": {"comment": None, "feedback": None, "reason": "cancellation_requested" if ended else None},
            "collection_method": "charge_automatically",
            "created": plan.start,
            "currency": "usd",
            "customer": f"cus_{plan.number:014d}",
            "customer_account": None,
            "days_until_due": None,
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "ended_at": ended,
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": {
                "object": "list",
                "has_more": False,
                "total_count": len(plan.items),
                "url": f"/v1/subscription_items?subscription={_sub(plan)}",
                "data": [
                    {
                        "id": _item(plan, place),
                        "object": "subscription_item",
                        "billing_thresholds": None,
                        "created": plan.start,
                        "current_period_end": until,
                        "current_period_start": begun,
                        "discounts": [],
                        "metadata": {},
                        "price": _price(*PRICES[price]),
                        "quantity": quantity,
                        "subscription": _sub(plan),
                        "tax_rates": [],
                    }
                    for place, (price, quantity) in enumerate(plan.items)
                ],
            },
            "latest_invoice": _invoice_id(plan, MONTHS - 1),
            "livemode": True,
            "metadata": {},
            "next_pending_invoice_item_invoice": None,
            "on_behalf_of": None,
            "pause_collection": None,
            "payment_settings": {
                "payment_method_options": None,
                "payment_method_types": None,
                "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": None,
            "pending_setup_intent": None,
            "pending_update": None,
            "schedule": None,
            "start_date": plan.start,
            "status": "canceled" if plan.ended else "active",
            "test_clock": None,
            "transfer_data": None,
            "trial_end": None,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": None,
        }
    )


def invoice(plan: Plan, index: int) -> bytes:
    """One paid invoice with a line for each item."""
    begun, _ = plan.period(index)
    total = sum(PRICES[price][2] * quantity for price, quantity in plan.items)
    name = _invoice_id(plan, index)
    return _bytes(
        {
            "id": name,
            "object": "invoice",
            "account_country": "US",
            "account_name": "Benchmark",
            "account_tax_ids": None,
            "amount_due": total,
            "amount_overpaid": 0,
            "amount_paid": total,
            "amount_remaining": 0,
            "amount_shipping": 0,
            "application": None,
            "attempt_count": 1,
            "attempted": True,
            "auto_advance": False,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
            "automatically_finalizes_at": None,
            "billing_reason": "subscription_create" if index == 0 else "subscription_cycle",
            "collection_method": "charge_automatically",
            "created": begun,
            "currency": "usd",
            "custom_fields": None,
            "customer": f"cus_{plan.number:014d}",
            "customer_account": None,
            "customer_address": None,
            "customer_email": f"customer{plan.number}@example.com",
            "customer_name": f"Customer {plan.number}",
            "customer_phone": None,
            "customer_shipping": None,
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "due_date": None,
            "effective_at": begun,
            "ending_balance": 0,
            "footer": None,
            "from_invoice": None,
            "hosted_invoice_url": f"https://invoice.example.com/i/acct_bench/{name}?s=ap",
            "invoice_pdf": f"https://pay.example.com/{name}/pdf",
            "issuer": {"type": "self"},
            "last_finalization_error": None,
            "latest_revision": None,
            "lines": {
                "object": "list",
                "has_more": False,
                "total_count": len(plan.items),
                "url": f"/v1/invoices/{name}/lines",
                "data": [_line(plan, index, place) for place in range(len(plan.items))],
            },
            "livemode": True,
            "metadata": {},
            "next_payment_attempt": None,
            "number": f"B{plan.number:07X}-{index + 1:04d}",
            "on_behalf_of": None,
            "parent": {
                "quote_details": None,
                "subscription_details": {"metadata": {}, "subscription": _sub(plan)},
                "type": "subscription_details",
            },
            "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
            "period_end": begun,
            "period_start": begun,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "receipt_number": None,
            "rendering": None,
            "shipping_cost": None,
            "shipping_details": None,
            "starting_balance": 0,
            "statement_descriptor": None,
            "status": "paid",
            "status_transitions": {"finalized_at": begun, "marked_uncollectible_at": None, "paid_at": begun, "voided_at": None},
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "test_clock": None,
            "total": total,
            "total_discount_amounts": [],
            "total_excluding_tax": total,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
            "webhooks_delivered_at": begun,
        }
    )


def _line(plan: Plan, index: int, place: int) -> dict[str, Any]:
    begun, until = plan.period(index)
    price, quantity = plan.items[place]
    name, product, cents = PRICES[price]
    return {
        "id": f"il_{plan.number:08d}{index:02d}{place:02d}",
        "object": "line_item",
        "amount": cents * quantity,
        "currency": "usd",
        "description": f"{quantity} × Plan {product[-2:]} (at ${cents / 100:.2f} / month)",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": _invoice_id(plan, index),
        "livemode": True,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": _sub(plan),
                "subscription_item": _item(plan, place),
            },
            "type": "subscription_item_details",
        },
        "period": {"end": until, "start": begun},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": name, "product": product},
            "type": "price_details",
            "unit_amount_decimal": str(cents),
        },
        "quantity": quantity,
        "subtotal": cents * quantity,
        "taxes": [],
    }


def _price(name: str, product: str, cents: int) -> dict[str, Any]:
    return {
        "id": name,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": _FIRST - DAY,
        "currency": "usd",
        "custom_unit_amount": None,
        "livemode": True,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": cents,
        "unit_amount_decimal": str(cents),
    }


def _sub(plan: Plan) -> str:
    return f"sub_{plan.number:014d}"


def _item(plan: Plan, place: int) -> str:
    return f"si_{plan.number:012d}{place:02d}"


def _invoice_id(plan: Plan, index: int) -> str:
    return f"in_{plan.number:012d}{index:02d}"


def _bytes(found: dict[str, Any]) -> bytes:
    """As Stripe writes it: pretty-printed."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2)
