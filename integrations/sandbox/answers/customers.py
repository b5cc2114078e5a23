"""Customers and discounts as Stripe shows them."""

from dataclasses import dataclass
from typing import Any

from integrations.sandbox.answers import catalog as catalog_answers
from integrations.sandbox.answers.expansion import NOTHING, Wanted
from integrations.sandbox.api_versions import Generation
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.records import CustomerState, Discount, Life, in_force


@dataclass(frozen=True, slots=True)
class Show:
    """What a renderer needs besides the object: whose it is, what time it is, which version it is drawn in."""

    business: Business
    shape: Generation
    now: int
    life: Life


def discount(show: Show, held: Discount, want: Wanted = NOTHING) -> dict[str, Any]:
    """A discount: its coupon inline up to basil, by id under its source from clover on."""
    ware = show.business.catalog.coupons[held.coupon]
    out: dict[str, Any] = {
        "id": held.id,
        "object": "discount",
        "checkout_session": None,
        "customer": customer(show, want["customer"]) if "customer" in want else show.life.customer.id,
        "end": held.end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "start": held.start,
        "subscription": held.holder if held.level == "subscription" else None,
        "subscription_item": held.holder if held.level == "item" else None,
    }
    if show.shape.clover:
        below = want.get("source", NOTHING)
        expanded = "coupon" in below
        shown = catalog_answers.coupon(ware, now=show.now, want=below["coupon"]) if expanded else ware.id
        out["source"] = {"coupon": shown, "type": "coupon"}
        out["customer_account"] = None
    else:
        out["coupon"] = catalog_answers.coupon(ware, now=show.now, want=want.get("coupon", NOTHING))
    return out


def discounts(show: Show, held: tuple[Discount, ...], want: Wanted) -> list[Any]:
    """Discounts by id, or whole where `want` has them."""
    if "discounts" not in want:
        return [each.id for each in held]
    return [discount(show, each, want["discounts"]) for each in held]


def is_deleted(life: Life, now: int) -> bool:
    """Whether the customer is deleted at `now`."""
    version = in_force(life.customer.versions, now)
    return version is not None and version.state.deleted


def customer(show: Show, want: Wanted = NOTHING, state: CustomerState | None = None) -> dict[str, Any]:
    """A customer as it is, or in `state`; a deleted one is no more than its id."""
    who = show.life.customer
    if state is None:
        version = in_force(who.versions, show.now)
        if version is None or version.state.deleted:
            return {"id": who.id, "object": "customer", "deleted": True}
        state = version.state
    held = state.discount
    billed = any(sub.created <= show.now for sub in show.life.subscriptions)
    return {
        "id": who.id,
        "object": "customer",
        "address": {"city": None, "country": who.country, "line1": None, "line2": None, "postal_code": None, "state": None},
        "balance": state.balance,
        "created": who.created,
        "currency": who.currency if billed else None,
        "default_source": None,
        "delinquent": state.delinquent,
        "description": None,
        "discount": None if held is None else discount(show, held, want.get("discount", NOTHING)),
        "email": who.email,
        "invoice_prefix": show.business.tag.upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(state.metadata),
        "name": who.name,
        "next_invoice_sequence": 1 + sum(each.created <= show.now for each in show.life.invoices),
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
