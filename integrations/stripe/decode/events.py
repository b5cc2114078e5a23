"""Events: the state after, the state before, and what to read again.

An event carries its object as it was at that moment, in the shape of the API version that was in force then, and for updates the
old values of what changed. Laying those over the object gives the state before. Whole arrays are old as a whole, objects are
changed key by key, and null stands for a key that wasn't there. The lines of an invoice in an event stop at ten and its discounts
are ids, so an invoice is never taken from an event: its id is handed on to be read again, and so is a credit note's.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from integrations.stripe.decode.bounds import bounded
from integrations.stripe.decode.catalog import Seen, discount, product
from integrations.stripe.decode.errors import Unusable, an_id, instant, ref
from integrations.stripe.decode.parsing import loose
from integrations.stripe.decode.subscriptions import customer, subscription
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import customers as customer_schemas
from integrations.stripe.schemas import events as event_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from integrations.stripe.schemas.shape import Id, Shape
from metrics.evidence import Customer, CustomerState, EventFact, Source, SubscriptionState

T = TypeVar("T")
_NOTHING: Final = (b"", b"null", b"{}")
_HANDLED: Final = frozenset(
    {"customer", "customer.subscription", "customer.discount", "invoice", "credit_note", "price", "plan", "coupon", "product"}
)


@dataclass(frozen=True, slots=True)
class EventMeaning:
    """What one event says."""

    fact: EventFact
    subscriptions: tuple[SubscriptionState, ...] = ()
    customers: tuple[CustomerState, ...] = ()


class _Named(Shape):
    """Whom an event's object belongs to, whatever the object is."""

    id: str | None = None
    customer: Id = None
    customer_account: str | None = None
    subscription: Id = None
    invoice: Id = None
    parent: invoice_schemas.InvoiceParent | None = None


_DECODERS: Final[dict[type, msgspec.json.Decoder[Any]]] = {
    shape: msgspec.json.Decoder(shape)
    for shape in (
        _Named,
        catalog_schemas.Price,
        catalog_schemas.Plan,
        catalog_schemas.Coupon,
        catalog_schemas.Product,
        subscription_schemas.Subscription,
        customer_schemas.Customer,
        catalog_schemas.Discount,
    )
}
"""Made on import: see `parsing`. What is converted is of these shapes too."""


def event(shape: event_schemas.Event, seen: Seen) -> EventMeaning | None:
    """What an event says, or None for a type that MRR doesn't need. Raises Unusable when its object can't be used."""
    fact = fact_of(shape)
    if fact is None:
        return None
    data = shape.data or event_schemas.EventData()
    obj, previous = bytes(data.object), bytes(data.previous_attributes)
    head, _, verb = fact.type.rpartition(".")
    states: tuple[SubscriptionState, ...] = ()
    customers: tuple[CustomerState, ...] = ()
    match head:
        case "customer.subscription":
            states = _subscription_states(fact, obj, previous, seen)
        case "customer":
            customers = _customer_states(fact, obj, previous, seen, deleted=verb == "deleted")
        case "customer.discount":
            found = _discount_states(fact, obj, previous, seen, deleted=verb == "deleted")
            customers = tuple(bounded(each) for each in found)
        case "price":
            seen.price(_shaped(obj, catalog_schemas.Price))
        case "plan":
            seen.plan(_shaped(obj, catalog_schemas.Plan))
        case "coupon":
            seen.coupon(_shaped(obj, catalog_schemas.Coupon))
        case "product":
            known = product(_shaped(obj, catalog_schemas.Product))
            seen.products[known.id] = known
    return EventMeaning(fact, states, customers)


def fact_of(shape: event_schemas.Event) -> EventFact | None:
    """Just what happened to whom, or None for a type that MRR doesn't need. Raises Unusable when even that isn't said.

    An event whose object can't be used still has this, and reading the object again may mend it.
    """
    kind = shape.type or ""
    head = kind.rpartition(".")[0]
    if head not in _HANDLED:
        return None
    event_id, at = an_id(shape.id, "the event"), instant(shape.created, "created")
    named = _shaped(bytes(shape.data.object) if shape.data else b"null", _Named)
    object_id = an_id(named.id, f"the object of {kind}") if head != "customer.discount" else named.id or ""
    details = named.parent.subscription_details if named.parent else None
    of_subscription = (ref(details.subscription) if details else None) or ref(named.subscription)
    fact = EventFact(
        id=event_id,
        type=kind,
        created=at,
        object_id=object_id,
        customer=object_id if head == "customer" else ref(named.customer) or named.customer_account,
        subscription=object_id if head == "customer.subscription" else of_subscription,
        invoice=object_id if head == "invoice" else ref(named.invoice),
    )
    return bounded(fact)


def _shaped(obj: bytes, shape: type[T]) -> T:
    try:
        return _DECODERS[shape].decode(obj)  # type: ignore[no-any-return]  # the decoder was made for this very shape
    except msgspec.ValidationError as error:
        raise Unusable("bad_shape", f"the event's object: {error}") from error


