"""Events as Stripe shows them: the object as it was, drawn in the account's version, with the old values of what changed."""

from typing import Any

from integrations.sandbox.answers import catalog as catalog_answers
from integrations.sandbox.answers.catalog_events import CatalogEvent
from integrations.sandbox.answers.credit_notes import credit_note
from integrations.sandbox.answers.customers import Show, customer, discount
from integrations.sandbox.answers.invoices import invoice
from integrations.sandbox.answers.subscriptions import subscription
from integrations.sandbox.api_versions import generation
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.records import Happening


def event(show: Show, happening: Happening) -> dict[str, Any]:
    """An event; `show` is in the account's version, whatever version was asked for."""
    now, before = _states(show, happening)
    data: dict[str, Any] = {"object": now}
    if before is not None:
        data["previous_attributes"] = previous_attributes(now, before)
    return _wrapped(show.shape.version, happening.id, happening.created, happening.type, data)


def ware_event(business: Business, told: CatalogEvent) -> dict[str, Any]:
    """An event about a product, a price or a coupon."""
    catalog = business.catalog
    match told.type.partition(".")[0]:
        case "product":
            shown = catalog_answers.product(catalog.products[told.subject])
        case "price":
            basil = generation(business.api_version).basil
            shown = catalog_answers.price(catalog.prices[told.subject], catalog, basil=basil)
        case _:
            shown = catalog_answers.coupon(catalog.coupons[told.subject], now=told.created)
    return _wrapped(business.api_version, told.id, told.created, told.type, {"object": shown})


def _wrapped(version: str, identifier: str, created: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": identifier,
        "object": "event",
        "api_version": version,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def _states(show: Show, happening: Happening) -> tuple[dict[str, Any], dict[str, Any] | None]:
    head, _, verb = happening.type.rpartition(".")
    life, number = show.life, happening.number
    if head == "customer.discount":
        assert happening.detail is not None, "a discount's event carries the discount"
        return discount(show, happening.detail), None
    updates = verb == "updated" and number > 0
    if head == "customer.subscription":
        sub = next(each for each in life.subscriptions if each.id == happening.subject)
        now = subscription(show, sub, state=sub.versions[number].state)
        return now, subscription(show, sub, state=sub.versions[number - 1].state) if updates else None
    if head == "customer":
        states = [version.state for version in life.customer.versions]
        now = customer(show, state=states[number - 1 if verb == "deleted" else number])
        return now, customer(show, state=states[number - 1]) if updates else None
    if head == "credit_note":
        note = next(each for each in life.credit_notes if each.id == happening.subject)
        return credit_note(show, note, now=happening.created), None
    bill = next(each for each in life.invoices if each.id == happening.subject)
    now = invoice(show, bill, steps=bill.steps[: number + 1])
    return now, invoice(show, bill, steps=bill.steps[:number]) if updates else None


def previous_attributes(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The old values of what differs: objects key by key, an array as a whole if any of it changed."""
    out: dict[str, Any] = {}
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and key != "metadata":
            out[key] = previous_attributes(new, old)
        elif key == "metadata" and isinstance(old, dict) and isinstance(new, dict):
            out[key] = {name: old.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}
        else:
            out[key] = old
    return out
