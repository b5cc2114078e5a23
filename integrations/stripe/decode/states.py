"""Subscriptions and customers: the states of things that live on, from Stripe's fields into ours.

Periods, discounts and pauses moved between fields over the years; whichever fields are present are read. Free texts are not kept:
nothing that leaves here identifies a person, but for what an operator wrote into metadata.
"""

from collections.abc import Mapping, Sequence

from integrations.stripe import shapes
from integrations.stripe.decode.catalog import Seen, discount, discounts
from integrations.stripe.decode.faults import Unusable, an_id, currency, instant, maybe, ref
from metrics.evidence import Customer, Instant, Item, Pause, Subscription


def subscription(
    shape: shapes.Subscription, seen: Seen, *, items: Sequence[shapes.Item] | None = None, complete: bool = True
) -> Subscription:
    """A subscription in our words. `items` are all its items where the first page of them didn't hold all.

    Raises Unusable without an id, a customer, a status, a creation date or a known currency.
    """
    sub_id = an_id(shape.id, "the subscription")
    customer_id = ref(shape.customer)
    if not customer_id:
        extra = "; it belongs to an account (customer_account) instead" if shape.customer_account else ""
        raise Unusable("missing_customer", f"the subscription has no customer{extra}")
    if not shape.status:
        raise Unusable("missing_status", "the subscription has no status")
    created = instant(shape.created, "created")
    inline = shape.items.data if shape.items and shape.items.data else []
    all_items = [i for i in (inline if items is None else items) if not i.deleted]
    pause, cancellation = shape.pause_collection, shape.cancellation_details
    return Subscription(
        id=sub_id,
        customer=customer_id,
        status=shape.status,
        currency=currency(shape.currency or _items_currency(all_items), "currency"),
        created=created,
        start=created if shape.start_date is None else instant(shape.start_date, "start_date"),
        items=tuple([_item(i, shape, seen) for i in all_items]),
        items_complete=complete,
        discounts=discounts(shape.discounts, shape.discount, seen, sub_id),
        trial_start=maybe(shape.trial_start),
        trial_end=maybe(shape.trial_end),
        cancel_at=maybe(shape.cancel_at),
        cancel_at_period_end=bool(shape.cancel_at_period_end),
        canceled_at=maybe(shape.canceled_at),
        ended_at=maybe(shape.ended_at),
        pause=Pause(pause.behavior, maybe(pause.resumes_at)) if pause and pause.behavior else None,
        paused_at=_paused_at(shape.status_details),
        cancel_reason=cancellation.reason if cancellation else None,
        cancel_feedback=(cancellation.feedback or cancellation.feedback_option) if cancellation else None,
        schedule=ref(shape.schedule),
        test_clock=ref(shape.test_clock),
        metadata=metadata(shape.metadata),
    )


def _item(shape: shapes.Item, parent: shapes.Subscription, seen: Seen) -> Item:
    item_id = an_id(shape.id, "an item of the subscription")
    price = seen.price(shape.price) if shape.price is not None else seen.plan(shape.plan)
    start = parent.current_period_start if shape.current_period_start is None else shape.current_period_start
    end = parent.current_period_end if shape.current_period_end is None else shape.current_period_end
    return Item(
        id=item_id,
        price=price,
        quantity=shape.quantity,
        discounts=tuple([discount(d, seen, item_id) for d in shape.discounts]) if shape.discounts else (),
        period_start=maybe(start),
        period_end=maybe(end),
        trial_end=maybe(shape.current_trial.end_date) if shape.current_trial else None,
    )


def _items_currency(items: Sequence[shapes.Item]) -> str | None:
    """Versions before 2022 gave subscriptions no currency: it is that of their prices."""
    for item in items:
        for priced in (item.price, item.plan):
            if isinstance(priced, shapes.Price | shapes.Plan) and priced.currency:
                return priced.currency
    return None


def _paused_at(details: shapes.StatusDetails | None) -> Instant | None:
    return maybe(details.paused.transitioned_at) if details and details.paused else None


def customer(shape: shapes.Customer, seen: Seen, *, deleted: bool = False) -> Customer:
    """A customer in our words; a deleted one may have no more than its id. Raises Unusable without one."""
    customer_id = an_id(shape.id, "the customer")
    country = shape.address.country if shape.address and shape.address.country else None
    if country is None and shape.shipping and shape.shipping.address:
        country = shape.shipping.address.country or None
    held = discount(shape.discount, seen, customer_id) if shape.discount else None
    return Customer(
        id=customer_id,
        created=maybe(shape.created),
        deleted=deleted or bool(shape.deleted),
        currency=shape.currency.lower() if shape.currency else None,
        country=country.upper() if country else None,
        # A discount without a coupon takes nothing off; Stripe's published samples have one.
        discount=held if held is not None and held.coupon is not None else None,
        metadata=metadata(shape.metadata),
        test_clock=ref(shape.test_clock),
    )


def metadata(values: Mapping[str, str | None] | None) -> tuple[tuple[str, str], ...]:
    """Metadata in a fixed order, so that equal metadata are equal values."""
    if not values:
        return ()
    return tuple(sorted((k, v) for k, v in values.items() if v is not None))
