"""What is read from Stripe, each list declared once: its endpoint with its parameters, what a key must be allowed, and its part in a run.

Plans, the re-reading after events and the audit ask here (`worker.ingest`), so a further list is one entry of `_ALL`.

Expansion is by Stripe's rules: four levels at most, counted with `data` on a list. So the coupon of a subscription's discount comes
with the list, while that of an item's discount stays an id and is found among the coupons. The tiers of a price in its other
currencies come only with a single price, one expansion for each currency. Values only; who asks, and how, is `reader`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

PAGE: Final = 100
EXPAND_AT_ONCE: Final = 15
"""Expansions of one request; Stripe takes some twenty."""


Part = Literal["catalog", "customers", "pending", "events", "within"]
"""What a list is in a run: what things cost (read first), what customers have, what waits to be billed (listed with it, no mark is kept),
what happened, or a list that is read only within another."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One list of Stripe's.

    `kind` is the kind of its objects, `optional` whether a host may lack it (its absence is then reported with the page), `forgone`
    whether a sync goes on without it where the key may not read it (which is reported as well), `fixed` are parameters that always go with
    it, `expand` what is expanded on the list, and `expand_one` on a single object.

    `part` is its part in a run, `rank` which is begun first of a stage (the longest lists, since the stage lasts as long as they do).
    Events whose type begins with `named_by` name an object of it to be read again; empty: none does, or another list of the kind has it.
    The audit lists it `whole`, what was created in the last days (`recent`), or not at all (`never`); with `looked_up` it asks for each
    object that is held as going on and that no list had. `absent_is_none`: a host that has no such list has no such objects either, and
    nothing is missing for it.
    """

    name: str
    kind: str
    path: str
    permission: str
    expand: tuple[str, ...] = ()
    expand_one: tuple[str, ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    optional: bool = True
    forgone: bool = False
    part: Part = "within"
    rank: int = 5
    named_by: str = ""
    audited: Literal["whole", "recent", "never"] = "never"
    looked_up: bool = False
    absent_is_none: bool = False


EVENT_TYPES: Final = (
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.discount.created",
    "customer.discount.updated",
    "customer.discount.deleted",
    "invoice.finalized",
    "invoice.paid",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "credit_note.voided",
    "price.created",
    "price.updated",
    "coupon.deleted",
    "product.updated",
)
"""All twenty names that one request may filter by. What is left out is seen in a list (each sync lists new products, prices, coupons and
credit notes), or changes nothing that is kept (`credit_note.updated` tells of memo and metadata)."""
MAY_LACK: Final = "credit_note."
"""How the types of events begin that a key of before may not be allowed to see: then the others are read without them."""

_SUBSCRIPTION_LIST: Final = ("data.discounts.source.coupon", "data.items.data.discounts", "data.schedule")
_SUBSCRIPTION_ONE: Final = ("discounts.source.coupon.applies_to", "items.data.discounts", "schedule")
FORGONE: Final = frozenset({"data.schedule", "schedule"})
"""Expansions that a key may lack the permission for: they tell what is to come, and what was is read without them."""

_ALL: Final = (
    Stream("products", "product", "/v1/products", "Products: Read", part="catalog", audited="whole"),
    Stream(
        "prices",
        "price",
        "/v1/prices",
        "Prices: Read",
        expand=("data.tiers", "data.currency_options"),
        expand_one=("tiers", "currency_options"),
        part="catalog",
        named_by="price.",
        audited="whole",
    ),
    Stream(
        "coupons",
        "coupon",
        "/v1/coupons",
        "Coupons: Read",
        expand=("data.applies_to", "data.currency_options"),
        expand_one=("applies_to", "currency_options"),
        part="catalog",
        named_by="coupon.",
        audited="whole",
    ),
    Stream(
        "customers",
        "customer",
        "/v1/customers",
        "Customers: Read",
        expand=("data.discount.source.coupon",),
        expand_one=("discount.source.coupon.applies_to",),
        part="customers",
        rank=2,
        named_by="customer.",
        audited="whole",
        looked_up=True,
    ),
    Stream(
        "subscriptions",
        "subscription",
        "/v1/subscriptions",
        "Subscriptions: Read",
        expand=_SUBSCRIPTION_LIST,
        expand_one=_SUBSCRIPTION_ONE,
        fixed=(("status", "all"),),
        optional=False,
        part="customers",
        rank=1,
        named_by="customer.subscription.",
        audited="whole",
        looked_up=True,
    ),
    # Whether `all` holds the subscriptions of deleted customers is not documented; that `canceled` does is.
    Stream(
        "subscriptions_canceled",
        "subscription",
        "/v1/subscriptions",
        "Subscriptions: Read",
        expand=_SUBSCRIPTION_LIST,
        expand_one=_SUBSCRIPTION_ONE,
        fixed=(("status", "canceled"),),
        part="customers",
        rank=1,
    ),
    Stream(
        "invoices",
        "invoice",
        "/v1/invoices",
        "Invoices: Read",
        expand=("data.discounts.source.coupon", "data.lines.data.discounts"),
        expand_one=("discounts.source.coupon.applies_to", "lines.data.discounts"),
        optional=False,
        part="customers",
        rank=0,
        named_by="invoice.",
        audited="recent",
    ),
    Stream(
        "credit_notes",
        "credit_note",
        "/v1/credit_notes",
        "Credit notes: Read",
        forgone=True,
        part="customers",
        rank=3,
        named_by="credit_note.",
        audited="recent",
        absent_is_none=True,
    ),
    # A proration that waits for the next invoice dates a change that no invoice shows yet.
    Stream(
        "pending_items",
        "invoiceitem",
        "/v1/invoiceitems",
        "Invoices: Read",
        fixed=(("pending", "true"),),
        forgone=True,
        part="pending",
        audited="whole",
    ),
    Stream("events", "event", "/v1/events", "Events: Read", fixed=tuple(("types[]", t) for t in EVENT_TYPES), part="events"),
)
STREAMS: Final = {stream.name: stream for stream in _ALL}
"""Every stream by name, in the order of a first run: what things cost comes before who pays."""


def of_part(part: Part) -> tuple[str, ...]:
    """The names of the streams that are this part of a run."""
    return tuple(stream.name for stream in _ALL if stream.part == part)


READ_AGAIN: Final = {stream.kind: stream for stream in _ALL if stream.named_by}
"""The stream of each kind whose objects are read again, one by one, when an event names them."""
_BY_LENGTH: Final = sorted(READ_AGAIN.values(), key=lambda stream: len(stream.named_by), reverse=True)


def named_kind(event_type: str) -> str | None:
    """The kind of the object to be read again after an event of this type: that of the longest beginning that fits; None for no object."""
    return next((stream.kind for stream in _BY_LENGTH if event_type.startswith(stream.named_by)), None)


LINES: Final = Stream(
    "invoice lines", "line_item", "/v1/invoices/{id}/lines", "Invoices: Read", expand=("data.discounts.source.coupon",)
)
NOTE_LINES: Final = Stream("credit note lines", "credit_note_line_item", "/v1/credit_notes/{id}/lines", "Credit notes: Read")
ITEMS: Final = Stream(
    "subscription items",
    "subscription_item",
    "/v1/subscription_items",
    "Subscriptions: Read",
    expand=("data.discounts.source.coupon",),
)
SCHEDULES: Final = Stream("schedules", "subscription_schedule", "/v1/subscription_schedules", "Subscriptions: Read", forgone=True)
"""What schedules say comes with their subscriptions, expanded; the list is asked to know whether a key may read them."""
ACCOUNT: Final = Stream("account", "account", "/v1/account", "Account: Read", optional=False)


def expanding(names: Sequence[str]) -> list[tuple[str, str]]:
    """The parameters that ask for expansions."""
    return [("expand[]", name) for name in names]


def created_in(since: int | None, until: int | None) -> list[tuple[str, str]]:
    """The parameters for objects created in [since, until); None leaves that end open."""
    ends = (("created[gte]", since), ("created[lt]", until))
    return [(name, str(value)) for name, value in ends if value is not None]


def in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """`names` cut so that each part may be expanded by one request."""
    for first in range(0, len(names), EXPAND_AT_ONCE):
        yield names[first : first + EXPAND_AT_ONCE]
