"""Storing what Stripe said: each fact once, on its natural key, whatever is read again and in whatever order.

A page, or many pages of one account put together, goes in with one call inside the caller's transaction. Nothing is decided here about
which evidence is stronger; only what says nothing new is left out (see `integrations.store.facts.states`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, func, select

from integrations.store.db.bulk import insert_new
from integrations.store.db.columns import require_zone
from integrations.store.db.encoding import encode
from integrations.store.db.words import bucket_of
from integrations.store.facts import billed, catalog, states
from integrations.store.facts.customers import contacts, customer_accounts, erased, moved
from integrations.store.facts.customers.contacts import Person
from integrations.store.facts.customers.erased import Unwanted
from integrations.store.facts.line_extra import extra_of
from integrations.store.facts.marks import touch
from integrations.store.facts.schema import event, invoice, invoice_line, payload, unconfirmed
from integrations.store.facts.states import Incoming, Kept
from integrations.store.work.schema import cursor
from metrics.evidence import (
    Coupon,
    Customer,
    EventFact,
    Facts,
    Instant,
    InvoiceEvidence,
    InvoiceLine,
    Price,
    Product,
    Subscription,
    UnreadLine,
)

LISTINGS: Final = ("subscriptions", "audit")
"""The marks that say when subscriptions were listed whole."""

Described = TypeVar("Described", Customer, Subscription)


@dataclass(frozen=True, slots=True)
class Page(Facts):
    """Facts to be stored together, and what is kept beside them.

    `payloads` are kind (subscription, event), object id, event id (empty for a listing), the moment of the answer that it was in, and what
    Stripe sent, compressed.
    """

    observed_at: Instant
    payloads: Sequence[tuple[str, str, str, Instant, bytes]] = ()
    people: Sequence[Person] = ()


@dataclass(slots=True)
class Stored:
    """How many rows were new, and whom they concern."""

    new: int = 0
    touched: set[str] = field(default_factory=set)

    def add(self, kept: Kept) -> None:
        """Count what was kept."""
        self.new += kept.new
        self.touched |= kept.customers


def put_page(connection: Connection, account: int, page: Page, learnt_at: datetime) -> Stored:
    """Store a page. What is known already changes nothing; the customers of what is new are marked to be derived again.

    A listed state that says the same as the newest one before it is kept as a further sighting of it. Raises ValueError for a naive
    `learnt_at`.
    """
    require_zone(learnt_at)
    stored = Stored()
    page, renamed = customer_accounts.resolved(connection, account, page)
    stored.touched |= renamed
    listed: list[Price | Coupon | Product] = [*page.prices, *page.coupons, *page.products]
    inline: list[Price | Coupon] = [*page.inline_prices, *page.inline_coupons]
    stored.new, concerned = catalog.put(connection, account, page.observed_at, listed, inline, learnt_at)
    stored.touched |= concerned
    gone = erased.of_account(connection, account)
    customers = [
        Incoming(s.customer.id, s.customer.id, s.at, int(s.source), s.source_id, encode(_kept(s.customer, s.customer.id, gone)))
        for s in page.customers
    ]
    stored.add(states.put_customers(connection, account, customers, learnt_at))
    subscriptions = [
        Incoming(
            s.subscription.id,
            s.subscription.customer,
            s.at,
            int(s.source),
            s.source_id,
            encode(_kept(s.subscription, s.subscription.customer, gone)),
            s.subscription.status,
        )
        for s in page.subscriptions
    ]
    subscriptions, changed = moved.settled(connection, account, subscriptions)
    stored.touched |= changed
    kept = states.put_subscriptions(connection, account, subscriptions, learnt_at)
    stored.add(kept)
    invoices, pending = moved.owned(connection, account, page.invoices, page.pending)
    _put_invoices(connection, account, invoices, pending, learnt_at, stored)
    if page.credit_notes:
        stored.new += billed.put_notes(connection, account, page.credit_notes, learnt_at)
    _put_events(connection, account, page.events, learnt_at, stored)
    if page.payloads or page.people:
        _put_payloads(connection, account, page, kept.listings, gone.customers, learnt_at)
        contacts.put(connection, account, (p for p in page.people if p.customer not in gone.customers), page.observed_at)
    touch(connection, account, stored.touched)
    return stored


def _kept(state: Described, customer: str, gone: Unwanted) -> Described:
    """A state without what may not be stored of its customer any more."""
    return replace(state, metadata=()) if customer in gone.metadata and state.metadata else state


_OF_HEAD: Final = {
    "invoice_id": "id",
    "status": "status",
    "subscription_id": "subscription",
    "created": "created",
    "currency": "currency",
    "billing_reason": "billing_reason",
    "amount_paid": "amount_paid",
    "finalized_at": "finalized_at",
    "paid_at": "paid_at",
    "voided_at": "voided_at",
    "uncollectible_at": "uncollectible_at",
}
"""Columns of an invoice's head with the fields that they keep as they are."""
_of_head: Final = attrgetter(*_OF_HEAD.values())
_HEAD = ("bucket", "customer_id", "account", *_OF_HEAD, "learnt_at", "unread", "other_lines", "other_amount", *billed.TOTALS)
_GROWING = (
    "subscription_id",
    "billing_reason",
    "amount_paid",
    "finalized_at",
    "paid_at",
    "voided_at",
    "uncollectible_at",
    "unread",
    "other_lines",
    "other_amount",
    *billed.TOTALS,
)
"""What of an invoice's head can still be missing, or grow, in a status that was seen before."""
_OF_LINE: Final = {
    "invoice_id": "invoice",
    "line_id": "id",
    "subscription_id": "subscription",
    "item_id": "item",
    "price_id": "price",
    "quantity": "quantity",
    "amount": "amount",
    "currency": "currency",
    "period_start": "period_start",
    "period_end": "period_end",
    "proration": "proration",
    "inclusive_tax": "inclusive_tax",
}
"""The same of a line."""
_of_line: Final = attrgetter(*_OF_LINE.values())
_LINE = ("bucket", "customer_id", "account", *_OF_LINE, "extra", "learnt_at")


