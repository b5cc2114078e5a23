"""Subscriptions and customers: the states of things that live on, from Stripe's fields into ours.

Periods, discounts and pauses moved between fields over the years; whichever fields are present are read. Free texts are not kept:
nothing that leaves here identifies a person, but for what an operator wrote into metadata.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from integrations.stripe.decode.bounds import bounded
from integrations.stripe.decode.catalog import Seen, discount, discounts
from integrations.stripe.decode.errors import Unusable, an_id, currency, instant, maybe, quantities, ref
from integrations.stripe.decode.schedules import billing, schedule
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import customers as customer_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from metrics.evidence import Customer, Discount, Instant, Item, Pause, PendingUpdate, Subscription

_SEVERAL: Final = 2


def subscription(
    shape: subscription_schemas.Subscription,
    seen: Seen,
    *,
    items: Sequence[subscription_schemas.Item] | None = None,
    complete: bool = True,
) -> Subscription:
    """A subscription in our words. `items` are all its items where the first page of them didn't hold all; `complete` says whether
    these are all.

    An item that comes twice counts once, as it came last. Where Stripe names an account in the place of the customer, that is the
    customer's id, until something tells which customer it stands for. Raises Unusable without an id, anybody whom it belongs to, a status,
    a creation date or a known currency.
    """
    sub_id = an_id(shape.id, "the subscription")
    customer_id = ref(shape.customer) or shape.customer_account
    if not customer_id:
        raise Unusable("missing_customer", "the subscription has no customer")
    if not shape.status:
        raise Unusable("missing_status", "the subscription has no status")
    created = instant(shape.created, "created")
    inline = shape.items.data if shape.items and shape.items.data else []
    all_items = once([i for i in (inline if items is None else items) if not i.deleted])
    single = shape.discount or None
    pause, cancellation = shape.pause_collection, shape.cancellation_details
    code = currency(shape.currency or _items_currency(all_items), "currency")
    found = Subscription(
        id=sub_id,
        customer=customer_id,
        status=shape.status,
        currency=code,
        created=created,
        start=created if shape.start_date is None else instant(shape.start_date, "start_date"),
        items=tuple([_item(i, shape, seen) for i in all_items]),
        items_complete=complete,
        discounts=_once(discounts(shape.discounts, single, seen, sub_id)) if shape.discounts or single else (),
        trial_start=maybe(shape.trial_start),
        trial_end=maybe(shape.trial_end),
        cancel_at=maybe(shape.cancel_at),
        cancel_at_period_end=bool(shape.cancel_at_period_end),
        canceled_at=maybe(shape.canceled_at),
        ended_at=maybe(shape.ended_at),
        pause=Pause(pause.behavior or "", maybe(pause.resumes_at)) if pause else None,
        paused_at=_paused_at(shape.status_details),
        cancel_reason=cancellation.reason if cancellation else None,
        cancel_feedback=(cancellation.feedback or cancellation.feedback_option) if cancellation else None,
        schedule=shape.schedule.id if isinstance(shape.schedule, subscription_schemas.Schedule) else shape.schedule,
        test_clock=ref(shape.test_clock),
        metadata=metadata(shape.metadata),
        discounts_complete=shape.discounts is not None or shape.discount is not msgspec.UNSET,
        customer_account=shape.customer_account,
        pending_update=_pending(shape.pending_update, shape, seen) if shape.pending_update else None,
        managed_payments=shape.managed_payments.enabled if shape.managed_payments else None,
        billing_schedules=billing(shape.billing_schedules, seen) if shape.billing_schedules else (),
        plan=schedule(shape.schedule, seen) if shape.schedule else None,
    )
    for item in found.items:
        seen.afford(item.price, item.quantity, code)
    return bounded(found)


def once(items: list[subscription_schemas.Item]) -> list[subscription_schemas.Item]:
    """Each item once, by its id, as it came last: lists that change while they are paged show some twice. Those without an id all stay."""
    if len(items) < _SEVERAL:
        return items
    by_id = {item.id: item for item in items}
    return items if len(by_id) == len(items) or None in by_id else list(by_id.values())


def _once(found: tuple[Discount, ...]) -> tuple[Discount, ...]:
    """Each discount once, by its id; a sight that names its coupon counts more than one that doesn't."""
    if len(found) < _SEVERAL:
        return found
    by_id: dict[str, Discount] = {}
    for each in found:
        if each.id not in by_id or by_id[each.id].coupon is None:
            by_id[each.id] = each
    return tuple(by_id.values())


