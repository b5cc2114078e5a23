"""Subscriptions, their items and schedules as Stripe shows them."""

from collections.abc import Callable
from typing import Any, Final

from integrations.sandbox.answers import catalog as catalog_answers
from integrations.sandbox.answers.customers import Show, customer, discount, discounts
from integrations.sandbox.answers.expansion import NOTHING, Wanted
from integrations.sandbox.simulator.records import Item, PendingUpdate, Schedule, Subscription, SubscriptionState, in_force

INLINED_ITEMS: Final = 10
_RESUMING: Final = {
    "billing_cycle_anchor": "resume_at",
    "payment_behavior": "resume_on_payment_attempt",
    "proration_behavior": "none",
}
LatestInvoice = Callable[[Show, str, Wanted], dict[str, Any]]


def item(show: Show, sub: Subscription, held: Item, want: Wanted = NOTHING) -> dict[str, Any]:
    """A subscription item."""
    catalog, shape = show.business.catalog, show.shape
    ware = catalog.prices[held.price]
    out: dict[str, Any] = {
        "id": held.id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": held.created,
        "discounts": discounts(show, held.discounts, want),
        "metadata": {},
        "plan": catalog_answers.plan(ware),
        "price": catalog_answers.price(ware, catalog, basil=shape.basil, want=want.get("price", NOTHING)),
        "subscription": sub.id,
        "tax_rates": [],
    }
    if not ware.metered:
        out["quantity"] = held.quantity
    if shape.basil:
        out["current_period_start"], out["current_period_end"] = held.start, held.end
    if shape.dahlia and held.billed_until is not None:
        out["billed_until"] = held.billed_until
    if shape.endive:
        out["current_trial"] = None
    return out


def items(show: Show, sub: Subscription, state: SubscriptionState, want: Wanted = NOTHING) -> dict[str, Any]:
    """The first items of a subscription."""
    below = want.get("data", NOTHING)
    return {
        "object": "list",
        "data": [item(show, sub, each, below) for each in state.items[:INLINED_ITEMS]],
        "has_more": len(state.items) > INLINED_ITEMS,
        "total_count": len(state.items),
        "url": f"/v1/subscription_items?subscription={sub.id}",
    }