def _converted(obj: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(obj, shape)
    except msgspec.ValidationError as error:
        raise Unusable("bad_shape", f"the event's object before the change: {error}") from error


# --- states ----------------------------------------------------------------------------------------------------------------


def _subscription_states(fact: EventFact, obj: bytes, previous: bytes, seen: Seen) -> tuple[SubscriptionState, ...]:
    after = _subscription_state(Source.EVENT, fact, _shaped(obj, subscription_schemas.Subscription), seen)
    if previous in _NOTHING:
        return (after,)
    old = _converted(_subscription_before(loose(obj), loose(previous)), subscription_schemas.Subscription)
    return (_subscription_state(Source.EVENT_BEFORE, fact, old, seen), after)


def _subscription_state(source: Source, fact: EventFact, shape: subscription_schemas.Subscription, seen: Seen) -> SubscriptionState:
    # An event inlines ten items at most: what isn't among them may be there all the same.
    complete = shape.items is not None and shape.items.complete
    return SubscriptionState(fact.created, source, fact.id, subscription(shape, seen, complete=complete))


def _customer_states(fact: EventFact, obj: bytes, previous: bytes, seen: Seen, *, deleted: bool) -> tuple[CustomerState, ...]:
    now = customer(_shaped(obj, customer_schemas.Customer), seen, deleted=deleted)
    after = CustomerState(fact.created, Source.EVENT, fact.id, now)
    if previous in _NOTHING:
        return (after,)
    old = _converted(laid_over(loose(obj), loose(previous)), customer_schemas.Customer)
    return (CustomerState(fact.created, Source.EVENT_BEFORE, fact.id, customer(old, seen)), after)


def _discount_states(fact: EventFact, obj: bytes, previous: bytes, seen: Seen, *, deleted: bool) -> tuple[CustomerState, ...]:
    """A customer's discount came, changed or went; one on a subscription or an invoice is only described."""
    shape = _shaped(obj, catalog_schemas.Discount)
    elsewhere = shape.subscription or shape.subscription_item or shape.invoice or shape.invoice_item
    holder = ref(shape.customer) or shape.customer_account
    # Whatever is discounted, the coupon is worth noting: it may be deleted soon.
    now = discount(shape, seen, holder or "")
    if not holder:
        raise Unusable("missing_customer", "the discount has no customer")
    if elsewhere:
        # Events of the subscription will name this discount by id alone: what it is, is said here.
        said = Customer(holder, described=(now,)) if now.coupon is not None else None
        return () if said is None else (CustomerState(fact.created, Source.EVENT, fact.id, said),)
    holding = CustomerState(fact.created, Source.EVENT, fact.id, Customer(holder, discount=now))
    if deleted:
        before = CustomerState(fact.created, Source.EVENT_BEFORE, fact.id, Customer(holder, discount=now))
        return (before, CustomerState(fact.created, Source.EVENT, fact.id, Customer(holder)))
    if previous in _NOTHING:
        return (holding,)
    old = discount(_converted(laid_over(loose(obj), loose(previous)), catalog_schemas.Discount), seen, holder)
    return (CustomerState(fact.created, Source.EVENT_BEFORE, fact.id, Customer(holder, discount=old)), holding)


# --- what was before -------------------------------------------------------------------------------------------------------


def laid_over(now: Any, previous: Any) -> Any:
    """`now` with its old values: objects are merged key by key, everything else, arrays too, is old as a whole."""
    if not (isinstance(now, dict) and isinstance(previous, dict)):
        return previous
    out = dict(now)
    for key, old in previous.items():
        out[key] = laid_over(now.get(key), old)
    return out


def _subscription_before(now: dict[str, Any], previous: dict[str, Any]) -> dict[str, Any]:
    """The subscription before the change.

    Old versions told a change of the one item by the subscription's own `plan` and `quantity` alone; those are the item's then.
    """
    before: dict[str, Any] = laid_over(now, previous)
    items = now.get("items")
    data = items.get("data") if isinstance(items, dict) else None
    if "items" in previous:
        return _counted_out(before, previous["items"])
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        return before
    if "plan" not in previous and "quantity" not in previous:
        return before
    item = dict(data[0])
    if isinstance(previous.get("plan"), dict):
        item["plan"] = laid_over(now.get("plan") or item.get("plan"), previous["plan"])
        item["price"] = None
    if isinstance(previous.get("quantity"), int):
        item["quantity"] = previous["quantity"]
    return {**before, "items": {**(items or {}), "data": [item]}}


_INLINED: Final = 10
"""So many entries of a list an event holds at most."""


def _counted_out(before: dict[str, Any], told: Any) -> dict[str, Any]:
    """The items before a change, called complete only if they are: the old list doesn't say whether it was cut, the one after it may not be."""
    items = before.get("items")
    old = told.get("data") if isinstance(told, dict) else None
    if isinstance(items, dict) and isinstance(old, list) and "has_more" not in told:
        items = {**items, "has_more": len(old) >= _INLINED}
    return {**before, "items": items}
