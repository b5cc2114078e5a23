"""A subscription that is told of another customer than before, kept whole under the one that it was last told of.

Stripe never moves one: a broken host does, an account that was mixed up, a merge by support. Facts lie by customer, so that such a
subscription would count for both. All its states, and the invoices that are its alone, are therefore put under its owner: the customer of
the newest telling, in the order of evidence. What each state says of its customer stays inside it, and is what the finding rests on; what is
stored in the end does not depend on what was read first.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select, update

from integrations.store.db.bulk import among, insert_new
from integrations.store.db.chunks import chunks
from integrations.store.db.encoding import decode, digest
from integrations.store.db.words import bucket_of
from integrations.store.facts import billed
from integrations.store.facts.customers.customer_accounts import PREFIX
from integrations.store.facts.schema import (
    credit_note,
    credit_note_line,
    invoice,
    invoice_line,
    other_line,
    subscription_state,
    unconfirmed,
)
from integrations.store.facts.states import Incoming
from metrics.evidence import InvoiceEvidence, InvoiceLine, Source, Subscription
from metrics.keys import bounded

_ASKED: Final = 500
_MOST_ASKED: Final = 2_000
_BY_INVOICE: Final[tuple[tuple[Table, tuple[str, ...]], ...]] = (
    (invoice, ("invoice_id", "status")),
    (invoice_line, ("invoice_id", "line_id")),
    (other_line, ("invoice_id", "line_id")),
)
_DAY: Final = 86_400

Telling = tuple[int, int, str, str]
"""Moment, source, id of the source, and the customer that was told then: the greatest is the newest."""


def settled(connection: Connection, account: int, incoming: Sequence[Incoming]) -> tuple[list[Incoming], set[str]]:
    """The states, each under the customer that owns its subscription, once what is stored of it was put there too.

    Gives also the customers that lost or gained something by it. States that name their customer by its account only are left as they are:
    who that is is not known yet.
    """
    told: dict[str, set[str]] = {}
    for each in incoming:
        told.setdefault(bounded(each.object_id), set()).add(bounded(each.customer_id))
    held = _holders(connection, account, told)
    concerned: set[str] = set()
    owners: dict[str, str] = {}
    for subscription in sorted(told):
        customers = told[subscription] | held.get(subscription, set())
        if len(customers) > 1 and not any(name.startswith(PREFIX) for name in customers):
            mine = [each for each in incoming if bounded(each.object_id) == subscription]
            owners[subscription], moved = _settle(connection, account, subscription, mine, held.get(subscription, set()))
            concerned |= moved
    if not owners:
        return list(incoming), set()
    # Of two tellings of one moment the one with the greater customer is kept, and the last of one place is.
    ordered = sorted(incoming, key=lambda each: each.customer_id)
    return [
        replace(each, customer_id=owners[bounded(each.object_id)]) if bounded(each.object_id) in owners else each
        for each in ordered
    ], concerned


def owned(
    connection: Connection, account: int, invoices: Sequence[InvoiceEvidence], pending: Sequence[tuple[str, InvoiceLine]]
) -> tuple[Sequence[InvoiceEvidence], Sequence[tuple[str, InvoiceLine]]]:
    """Invoices and waiting lines of subscriptions that were told of several customers, under the one that owns them."""
    wanted: dict[str, set[str]] = {}
    for found in invoices:
        if found.head.customer and (subscription := only(found)):
            wanted.setdefault(bounded(subscription), set()).add(bounded(found.head.customer))
    for customer, line in pending:
        wanted.setdefault(bounded(line.subscription), set()).add(bounded(customer))
    away = {s: held for s, held in _holders(connection, account, wanted).items() if len(held) == 1 and wanted[s] - held}
    owners = {s: (holder, _told(connection, account, s, holder)) for s, held in away.items() for holder in held}

    def owner(subscription: str | None, customer: str | None) -> str | None:
        found = owners.get(bounded(subscription)) if subscription else None
        return found[0] if found is not None and customer and bounded(customer) in found[1] else customer

    if not owners:
        return invoices, pending
    return [replace(e, head=replace(e.head, customer=owner(only(e), e.head.customer))) for e in invoices], [
        (owner(line.subscription, customer) or customer, line) for customer, line in pending
    ]


def only(found: InvoiceEvidence) -> str | None:
    """The one subscription that an invoice is about; None where it is about none or several."""
    named = {line.subscription for line in found.lines} | ({found.head.subscription} if found.head.subscription else set())
    return named.pop() if len(named) == 1 else None


def _holders(connection: Connection, account: int, subscriptions: Collection[str]) -> dict[str, set[str]]:
    """Under which customers states of some subscriptions are stored."""
    t = subscription_state
    out: dict[str, set[str]] = {}
    for part in chunks(sorted(subscriptions), _MOST_ASKED):
        # One statement however many are asked for, and its rows at once: naming them one by one took a third of storing an invoice.
        query = select(t.c.subscription_id, t.c.customer_id).where(
            among(connection, t.c.subscription_id, part), t.c.account == account
        )
        for subscription, customer in connection.execute(query.distinct()).all():
            out.setdefault(str(subscription), set()).add(str(customer))
    return out


def _theirs(table: Table, account: int, customer: str) -> ColumnElement[bool]:
    return and_(table.c.bucket == bucket_of(customer), table.c.customer_id == customer, table.c.account == account)


def _of(account: int, customer: str, subscription: str) -> ColumnElement[bool]:
    return and_(_theirs(subscription_state, account, customer), subscription_state.c.subscription_id == subscription)


def _told(connection: Connection, account: int, subscription: str, holder: str) -> set[str]:
    """The customers that the stored states of a subscription tell."""
    bodies = connection.execute(select(subscription_state.c.body).where(_of(account, holder, subscription))).scalars()
    return {bounded(decode(body, Subscription).customer) for body in bodies}


def _settle(
    connection: Connection, account: int, subscription: str, incoming: Sequence[Incoming], holders: set[str]
) -> tuple[str, set[str]]:
    """Put what is stored of a subscription under its owner; gives the owner, and whose facts changed by it."""
    t = subscription_state
    tellings: list[Telling] = [(s.at, s.source, s.source_id, bounded(s.customer_id)) for s in incoming]
    new = {(s.at, s.source, s.source_id): s for s in sorted(incoming, key=lambda each: bounded(each.customer_id))}
    for holder in sorted(holders):
        query = select(t.c.at, t.c.source, t.c.source_id, t.c.seen_until, t.c.body).where(_of(account, holder, subscription))
        for at, source, source_id, seen_until, body in connection.execute(query).all():
            customer = bounded(decode(body, Subscription).customer)
            tellings.append((at, source, source_id, customer))
            if seen_until is not None:
                tellings.append((seen_until, int(Source.SNAPSHOT), "", customer))
            other = new.get((at, source, source_id))
            if other is not None and bounded(other.customer_id) > customer:
                place = and_(t.c.at == at, t.c.source == source, t.c.source_id == source_id)
                said = {"body": other.body, "digest": digest(other.body), "status": other.status}
                connection.execute(update(t).where(_of(account, holder, subscription), place).values(**said))
    owner = max(tellings)[3]
    concerned = {owner} if holders - {owner} else set()
    for holder in sorted(holders - {owner}):
        _move(
            connection,
            t,
            ("subscription_id", "at", "source", "source_id"),
            account,
            holder,
            owner,
            t.c.subscription_id == subscription,
        )
        concerned.add(holder)
    for customer in sorted({telling[3] for telling in tellings} - {owner}):
        if _move_invoices(connection, account, subscription, customer, owner):
            concerned |= {customer, owner}
    return owner, concerned


def _move(
    connection: Connection, table: Table, key: Sequence[str], account: int, customer: str, owner: str, which: ColumnElement[bool]
) -> int:
    """Put rows of a customer under another; what is there already stays."""
    theirs = and_(_theirs(table, account, customer), which)
    other = table.alias()
    there = and_(_theirs(other, account, owner), *(other.c[column] == table.c[column] for column in key))  # type: ignore[arg-type]  # an alias has a table's columns
    gone = connection.execute(delete(table).where(theirs, exists().where(there))).rowcount
    return int(gone + connection.execute(update(table).where(theirs).values(bucket=bucket_of(owner), customer_id=owner)).rowcount)


def _move_invoices(connection: Connection, account: int, subscription: str, customer: str, owner: str) -> int:
    """Put a customer's invoices that are about this subscription alone, with their credit notes, and its waiting lines under another."""
    heads = select(invoice.c.invoice_id).where(_theirs(invoice, account, customer), invoice.c.subscription_id == subscription)
    mine = and_(_theirs(invoice_line, account, customer), invoice_line.c.subscription_id == subscription)
    lines = select(invoice_line.c.invoice_id).where(mine, invoice_line.c.invoice_id != "")
    ids = {str(each) for query in (heads, lines) for each in connection.execute(query).scalars()}
    if ids:
        others = and_(_theirs(invoice_line, account, customer), invoice_line.c.subscription_id != subscription)
        shared = select(invoice_line.c.invoice_id).where(others, among(connection, invoice_line.c.invoice_id, sorted(ids)))
        ids -= set(connection.execute(shared).scalars())
    waiting = and_(invoice_line.c.invoice_id == "", invoice_line.c.subscription_id == subscription)
    moved = _move(connection, invoice_line, ("invoice_id", "line_id"), account, customer, owner, waiting)
    for part in chunks(sorted(ids), _ASKED):
        at = func.coalesce(invoice.c.finalized_at, invoice.c.created)
        days = select(at).where(_theirs(invoice, account, customer), invoice.c.invoice_id.in_(part))
        billed.mark_days(connection, account, {int(day) // _DAY for day in connection.execute(days).scalars()})
        notes = select(credit_note.c.note_id, credit_note.c.created).where(
            _theirs(credit_note, account, customer), credit_note.c.invoice_id.in_(part)
        )
        found: list[Any] = list(connection.execute(notes).all())
        billed.mark_days(connection, account, {int(created) // _DAY for _, created in found})
        for table, key in _BY_INVOICE:
            moved += _move(connection, table, key, account, customer, owner, table.c.invoice_id.in_(part))
        note_ids = [note for note, _ in found]
        if note_ids:
            _move(
                connection,
                credit_note_line,
                ("note_id", "line_id"),
                account,
                customer,
                owner,
                credit_note_line.c.note_id.in_(note_ids),
            )
            _move(connection, credit_note, ("note_id",), account, customer, owner, credit_note.c.note_id.in_(note_ids))
    if moved:
        marked = select(unconfirmed.c.at).where(unconfirmed.c.account == account, unconfirmed.c.customer_id == customer)
        rows = [(account, owner, at) for at in connection.execute(marked).scalars()]
        insert_new(connection, unconfirmed, ("account", "customer_id", "at"), rows, greatest=("at",))
    return moved
