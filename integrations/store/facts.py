"""Storing what Stripe said: each fact once, on its natural key, whatever is read again and in whatever order."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select

from integrations.store.bulk import insert_new
from integrations.store.encoding import bucket_of, digest, encode
from integrations.store.schema import (
    catalog,
    customer_state,
    event,
    invoice,
    invoice_line,
    payload,
    require_zone,
    subscription_state,
    touched,
)
from integrations.store.schema_ledger import finding
from metrics.evidence import (
    Coupon,
    CustomerState,
    Instant,
    InvoiceEvidence,
    Price,
    Product,
    Source,
    SubscriptionState,
)

UNPRICED = (
    "unknown_price",
    "unknown_coupon",
    "tiers_unknown",
    "currency_unknown",
    "coupon_currency_unknown",
    "unit_unknown",
)
"""Findings that a new entry in the catalog may settle."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """That an event was seen, and what it is about."""

    id: str
    type: str
    created: Instant
    object_id: str
    customer: str | None = None
    subscription: str | None = None
    invoice: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Facts to be stored together. `inline_` objects were seen inside others: they fill a hole but never replace a listed one."""

    observed_at: Instant
    prices: Sequence[Price] = ()
    coupons: Sequence[Coupon] = ()
    products: Sequence[Product] = ()
    inline_prices: Sequence[Price] = ()
    inline_coupons: Sequence[Coupon] = ()
    customers: Sequence[CustomerState] = ()
    subscriptions: Sequence[SubscriptionState] = ()
    invoices: Sequence[InvoiceEvidence] = ()
    events: Sequence[EventRow] = ()
    payloads: Sequence[tuple[str, str, str, bytes]] = ()


@dataclass(slots=True)
class Stored:
    """How many rows were new, and whom they concern."""

    new: int = 0
    touched: set[str] = field(default_factory=set)


def put_page(connection: Connection, account: int, page: Page, learnt_at: datetime) -> Stored:
    """Store a page. What is known already changes nothing; the customers of what is new are marked to be derived again.

    A listed state that says the same as the newest one known of its object is not stored again.
    """
    require_zone(learnt_at)
    stored = Stored()
    _put_catalog(connection, account, page, learnt_at, stored)
    _put_customers(connection, account, page.customers, learnt_at, stored)
    _put_subscriptions(connection, account, page.subscriptions, learnt_at, stored)
    _put_invoices(connection, account, page.invoices, learnt_at, stored)
    _put_events(connection, account, page.events, learnt_at, stored)
    _put_payloads(connection, account, page.payloads, learnt_at)
    if stored.touched:
        touch(connection, account, stored.touched)
    return stored


def touch(connection: Connection, account: int, customers: Iterable[str]) -> None:
    """Mark customers to be derived again."""
    connection.execute(insert(touched), [{"account": account, "customer_id": c} for c in sorted(customers)])


def _put_catalog(connection: Connection, account: int, page: Page, learnt_at: datetime, stored: Stored) -> None:
    groups: list[tuple[str, int, Sequence[Price | Coupon | Product]]] = [
        ("price", 1, page.prices),
        ("coupon", 1, page.coupons),
        ("product", 1, page.products),
        ("price", 0, page.inline_prices),
        ("coupon", 0, page.inline_coupons),
    ]
    rows: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for kind, rank, objects in groups:
        for found in objects:
            body = encode(found)
            key = (kind, found.id, digest(body) if rank else "inline")
            rows.setdefault(key, (account, *key, rank, page.observed_at, body, learnt_at))
    columns = ("account", "kind", "object_id", "digest", "rank", "observed_at", "body", "learnt_at")
    new = insert_new(connection, catalog, columns, [rows[k] for k in sorted(rows)], ("kind", "object_id"))
    stored.new += len(new)
    concerned = sorted({(kind, object_id) for kind, object_id in new if kind != "product"})
    if concerned:
        stored.touched |= _waiting(connection, account) | _bearers(connection, account, concerned)


def _waiting(connection: Connection, account: int) -> set[str]:
    """Customers of whom something could not be priced: what is new in the catalog may be what was missing."""
    query = (
        select(subscription_state.c.customer_id)
        .where(subscription_state.c.account == account)
        .join(finding, finding.c.customer == subscription_state.c.customer_id)
        .where(finding.c.reason.in_(UNPRICED))
    )
    return {c for (c,) in connection.execute(query.distinct())}


def _bearers(connection: Connection, account: int, objects: Sequence[tuple[str, str]]) -> set[str]:
    """Customers with a state or a line that names one of `objects`, of those objects that were known differently before."""
    versions = select(catalog.c.kind, catalog.c.object_id).where(catalog.c.account == account)
    versions = versions.group_by(catalog.c.kind, catalog.c.object_id).having(func.count() > 1)
    several = {(kind, object_id) for kind, object_id in connection.execute(versions)}
    changed = [object_id for kind, object_id in objects if (kind, object_id) in several]
    if not changed:
        return set()
    lines = select(invoice_line.c.customer_id).where(and_(invoice_line.c.account == account, invoice_line.c.price_id.in_(changed)))
    out = {c for (c,) in connection.execute(lines.distinct()) if c}
    probes = [object_id.encode() for object_id in changed]
    states = select(subscription_state.c.customer_id, subscription_state.c.body).where(subscription_state.c.account == account)
    return out | {c for c, body in connection.execute(states) if any(probe in body for probe in probes)}


_STATE = ("at", "source", "source_id", "bucket", "digest", "body", "learnt_at")