def subscription(
    show: Show,
    sub: Subscription,
    want: Wanted = NOTHING,
    *,
    state: SubscriptionState | None = None,
    latest: LatestInvoice | None = None,
) -> dict[str, Any]:
    """A subscription as it is, or in `state`; `latest` renders its latest invoice where that is wanted."""
    if state is None:
        version = in_force(sub.versions, show.now)
        assert version is not None, "a subscription is shown only once it exists"
        state = version.state
    shape, first = show.shape, state.items[0]
    invoice: Any = state.latest_invoice
    if "latest_invoice" in want and invoice is not None and latest is not None:
        invoice = latest(show, invoice, want["latest_invoice"])
    plan_of_one = show.business.catalog.prices[first.price] if len(state.items) == 1 else None
    out: dict[str, Any] = {
        "id": sub.id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": state.anchor,
        "billing_cycle_anchor_config": None,
        "billing_thresholds": None,
        "cancel_at": state.cancel_at,
        "cancel_at_period_end": state.cancel_at_period_end,
        "canceled_at": state.canceled_at,
        "cancellation_details": {"comment": None, "feedback": state.feedback, "reason": state.cancel_reason},
        "collection_method": "send_invoice" if sub.send_invoice else "charge_automatically",
        "created": sub.created,
        "currency": sub.currency,
        "customer": customer(show, want["customer"]) if "customer" in want else sub.customer,
        "customer_account": None,
        "days_until_due": 30 if sub.send_invoice else None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": discounts(show, state.discounts, want),
        "ended_at": state.ended_at,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": items(show, sub, state, want.get("items", NOTHING)),
        "latest_invoice": invoice,
        "livemode": False,
        "metadata": dict(state.metadata),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None
        if state.pause_behavior is None
        else {
            "behavior": state.pause_behavior,
            "resumes_at": state.pause_resumes_at,
        },
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None if state.pending is None else _pending(show, sub, state.pending),
        "plan": None if plan_of_one is None else catalog_answers.plan(plan_of_one),
        "quantity": first.quantity if plan_of_one else None,
        "schedule": _schedule_of(show, state, want),
        "start_date": sub.start_date,
        "status": state.status,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": state.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": state.trial_start,
    }
    if shape.basil:
        out["billing_mode"] = (
            {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": sub.created}
            if sub.flexible
            else {"flexible": None, "type": "classic"}
        )
    else:
        out["current_period_start"], out["current_period_end"] = first.start, first.end
        whole = state.discounts[0] if state.discounts else None
        out["discount"] = None if whole is None else discount(show, whole, want.get("discount", NOTHING))
    if shape.dahlia:
        out["billing_schedules"] = _billed_ahead(state)
    if shape.endive:
        held = None if state.held_at is None else {"subscription": {"type": state.held_type}, "transitioned_at": state.held_at}
        out["status_details"] = {"paused": held}
    return out


def _pending(show: Show, sub: Subscription, waiting: PendingUpdate) -> dict[str, Any]:
    return {
        "billing_cycle_anchor": None,
        "expires_at": waiting.expires_at,
        "subscription_items": [item(show, sub, each) for each in waiting.items],
        "trial_end": None,
        "trial_from_plan": None,
    }


def _billed_ahead(state: SubscriptionState) -> list[dict[str, Any]]:
    until = max((each.billed_until for each in state.items if each.billed_until is not None), default=None)
    if until is None:
        return []
    bound = {"computed_timestamp": until, "duration": None, "timestamp": until, "type": "timestamp"}
    return [{"applies_to": None, "bill_until": bound, "key": "ahead"}]


def _schedule_of(show: Show, state: SubscriptionState, want: Wanted) -> Any:
    if state.schedule is None or "schedule" not in want:
        return state.schedule
    return schedule(show, next(each for each in show.life.schedules if each.id == state.schedule))


def schedule(show: Show, plan: Schedule) -> dict[str, Any]:
    """A subscription schedule with its phases, over when nothing is left to come; a planned pause only newer versions have."""
    released = show.now >= plan.over_at
    starts = [plan.created, *(at for at, _, _ in plan.phases)]
    ends = [*starts[1:], max(plan.over_at, starts[-1])]
    holds = [plan.before, *((price, quantity) for _, price, quantity in plan.phases)]
    phases = list(zip(starts, ends, holds, strict=True))
    running = next(((start, end) for start, end, _ in phases if start <= show.now < end), None)
    out: dict[str, Any] = {
        "id": plan.id,
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {"flexible": None, "type": "classic"},
        "canceled_at": None,
        "completed_at": None,
        "created": plan.created,
        "current_phase": None if running is None else {"end_date": running[1], "start_date": running[0]},
        "customer": plan.customer,
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "phases": [_phase(show, plan.currency, *each) for each in phases],
        "released_at": plan.over_at if released else None,
        "released_subscription": plan.subscription if released else None,
        "status": "released" if released else "active",
        "subscription": None if released else plan.subscription,
        "test_clock": None,
    }
    if show.shape.endive:
        out["pause_schedules"] = [] if plan.pause_at is None else [_planned_pause(plan, plan.pause_at, show.now)]
    return out


def _planned_pause(plan: Schedule, at: int, now: int) -> dict[str, Any]:
    def standing(moment: int) -> dict[str, Any]:
        return {"error": None, "type": "succeeded" if now >= moment else "scheduled"}

    back = plan.resume_at
    return {
        "key": "pause",
        "pause": {"pause_at": at, "settings": None, "status": standing(at)},
        "resume": None if back is None else {"resume_at": back, "settings": _RESUMING, "status": standing(back)},
    }


def _phase(show: Show, currency: str, start: int, end: int, what: tuple[str, int]) -> dict[str, Any]:
    price = show.business.catalog.prices[what[0]].id
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": {},
                "plan": price,
                "price": price,
                "quantity": what[1],
                "tax_rates": [],
            }
        ],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "none",
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }
