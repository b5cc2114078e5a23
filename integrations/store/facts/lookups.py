"""What a reader of Stripe wants to know of the facts already stored, before or after it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, select

from integrations.store.db.bulk import asked_for
from integrations.store.db.chunks import chunks
from integrations.store.db.encoding import decode
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import account as account_table
from integrations.store.facts.schema import catalog, credit_note, customer_state, event, invoice, member, subscription_state
from integrations.store.facts.sightings import sightings
from metrics.evidence import GONE, Customer, CustomerState, Instant, Invoice, Source, Subscription, SubscriptionState
from metrics.keys import bounded

_CHUNK = 500

_HALF: Final = 1 << 31
DELETED: Final = "deleted"
"""Our own status of a draft invoice that is no more."""

OVER: Final = ("canceled", "incomplete_expired", GONE)
"""Statuses of subscriptions that are not looked for again."""


def known_events(connection: Connection, account: int, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that are stored already."""
    by_key = {bounded(each): each for each in ids}
    out: set[str] = set()
    for part in chunks(list(by_key), _CHUNK):
        query = select(event.c.event_id).where(and_(event.c.account == account, event.c.event_id.in_(part)))
        out.update(by_key[str(found)] for found in connection.execute(query).scalars())
    return out


def ledger_names(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """For each of `ids` that is a Stripe customer of any account, or a customer in the ledger, its name in the ledger."""
    out: dict[str, str] = {}
    for part in chunks(sorted(set(ids)), _CHUNK):
        asked = asked_for(connection, part)
        for table in (customer_state, subscription_state):
            theirs = and_(table.c.bucket == asked.c.bucket, table.c.customer_id == asked.c.name)
            known = select(table.c.customer_id).join_from(asked, table, theirs).distinct()
            out.update({str(found): str(found) for found in connection.execute(known).scalars()})
        query = select(member.c.customer_id, member.c.name).where(member.c.customer_id.in_(part) | member.c.name.in_(part))
        for customer, name in connection.execute(query):
            out[str(customer)] = out[str(name)] = str(name)
    return {each: out[each] for each in ids if each in out}


def unsettled_invoices(connection: Connection, account: int, *, created_before: Instant | None = None) -> list[str]:
    """Invoices of which no final status (paid, void, uncollectible, a draft that was deleted) is stored, in order of id."""
    final = (
        select(invoice.c.invoice_id)
        .where(and_(invoice.c.account == account, invoice.c.status.in_(("paid", "void", "uncollectible", DELETED))))
        .scalar_subquery()
    )
    query = select(invoice.c.invoice_id).where(and_(invoice.c.account == account, invoice.c.invoice_id.not_in(final)))
    if created_before is not None:
        query = query.where(invoice.c.created < created_before)
    return list(connection.execute(query.distinct().order_by(invoice.c.invoice_id)).scalars())


@dataclass(frozen=True, slots=True)
class Changed:
    """An object of which something was learnt that was not known before; `customer` is whose it is, if it is anybody's."""

    kind: str
    object_id: str
    customer: str = ""


def changed_by_listing(connection: Connection, account: int, *, since: Instant, learnt_from: datetime) -> list[Changed]:
    """What listings of the moment `since` or later brought, stored at or after `learnt_from`: subscriptions, customers, invoices, catalog.

    Drafts are left out, which no event tells of, and so are catalog objects that were not known at all.
    """
    out: list[Changed] = []
    for kind, table, column in (
        ("subscription", subscription_state, subscription_state.c.subscription_id),
        ("customer", customer_state, customer_state.c.customer_id),
    ):
        mine = and_(table.c.account == account, table.c.source == int(Source.SNAPSHOT), table.c.at >= since)
        query = select(column, table.c.customer_id).where(mine, table.c.learnt_at >= learnt_from).distinct().order_by(column)
        out += [Changed(kind, str(o), str(c)) for o, c in connection.execute(query)]
    fresh = and_(invoice.c.account == account, invoice.c.learnt_at >= learnt_from, invoice.c.status.not_in(("draft", DELETED)))
    query = select(invoice.c.invoice_id, invoice.c.customer_id).where(fresh).distinct().order_by(invoice.c.invoice_id)
    out += [Changed("invoice", str(o), str(c)) for o, c in connection.execute(query)]
    noted = and_(credit_note.c.account == account, credit_note.c.learnt_at >= learnt_from)
    query = select(credit_note.c.note_id, credit_note.c.customer_id).where(noted).order_by(credit_note.c.note_id)
    out += [Changed("credit_note", str(o), str(c)) for o, c in connection.execute(query)]
    older = catalog.alias("older")
    known = and_(
        older.c.account == account, older.c.kind == catalog.c.kind, older.c.object_id == catalog.c.object_id, older.c.rank == 1
    )
    again = select(older.c.object_id).where(known, older.c.learnt_at < learnt_from).exists()
    mine = and_(catalog.c.account == account, catalog.c.rank == 1, catalog.c.learnt_at >= learnt_from)
    of_catalog = (
        select(catalog.c.kind, catalog.c.object_id).where(mine, again).distinct().order_by(catalog.c.kind, catalog.c.object_id)
    )
    return out + [Changed(str(kind), str(o)) for kind, o in connection.execute(of_catalog)]


def learnt_events(connection: Connection, account: int, *, learnt_from: datetime) -> list[tuple[str, Instant, frozenset[str]]]:
    """Events stored at or after `learnt_from`: id, moment, and the ids of what they tell of (a customer only where it is about one)."""
    whose = case((event.c.type.like("customer.%"), event.c.customer_id))
    columns = (event.c.object_id, whose, event.c.subscription_id, event.c.invoice_id)
    mine = and_(event.c.account == account, event.c.learnt_at >= learnt_from)
    query = select(event.c.event_id, event.c.created, *columns).where(mine).order_by(event.c.created, event.c.event_id)
    return [(str(i), Instant(at), frozenset(str(x) for x in about if x)) for i, at, *about in connection.execute(query)]


def unseen(connection: Connection, account: int, kind: str, *, since: Instant, at_most: int) -> list[tuple[str, str]]:
    """Subscriptions (or customers) that are held as going on and were last heard of before `since`: (id, customer), in order of id.

    Of customers, those that were deleted don't go on.
    """
    table, column = (
        (subscription_state, subscription_state.c.subscription_id)
        if kind == "subscription"
        else (customer_state, customer_state.c.customer_id)
    )
    heard = func.max(func.coalesce(table.c.seen_until, table.c.at))
    whose = table.c.customer_id.label("whose")
    query = select(column, whose).where(table.c.account == account).group_by(column, table.c.customer_id).having(heard < since)
    if table is subscription_state:
        query = query.having(func.max(case((table.c.status.in_(OVER), 1), else_=0)) == 0)
        return [(str(found), str(customer)) for found, customer in connection.execute(query.order_by(column).limit(at_most))]
    found = [str(each) for each in connection.execute(query.order_by(column)).scalars()]
    left = (name for part in chunks(found, _CHUNK) for name in _not_deleted(connection, account, part))
    return [(name, name) for name in islice(left, at_most)]


def _not_deleted(connection: Connection, account: int, customers: Sequence[str]) -> list[str]:
    """Those of `customers` of which nothing held says that they were deleted: no list has one that was, and Stripe brings none back."""
    asked = asked_for(connection, customers)
    theirs = and_(customer_state.c.bucket == asked.c.bucket, customer_state.c.customer_id == asked.c.name)
    query = select(customer_state.c.customer_id, customer_state.c.body).join_from(asked, customer_state, theirs)
    held = connection.execute(query.where(customer_state.c.account == account))
    deleted = {str(name) for name, body in held if decode(body, Customer).deleted}
    return [name for name in customers if name not in deleted]


def newest_subscription(connection: Connection, account: int, customer: str, subscription: str) -> Subscription | None:
    """A customer's subscription as it was last heard to be."""
    found = subscription_states(connection, account, customer, subscription)
    return found[-1].subscription if found else None


def newest_customer(connection: Connection, account: int, customer: str) -> Customer | None:
    """A customer as it was last heard to be, all of it."""
    found = [s.customer for s in customer_states(connection, account, customer) if s.customer.created is not None]
    return found[-1] if found else None


def subscription_states(connection: Connection, account: int, customer: str, subscription: str) -> list[SubscriptionState]:
    """Every state held of a customer's subscription, in order of time."""
    customer, subscription = bounded(customer), bounded(subscription)
    t = subscription_state
    theirs = and_(t.c.bucket == bucket_of(customer), t.c.customer_id == customer, t.c.account == account)
    mine = and_(theirs, t.c.subscription_id == subscription)
    query = select(t.c.at, t.c.source, t.c.source_id, t.c.body, t.c.seen).where(mine).order_by(t.c.at, t.c.source, t.c.source_id)
    return [
        SubscriptionState(Instant(at), Source(source), source_id, decode(body, Subscription), sightings(seen))
        for at, source, source_id, body, seen in connection.execute(query)
    ]


def customer_states(connection: Connection, account: int, customer: str) -> list[CustomerState]:
    """Every state held of a customer, in order of time."""
    customer = bounded(customer)
    t = customer_state
    mine = and_(t.c.bucket == bucket_of(customer), t.c.customer_id == customer, t.c.account == account)
    query = select(t.c.at, t.c.source, t.c.source_id, t.c.body, t.c.seen).where(mine).order_by(t.c.at, t.c.source, t.c.source_id)
    return [
        CustomerState(Instant(at), Source(source), source_id, decode(body, Customer), sightings(seen))
        for at, source, source_id, body, seen in connection.execute(query)
    ]


def event_type(connection: Connection, account: int, event_id: str) -> str | None:
    """What sort of event one was."""
    query = select(event.c.type).where(and_(event.c.account == account, event.c.event_id == event_id))
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else str(found)


def draft(connection: Connection, account: int, invoice_id: str) -> Invoice | None:
    """The head of an invoice of which nothing but a draft is known."""
    names = ("invoice_id", "customer_id", "subscription_id", "status", "created", "currency", "billing_reason")
    mine = and_(invoice.c.account == account, invoice.c.invoice_id == invoice_id)
    heads = connection.execute(select(*(invoice.c[name] for name in names)).where(mine)).all()
    if len(heads) != 1 or heads[0].status != "draft":
        return None
    return Invoice(*heads[0])


def customers_of(connection: Connection, subscription: str) -> list[tuple[int, str]]:
    """The Stripe customers (account, id) that a subscription of this id is known of: one, unless two accounts have the same id."""
    query = select(subscription_state.c.account, subscription_state.c.customer_id).where(
        subscription_state.c.subscription_id == subscription
    )
    return sorted((int(a), str(c)) for a, c in connection.execute(query.distinct()))


def subscriptions_held(connection: Connection, account: int) -> int:
    """How many subscriptions any state is stored of."""
    query = select(func.count(func.distinct(subscription_state.c.subscription_id))).where(subscription_state.c.account == account)
    return int(connection.execute(query).scalar_one())


def objects_held(connection: Connection, account: int) -> dict[str, int]:
    """How many objects of each list are stored of an account: what reading it again comes to at least. By the names of the streams."""

    def counted(column: ColumnElement[Any], table: Table, *more: ColumnElement[bool]) -> int:
        query = select(func.count(func.distinct(column))).where(table.c.account == account, *more)
        return int(connection.execute(query).scalar_one())

    of_kinds = select(catalog.c.kind, func.count(func.distinct(catalog.c.object_id))).where(catalog.c.account == account)
    return {
        **{f"{kind}s": int(count) for kind, count in connection.execute(of_kinds.group_by(catalog.c.kind))},
        "customers": counted(customer_state.c.customer_id, customer_state),
        "subscriptions": counted(subscription_state.c.subscription_id, subscription_state),
        "invoices": counted(invoice.c.invoice_id, invoice),
        "events": counted(event.c.event_id, event),
    }


@dataclass(frozen=True, slots=True)
class OtherCharges:
    """Charges of an account in one currency that no subscription item has, in minor units."""

    account: int
    stripe_account: str
    currency: str
    invoices: int
    lines: int
    amount: int


def other_charges(connection: Connection) -> list[OtherCharges]:
    """What stands on invoices beside subscription items, by account and currency; of voided invoices nothing is counted."""
    voided = select(invoice.c.invoice_id).where(invoice.c.status == "void").scalar_subquery()
    # An invoice has a row for each status it was seen in, and its charges are the same in all.
    each = (
        select(
            invoice.c.account,
            invoice.c.currency,
            invoice.c.invoice_id,
            func.max(invoice.c.other_lines).label("lines"),
            func.max(invoice.c.other_amount).label("amount"),
        )
        .where(invoice.c.other_lines.is_not(None), invoice.c.invoice_id.not_in(voided))
        .group_by(invoice.c.account, invoice.c.currency, invoice.c.invoice_id)
        .subquery()
    )
    query = (
        select(
            each.c.account,
            account_table.c.stripe_id,
            each.c.currency,
            func.count(),
            func.sum(each.c.lines),
            func.sum(each.c.amount // _HALF),  # in two halves: 64 bits hold the amount of each invoice, and not that of all
            func.sum(each.c.amount % _HALF),
        )
        .join_from(each, account_table, account_table.c.id == each.c.account)
        .group_by(each.c.account, account_table.c.stripe_id, each.c.currency)
        .order_by(each.c.account, each.c.currency)
    )
    return [
        OtherCharges(int(a), str(s), str(c), int(n), int(lines), int(high) * _HALF + int(low))
        for a, s, c, n, lines, high, low in connection.execute(query)
    ]
