"""Reading evidence back, customer by customer, in bounded memory.

The four tables of facts are read side by side in order of bucket and customer, which is the order of their keys, so a million customers
cost no more memory than the look-ahead of four cursors. Nothing is decided here: which evidence is stronger is the engine's business.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, func, select

from integrations.store.db.bulk import among, asked_for, stream
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.encoding import decode, prepare
from integrations.store.db.words import bucket_of
from integrations.store.facts.line_extra import line_of, read_extra
from integrations.store.facts.lookups import DELETED
from integrations.store.facts.schema import customer_state, invoice, invoice_line, member, subscription_state
from integrations.store.facts.sightings import sightings
from metrics.evidence import (
    Customer,
    CustomerEvidence,
    CustomerGroup,
    CustomerState,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
    UnreadLine,
)

_Unread: type[tuple[UnreadLine, ...]] = tuple[UnreadLine, ...]
prepare(_Unread)
_SOURCES: Final = {int(source): source for source in Source}
_RANK: Final = {"draft": 0, "open": 1, "uncollectible": 2, "paid": 3, "void": 4}
"""Which of an invoice's statuses is its last: they can only be passed in this order."""
_ASKED: Final = 500

_PLACE: Final = ("bucket", "customer_id", "account")
_STATES: Final = ("at", "source", "source_id", "body", "seen")
_HEAD: Final = (
    "invoice_id",
    "subscription_id",
    "status",
    "created",
    "currency",
    "billing_reason",
    "amount_paid",
    "finalized_at",
    "paid_at",
    "voided_at",
    "uncollectible_at",
    "unread",
    "other_lines",
    "other_amount",
)
_LINE: Final = (
    "line_id",
    "invoice_id",
    "subscription_id",
    "item_id",
    "price_id",
    "quantity",
    "amount",
    "currency",
    "period_start",
    "period_end",
    "proration",
    "inclusive_tax",
    "extra",
)
_TABLES: Final = (
    (customer_state, _STATES),
    (subscription_state, ("subscription_id", *_STATES)),
    (invoice, _HEAD),
    (invoice_line, _LINE),
)

_Row = tuple[Any, ...]
_Four = tuple[list[_Row], list[_Row], list[_Row], list[_Row]]
"""A customer's rows of the four tables; each row begins with bucket, customer and account."""


def groups(
    connection: Connection,
    *,
    only: Sequence[str] | None = None,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[CustomerGroup]:
    """Customers with all their evidence, in order of bucket and name; those named in `only`, or of one of n shards.

    A shard (i, n) is the i-th of n ranges of buckets. Everything is read within the caller's transaction, so on SQLite a shard should
    be small where somebody else wants to write: a reader there keeps writers waiting.
    """
    if only is not None:
        yield from _named(connection, sorted(set(only), key=lambda name: (bucket_of(name), name)))
        return
    low, high = shard_buckets(shard)
    merged = select(member.c.bucket, member.c.name).where(member.c.bucket >= low, member.c.bucket < high).distinct()
    names = [str(name) for _, name in sorted((b, n) for b, n in connection.execute(merged))]
    any_member = connection.execute(select(member.c.account).limit(1)).first() is not None
    alone = _alone(connection, low, high, any_member=any_member)
    if not names:
        yield from alone
    else:
        yield from merge(alone, _named(connection, names), key=lambda group: (bucket_of(group.customer), group.customer))


def _alone(connection: Connection, low: int, high: int, *, any_member: bool) -> Iterator[CustomerGroup]:
    """The customers of a range of buckets that no rule makes part of another."""
    streams = []
    for table, columns in _TABLES:
        query = select(*(table.c[c] for c in (*_PLACE, *columns))).where(table.c.bucket >= low, table.c.bucket < high)
        if any_member:
            mine = and_(member.c.account == table.c.account, member.c.customer_id == table.c.customer_id)
            query = query.where(~select(member.c.account).where(mine).exists())
        ordered = query.order_by(table.c.bucket, table.c.customer_id)
        streams.append(_Stream(row for rows in stream(connection, ordered) for row in rows))
    while (place := min((s.place for s in streams if s.place is not None), default=None)) is not None:
        customers, subscriptions, heads, lines = (s.take(place) for s in streams)
        if place[1]:
            yield _group(place[1], (customers, subscriptions, heads, lines))


class _Stream:
    """Rows that begin with bucket and customer, taken a customer at a time."""

    def __init__(self, rows: Iterator[_Row]) -> None:
        self._groups = groupby(rows, key=itemgetter(0, 1))
        self.place: tuple[int, str] | None = None
        self._rows: list[_Row] = []
        self._advance()

    def _advance(self) -> None:
        found = next(self._groups, None)
        self.place, self._rows = (found[0], list(found[1])) if found else (None, [])

    def take(self, place: tuple[int, str]) -> list[_Row]:
        if self.place != place:
            return []
        rows = self._rows
        self._advance()
        return rows


def _named(connection: Connection, names: Sequence[str]) -> Iterator[CustomerGroup]:
    """Customers by their names in the ledger, in the order given; a name that nothing is known of is passed over."""
    for chunk in chunks(names, _ASKED):
        named = select(member.c.account, member.c.customer_id, member.c.name)
        mine = among(connection, member.c.name, chunk) | among(connection, member.c.customer_id, chunk)
        part_of = {(a, c): str(n) for a, c, n in connection.execute(named.where(mine))}
        wanted = sorted({*chunk, *(c for (_, c), name in part_of.items() if name in chunk)})
        asked = asked_for(connection, wanted)
        found: dict[str, _Four] = {}
        for place, (table, columns) in enumerate(_TABLES):
            theirs = and_(table.c.bucket == asked.c.bucket, table.c.customer_id == asked.c.name)
            query = select(*(table.c[c] for c in (*_PLACE, *columns))).join_from(asked, table, theirs)
            for rows in stream(connection, query):
                for row in rows:
                    name = part_of.get((row[2], row[1]), row[1])
                    found.setdefault(name, ([], [], [], []))[place].append(row)
        yield from (_group(name, found[name]) for name in chunk if name in found)


def _group(name: str, rows: _Four) -> CustomerGroup:
    """A customer's evidence; one of whom something stored can't be read is handed on as that, and the others are read all the same."""
    try:
        return _read_group(name, rows)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError) as error:
        places = sorted({(r[2], r[1]) for part in rows for r in part})
        members = tuple(CustomerEvidence(account, customer, (), ()) for account, customer in places)
        return CustomerGroup(name, members, f"what is stored of it can't be read ({type(error).__name__}: {error})")