def _put_invoices(
    connection: Connection,
    account: int,
    found: Sequence[InvoiceEvidence],
    pending: Sequence[tuple[str, InvoiceLine]],
    learnt_at: datetime,
    stored: Stored,
) -> None:
    heads: dict[_Place, tuple[Any, ...]] = {}
    lines: dict[_Place, tuple[Any, ...]] = {}
    for each in found:
        head = each.head
        customer = head.customer or ""
        bucket = bucket_of(customer)
        row = _head_row(each, bucket, customer, account, learnt_at)
        place = (bucket, customer, head.id, head.status)
        heads[place] = _grown(heads[place], row) if place in heads else row
        if head.status != "draft":
            for line in each.lines:
                lines[bucket, customer, line.invoice, line.id] = _line_row(line, bucket, customer, account, learnt_at)
    for customer, line in pending:
        bucket = bucket_of(customer)
        lines[bucket, customer, line.invoice, line.id] = _line_row(line, bucket, customer, account, learnt_at)
    # In the order of the keys: transactions of several processes then never wait in a circle, and neighbours share their index pages.
    rows = [lines[place] for place in sorted(lines)]
    new = insert_new(
        connection, invoice, _HEAD, [heads[k] for k in sorted(heads)], returning=("customer_id", "invoice_id"), greatest=_GROWING
    )
    fresh = insert_new(connection, invoice_line, _LINE, rows, returning=("customer_id", "period_start", "invoice_id"))
    others = billed.put_others(connection, account, found, learnt_at)
    _await_listing(connection, account, [row[:2] for row in fresh])
    stored.new += len(new) + len(fresh) + len(others)
    stored.touched.update([row[0] for row in (*new, *fresh) if row[0]])
    changed = {*(row[1] for row in new), *(row[2] for row in fresh), *others}
    if changed:
        billed.mark_days(connection, account, (billed.day_of(each.head) for each in found if each.head.id in changed))


def _await_listing(connection: Connection, account: int, lines: Sequence[Any]) -> None:
    """Note whose lines are newer than the last listing of subscriptions: the next one confirms them or takes them back."""
    marks = select(func.max(cursor.c.position)).where(cursor.c.account == account, cursor.c.stream.in_(LISTINGS))
    listed = connection.execute(marks).scalar_one() if lines else None
    if listed is None:
        return  # never listed: they will be, before anything is derived
    latest: dict[str, int] = {}
    for customer, start in lines:
        if customer and start > listed:
            latest[customer] = max(start, latest.get(customer, start))
    rows = [(account, customer, latest[customer]) for customer in sorted(latest)]
    insert_new(connection, unconfirmed, ("account", "customer_id", "at"), rows, greatest=("at",))


_Place = tuple[int, str, str, str]
"""Bucket, customer, invoice, and its status or the line's id."""


def _head_row(found: InvoiceEvidence, bucket: int, customer: str, account: int, learnt_at: datetime) -> tuple[Any, ...]:
    return (
        bucket,
        customer,
        account,
        *_of_head(found.head),
        learnt_at,
        encode(found.unread, tuple[UnreadLine, ...]) if found.unread else None,
        found.other_lines or None,
        found.other_amount if found.other_lines else None,
        *billed.totals_row(found.totals),
    )


_GROWING_PLACES = tuple(_HEAD.index(name) for name in _GROWING)


def _grown(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two sightings of one head in one status as one, as the database would make them one."""
    out = list(one)
    for place in _GROWING_PLACES:
        a, b = one[place], other[place]
        out[place] = b if a is None else a if b is None else max(a, b)
    return tuple(out)


def _line_row(line: InvoiceLine, bucket: int, customer: str, account: int, learnt_at: datetime) -> tuple[Any, ...]:
    return (bucket, customer, account, *_of_line(line), extra_of(line), learnt_at)


_EVENT = ("account", "event_id", "type", "created", "object_id", "customer_id", "subscription_id", "invoice_id", "learnt_at")


def _put_events(connection: Connection, account: int, found: Sequence[EventFact], learnt_at: datetime, stored: Stored) -> None:
    rows = {e.id: (account, e.id, e.type, e.created, e.object_id, e.customer, e.subscription, e.invoice, learnt_at) for e in found}
    stored.new += len(insert_new(connection, event, _EVENT, [rows[k] for k in sorted(rows)], returning=("event_id",)))


def _put_payloads(
    connection: Connection,
    account: int,
    page: Page,
    listings: frozenset[tuple[str, int]],
    gone: frozenset[str],
    learnt_at: datetime,
) -> None:
    """Keep what Stripe sent of events, and of those listed states that said something new."""
    seen = {e.id: e for e in page.events}
    owner = {s.subscription.id: s.subscription.customer for s in page.subscriptions}
    rows = {}
    for kind, object_id, source_id, observed_at, body in page.payloads:
        about = seen.get(source_id)
        if (about.customer if about else owner.get(object_id)) in gone:
            continue
        if not source_id and (object_id, observed_at) not in listings:
            continue
        at = observed_at if not source_id else about.created if about else 0
        rows[kind, object_id, at, source_id] = (account, kind, object_id, at, source_id, body, learnt_at)
    found = [row for _, row in sorted(rows.items())]
    insert_new(connection, payload, ("account", "kind", "object_id", "at", "source_id", "body", "learnt_at"), found)
