"""Reading evidence back, customer by customer, in bounded memory.

Every stream of rows is ordered by the customer's name in the ledger and read side by side, so a million customers cost no more memory
than one bucket's look-ahead. Nothing is decided here: which evidence is stronger is the engine's business.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal, select

from integrations.store.encoding import decode
from integrations.store.engine import is_postgresql
from integrations.store.schema import (
    BUCKETS,
    catalog,
    customer_state,
    invoice,
    invoice_line,
    member,
    subscription_state,
    touched,
)
from metrics.evidence import (
    Catalog,
    Coupon,
    Customer,
    CustomerEvidence,
    CustomerGroup,
    CustomerState,
    Discount,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Price,
    Product,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
)

_Extra: type[tuple[tuple[tuple[Discount, int], ...], tuple[str, ...]]] = tuple[tuple[tuple[Discount, int], ...], tuple[str, ...]]
_RANK = {"draft": 0, "open": 1, "uncollectible": 2, "paid": 3, "void": 3}


def load_catalog(connection: Connection, account: int) -> Catalog:
    """Every price, coupon and product of an account in its newest listed version; one seen only inside another object fills in."""
    query = (
        select(catalog.c.kind, catalog.c.object_id, catalog.c.body)
        .where(catalog.c.account == account)
        .order_by(catalog.c.kind, catalog.c.object_id, catalog.c.rank, catalog.c.observed_at, catalog.c.digest)
    )
    out = Catalog()
    for kind, object_id, body in connection.execute(query):
        match kind:
            case "price":
                out.prices[object_id] = decode(body, Price)
            case "coupon":
                out.coupons[object_id] = decode(body, Coupon)
            case "product":
                out.products[object_id] = decode(body, Product)
    return out


def groups(
    connection: Connection,
    *,
    only: Sequence[str] | None = None,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[CustomerGroup]:
    """Customers with all their evidence, in order of name; those named in `only`, or of one of n shards.

    A shard (i, n) is the i-th of n ranges of buckets. Everything is read within the caller's transaction.
    """
    if only is not None and not only:
        return
    streams = [
        _Stream(_ordered(connection, _customer_rows(), customer_state, only, shard)),
        _Stream(_ordered(connection, _subscription_rows(), subscription_state, only, shard)),
        _Stream(_ordered(connection, _invoice_rows(), invoice, only, shard)),
        _Stream(_ordered(connection, _line_rows(), invoice_line, only, shard)),
    ]
    while True:
        names = [s.name for s in streams if s.name is not None]
        if not names:
            return
        name = min(names)
        customers, subscriptions, heads, lines = (s.take(name) for s in streams)
        yield _group(name, customers, subscriptions, heads, lines)


class _Stream:
    """Rows whose first column is a customer's name, taken a customer at a time."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._groups = groupby(rows, key=lambda row: str(row[0]))
        self.name: str | None = None
        self._rows: list[Any] = []
        self._advance()

    def _advance(self) -> None:
        found = next(self._groups, None)
        self.name, self._rows = (found[0], list(found[1])) if found else (None, [])

    def take(self, name: str) -> list[Any]:
        if self.name != name:
            return []
        rows = self._rows
        self._advance()
        return rows


def _customer_rows() -> Select[Any]:
    t = customer_state.c
    return select(t.account, t.customer_id, t.at, t.source, t.source_id, t.body)


def _subscription_rows() -> Select[Any]:
    t = subscription_state.c
    return select(t.account, t.customer_id, t.subscription_id, t.at, t.source, t.source_id, t.body)


def _invoice_rows() -> Select[Any]:
    t = invoice.c
    return select(
        t.account, t.customer_id, t.invoice_id, t.status, t.subscription_id, t.created, t.currency, t.billing_reason, t.amount_paid,
        t.finalized_at, t.paid_at, t.voided_at, t.uncollectible_at,
    )  # fmt: skip


def _line_rows() -> Select[Any]:
    t = invoice_line.c
    return select(
        t.account, t.customer_id, t.invoice_id, t.line_id, t.subscription_id, t.item_id, t.price_id, t.quantity, t.amount, t.currency,
        t.period_start, t.period_end, t.proration, t.inclusive_tax, t.extra,
    )  # fmt: skip