def _pending(update: subscription_schemas.PendingUpdate, parent: subscription_schemas.Subscription, seen: Seen) -> PendingUpdate:
    items = update.subscription_items
    return PendingUpdate(
        expires_at=maybe(update.expires_at),
        items=None if items is None else tuple(_item(i, parent, seen) for i in once(items) if i.id and not i.deleted),
        trial_end=maybe(update.trial_end),
    )


def _item(shape: subscription_schemas.Item, parent: subscription_schemas.Subscription, seen: Seen) -> Item:
    item_id = an_id(shape.id, "an item of the subscription")
    price, version = seen.priced(shape.price, shape.plan)
    start = parent.current_period_start if shape.current_period_start is None else shape.current_period_start
    end = parent.current_period_end if shape.current_period_end is None else shape.current_period_end
    decimal = shape.quantity_decimal
    quantity, decimal = (shape.quantity, None) if decimal is None else quantities(shape.quantity, decimal)
    return Item(
        id=item_id,
        price=price,
        quantity=quantity,
        discounts=_once(tuple([discount(d, seen, item_id) for d in shape.discounts])) if shape.discounts else (),
        period_start=maybe(start),
        period_end=maybe(end),
        trial_end=maybe(shape.current_trial.end_date) if shape.current_trial else None,
        discounts_complete=shape.discounts is not None,
        billed_until=None if shape.billed_until is None else _ahead(shape.billed_until, end),
        quantity_decimal=decimal,
        price_version=version,
        trial_start=maybe(shape.current_trial.start_date) if shape.current_trial else None,
        decimal_told=shape.quantity_decimal is not None or shape.quantity is None,
    )


def _ahead(billed_until: int, period_end: int | None) -> Instant | None:
    """Until when an item is billed, where that is further than its period goes."""
    return None if period_end is not None and billed_until <= period_end else Instant(billed_until)


def _items_currency(items: Sequence[subscription_schemas.Item]) -> str | None:
    """Versions before 2022 gave subscriptions no currency: it is that of their prices."""
    for item in items:
        for priced in (item.price, item.plan):
            if isinstance(priced, catalog_schemas.Price | catalog_schemas.Plan) and priced.currency:
                return priced.currency
    return None


def _paused_at(details: subscription_schemas.StatusDetails | None) -> Instant | None:
    return maybe(details.paused.transitioned_at) if details and details.paused else None


def customer(shape: customer_schemas.Customer, seen: Seen, *, deleted: bool = False) -> Customer:
    """A customer in our words; a deleted one may have no more than its id. Raises Unusable without one."""
    customer_id = an_id(shape.id, "the customer")
    country = shape.address.country if shape.address and shape.address.country else None
    if country is None and shape.shipping and shape.shipping.address:
        country = shape.shipping.address.country or None
    held = discount(shape.discount, seen, customer_id, own=True) if shape.discount else None
    found = Customer(
        id=customer_id,
        created=maybe(shape.created),
        deleted=deleted or bool(shape.deleted),
        currency=shape.currency.lower() if shape.currency else None,
        country=country.upper() if country else None,
        discount=held,
        metadata=metadata(shape.metadata),
        test_clock=ref(shape.test_clock),
        discount_told=deleted or bool(shape.deleted) or shape.discount is not msgspec.UNSET,
        customer_account=shape.customer_account,
        metadata_told=shape.metadata is not None,
    )
    return bounded(found)


def metadata(values: Mapping[str, str | None] | None) -> tuple[tuple[str, str], ...]:
    """Metadata in a fixed order, so that equal metadata are equal values."""
    if not values:
        return ()
    return tuple(sorted((k, v) for k, v in values.items() if v is not None))