def _read_group(name: str, rows: _Four) -> CustomerGroup:
    places = sorted({(r[2], r[1]) for part in rows for r in part})
    if len(places) == 1:
        return CustomerGroup(name, (_member(*places[0], rows),))
    of_each = ((place, tuple([r for r in part if (r[2], r[1]) == place] for part in rows)) for place in places)
    return CustomerGroup(name, tuple(_member(*place, part) for place, part in of_each))  # type: ignore[arg-type]  # four lists again


def _member(account: int, customer: str, rows: _Four) -> CustomerEvidence:
    states = [CustomerState(r[3], _SOURCES[r[4]], r[5], decode(r[6], Customer), sightings(r[7])) for r in rows[0]]
    by_subscription: dict[str, list[SubscriptionState]] = {}
    for r in rows[1]:
        state = SubscriptionState(r[4], _SOURCES[r[5]], r[6], decode(r[7], Subscription), sightings(r[8]))
        by_subscription.setdefault(r[3], []).append(state)
    invoices, pending = _invoices(customer, rows[2], rows[3])
    subscriptions = tuple(
        SubscriptionEvidence(
            account, s, tuple(sorted(by_subscription.get(s, ()), key=_order)), tuple(invoices.get(s, ())), tuple(pending.get(s, ()))
        )
        for s in sorted({*by_subscription, *invoices, *pending})
    )
    return CustomerEvidence(account, customer, tuple(sorted(states, key=_order)), subscriptions)


def _order(state: CustomerState | SubscriptionState) -> tuple[int, int, str]:
    return state.at, state.source, state.source_id


def _invoices(
    customer: str, heads: list[_Row], lines: list[_Row]
) -> tuple[dict[str, list[InvoiceEvidence]], dict[str, list[InvoiceLine]]]:
    """The invoices of one customer by subscription, each with its newest head and its own lines; and the prorations that wait for one."""
    newest: dict[str, _Row] = {}
    deleted = {h[3] for h in heads if h[5] == DELETED}
    for h in heads:
        if h[5] == DELETED or (h[5] == "draft" and h[3] in deleted):
            continue
        held = newest.get(h[3])
        if held is None or _RANK.get(h[5], 1) > _RANK.get(held[5], 1):
            newest[h[3]] = h
    by_invoice: dict[str, dict[str, list[InvoiceLine]]] = {}
    for r in lines:
        line = line_of((*r[3:13], bool(r[13])), r[14], read_extra(r[15]))
        by_invoice.setdefault(line.invoice, {}).setdefault(line.subscription, []).append(line)
    pending = {s: sorted(waiting, key=_line_id) for s, waiting in by_invoice.pop("", {}).items()}
    out: dict[str, list[InvoiceEvidence]] = {}
    for invoice_id in sorted(newest):
        h = newest[invoice_id]
        head = Invoice(invoice_id, customer, *h[4:14])
        of_subscription = by_invoice.get(invoice_id, {})
        unread = _unread(h[14], of_subscription) if h[14] is not None else ()
        owners = {*of_subscription, h[4]} if h[4] else set(of_subscription)
        for subscription in sorted(owners):
            found = of_subscription.get(subscription, [])
            found.sort(key=_line_id)
            out.setdefault(subscription, []).append(InvoiceEvidence(head, tuple(found), unread, h[15] or 0, h[16] or 0))
    return out, pending


def _unread(body: bytes, lines: dict[str, list[InvoiceLine]]) -> tuple[UnreadLine, ...]:
    """The lines of an invoice that couldn't be told, but for those that another sight of it told."""
    told = {line.id for found in lines.values() for line in found}
    return tuple(each for each in decode(body, _Unread) if each.id not in told)


def _line_id(line: InvoiceLine) -> str:
    return line.id


# --- whom to derive again --------------------------------------------------------------------------------------------------


def count_customers(connection: Connection) -> int:
    """How many Stripe customers there are facts of, at least: those with a state of their own."""
    query = select(func.count()).select_from(select(customer_state.c.bucket, customer_state.c.customer_id).distinct().subquery())
    return int(connection.execute(query).scalar_one())