def _put_customers(
    connection: Connection, account: int, states: Sequence[CustomerState], learnt_at: datetime, stored: Stored
) -> None:
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for state in states:
        body = encode(state.customer)
        key = (account, state.customer.id, state.at, int(state.source), state.source_id)
        rows[key] = (*key, bucket_of(state.customer.id), digest(body), body, learnt_at)
    kept = _without_repeats(connection, customer_state, customer_state.c.customer_id, account, rows, digest_at=6)
    new = insert_new(connection, customer_state, ("account", "customer_id", *_STATE), kept, ("customer_id",))
    stored.new += len(new)
    stored.touched |= {c for (c,) in new}


def _put_subscriptions(
    connection: Connection, account: int, states: Sequence[SubscriptionState], learnt_at: datetime, stored: Stored
) -> None:
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for state in states:
        s = state.subscription
        body = encode(s)
        key = (account, s.id, state.at, int(state.source), state.source_id)
        rows[key] = (*key, bucket_of(s.customer), digest(body), body, learnt_at, s.customer, s.status)
    columns = ("account", "subscription_id", *_STATE, "customer_id", "status")
    kept = _without_repeats(connection, subscription_state, subscription_state.c.subscription_id, account, rows, digest_at=6)
    new = insert_new(connection, subscription_state, columns, kept, ("customer_id",))
    stored.new += len(new)
    stored.touched |= {c for (c,) in new}


def _without_repeats(
    connection: Connection, table: Any, name: Any, account: int, rows: dict[tuple[Any, ...], tuple[Any, ...]], *, digest_at: int
) -> list[tuple[Any, ...]]:
    """The rows without listings that repeat the newest state known before them."""
    listed = sorted({key[1] for key in rows if key[3] == Source.SNAPSHOT})
    if not listed:
        return [rows[k] for k in sorted(rows)]
    newest: dict[str, tuple[int, int, str]] = {}
    for chunk in _chunks(listed, 500):
        query = select(name, table.c.at, table.c.source, table.c.digest).where(
            and_(table.c.account == account, name.in_(chunk), table.c.source != int(Source.EVENT_BEFORE))
        )
        for object_id, at, source, found in connection.execute(query):
            newest[object_id] = max(newest.get(object_id, (-1, 0, "")), (at, source, found))
    out = []
    for key in sorted(rows):
        at, _, known = newest.get(key[1], (-1, 0, ""))
        if key[3] == Source.SNAPSHOT and known == rows[key][digest_at] and at <= key[2]:
            continue
        out.append(rows[key])
    return out


def _put_invoices(
    connection: Connection, account: int, found: Sequence[InvoiceEvidence], learnt_at: datetime, stored: Stored
) -> None:
    heads: dict[tuple[str, str], tuple[Any, ...]] = {}
    lines: dict[tuple[str, str], tuple[Any, ...]] = {}
    for each in found:
        h = each.head
        heads[h.id, h.status] = (
            account, h.id, h.status, h.customer, h.subscription, bucket_of(h.customer), h.created, h.currency, h.billing_reason,
            h.amount_paid, h.finalized_at, h.paid_at, h.voided_at, h.uncollectible_at, learnt_at,
        )  # fmt: skip
        if h.status == "draft":
            continue
        for line in each.lines:
            extra = encode((line.discounts, line.credited_lines)) if line.discounts or line.credited_lines else None
            lines[line.invoice, line.id] = (
                account, line.invoice, line.id, h.customer, line.subscription, bucket_of(h.customer), line.item, line.price,
                line.quantity, line.amount, line.currency, line.period_start, line.period_end, line.proration,
                line.inclusive_tax, extra, learnt_at,
            )  # fmt: skip
    head_columns = (
        "account", "invoice_id", "status", "customer_id", "subscription_id", "bucket", "created", "currency", "billing_reason",
        "amount_paid", "finalized_at", "paid_at", "voided_at", "uncollectible_at", "learnt_at",
    )  # fmt: skip
    line_columns = (
        "account", "invoice_id", "line_id", "customer_id", "subscription_id", "bucket", "item_id", "price_id", "quantity", "amount",
        "currency", "period_start", "period_end", "proration", "inclusive_tax", "extra", "learnt_at",
    )  # fmt: skip
    new = insert_new(connection, invoice, head_columns, [heads[k] for k in sorted(heads)], ("customer_id",))
    new += insert_new(connection, invoice_line, line_columns, [lines[k] for k in sorted(lines)], ("customer_id",))
    stored.new += len(new)
    stored.touched |= {c for (c,) in new if c}


def _put_events(connection: Connection, account: int, found: Sequence[EventRow], learnt_at: datetime, stored: Stored) -> None:
    rows = {e.id: (account, e.id, e.type, e.created, e.object_id, e.customer, e.subscription, e.invoice, learnt_at) for e in found}
    columns = ("account", "event_id", "type", "created", "object_id", "customer_id", "subscription_id", "invoice_id", "learnt_at")
    stored.new += len(insert_new(connection, event, columns, [rows[k] for k in sorted(rows)], ("event_id",)))


def _put_payloads(connection: Connection, account: int, found: Sequence[tuple[str, str, str, bytes]], learnt_at: datetime) -> None:
    rows = {(k, o, s): (account, k, o, s, zlib.compress(body, 6), learnt_at) for k, o, s, body in found}
    columns = ("account", "kind", "object_id", "source_id", "body", "learnt_at")
    insert_new(connection, payload, columns, [rows[k] for k in sorted(rows)])


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for index in range(0, len(values), size):
        yield values[index : index + size]