def _ordered(
    connection: Connection, query: Select[Any], table: Any, only: Sequence[str] | None, shard: tuple[int, int]
) -> Iterator[Any]:
    """The rows of `query` with the customer's name before them, in order of name (by code point on both databases)."""
    name = func.coalesce(member.c.name, table.c.customer_id, literal(""))
    joined = table.outerjoin(member, and_(member.c.account == table.c.account, member.c.customer_id == table.c.customer_id))
    named = select(name.label("name"), *query.selected_columns).select_from(joined)
    if only is not None:
        named = named.where(name.in_(list(only)))
    else:
        index, count = shard
        low, high = BUCKETS * index // count, BUCKETS * (index + 1) // count
        if count > 1:
            bucket = func.coalesce(member.c.bucket, table.c.bucket)
            named = named.where(and_(bucket >= low, bucket < high))
    order = name.collate("C") if is_postgresql(connection) else name
    result = connection.execution_options(stream_results=True, yield_per=5000).execute(named.order_by(order))
    yield from result


def _group(name: str, customers: list[Any], subscriptions: list[Any], heads: list[Any], lines: list[Any]) -> CustomerGroup:
    members = sorted({(r[1], r[2]) for rows in (customers, subscriptions, heads, lines) for r in rows if r[2] is not None})
    out = []
    for account, customer in members:
        key = (account, customer)
        states = tuple(CustomerState(r[3], Source(r[4]), r[5], decode(r[6], Customer)) for r in customers if (r[1], r[2]) == key)
        by_subscription: dict[str, list[SubscriptionState]] = {}
        for r in subscriptions:
            if (r[1], r[2]) == key:
                state = SubscriptionState(r[4], Source(r[5]), r[6], decode(r[7], Subscription))
                by_subscription.setdefault(r[3], []).append(state)
        invoices = _invoices([h for h in heads if (h[1], h[2]) == key], [x for x in lines if (x[1], x[2]) == key])
        names = dict.fromkeys([*sorted(by_subscription), *sorted(invoices)])
        out.append(
            CustomerEvidence(
                account,
                customer,
                tuple(sorted(states, key=lambda s: (s.at, s.source, s.source_id))),
                tuple(
                    SubscriptionEvidence(account, n, tuple(by_subscription.get(n, ())), tuple(invoices.get(n, ()))) for n in names
                ),
            )
        )
    return CustomerGroup(name, tuple(out))


def _invoices(heads: list[Any], lines: list[Any]) -> dict[str, list[InvoiceEvidence]]:
    """The invoices of one customer by subscription, each with its newest head and its own lines."""
    newest: dict[str, Any] = {}
    for h in heads:
        held = newest.get(h[3])
        if held is None or _RANK.get(h[4], 1) > _RANK.get(held[4], 1) or (h[4] == "void" and held[4] == "paid"):
            newest[h[3]] = h
    by_invoice: dict[tuple[str, str], list[InvoiceLine]] = {}
    for x in lines:
        discounts, credited = decode(x[15], _Extra) if x[15] is not None else ((), ())
        line = InvoiceLine(
            x[4], x[3], x[5], x[6], x[7], x[8], x[9], x[10], x[11], x[12], bool(x[13]), discounts, x[14], credited
        )  # fmt: skip
        by_invoice.setdefault((x[3], x[5]), []).append(line)
    out: dict[str, list[InvoiceEvidence]] = {}
    for invoice_id, h in sorted(newest.items()):
        head = Invoice(invoice_id, h[2], h[5], h[4], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13])
        owners = {s for i, s in by_invoice if i == invoice_id} | ({h[5]} if h[5] else set())
        for subscription in sorted(owners):
            found = tuple(sorted(by_invoice.get((invoice_id, subscription), ()), key=lambda line: line.id))
            out.setdefault(subscription, []).append(InvoiceEvidence(head, found))
    return out


def take_touched(connection: Connection, limit: int) -> list[tuple[int, int, str]]:
    """Marks in order: id, account, customer. Delete them by id in the transaction that derives; a mark made meanwhile stays."""
    query = select(touched.c.id, touched.c.account, touched.c.customer_id).order_by(touched.c.id).limit(limit)
    return [(int(i), int(a), str(c)) for i, a, c in connection.execute(query)]


def drop_touched(connection: Connection, ids: Sequence[int]) -> None:
    """Remove marks that were dealt with."""
    for index in range(0, len(ids), 500):
        connection.execute(touched.delete().where(touched.c.id.in_(ids[index : index + 500])))


def count_touched(connection: Connection) -> int:
    """How many marks wait."""
    return int(connection.execute(select(func.count()).select_from(touched)).scalar_one())
