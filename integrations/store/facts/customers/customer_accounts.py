"""One customer that Stripe names in two ways, by its id and by an account that stands for it, kept under its id.

Which customer an account stands for is said by whatever names both. Facts that came before anything said so are kept under the account's
id, and are moved once it is known: what is stored in the end does not depend on what was read first.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, and_, delete, exists, select, update

from integrations.store.db.bulk import among, insert_new
from integrations.store.db.encoding import decode, digest, encode
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import (
    credit_note,
    credit_note_line,
    customer_state,
    event,
    invoice,
    invoice_line,
    other_line,
    subscription_state,
)
from integrations.store.facts.schema import customer_account as table
from metrics.evidence import Customer, Subscription

if TYPE_CHECKING:
    from integrations.store.facts.write import Page

PREFIX: Final = "acct_"
_STATES: Final[tuple[tuple[Table, type[Customer] | type[Subscription], str], ...]] = (
    (customer_state, Customer, "id"),
    (subscription_state, Subscription, "customer"),
)
_MOVED: Final[tuple[tuple[Table, tuple[str, ...]], ...]] = (
    (invoice, ("invoice_id", "status")),
    (invoice_line, ("invoice_id", "line_id")),
    (other_line, ("invoice_id", "line_id")),
    (credit_note, ("note_id",)),
    (credit_note_line, ("note_id", "line_id")),
)


def resolved(connection: Connection, account: int, page: "Page") -> tuple["Page", set[str]]:
    """The page with every customer under its own id, as far as that is known, and the customers whose facts were moved for it."""
    pairs = dict(sorted(_pairs(page)))
    unnamed = {name for name in _owners(page) if name.startswith(PREFIX)}
    if not pairs and not unnamed:
        return page, set()
    # A place is taken for an account whose customer isn't known: whoever learns it meanwhile waits for this transaction, and moves its facts.
    rows = [(account, each, pairs.get(each)) for each in sorted({*pairs, *unnamed})]
    fresh = insert_new(
        connection,
        table,
        ("account", "stripe_account", "customer_id"),
        rows,
        returning=("stripe_account",),
        greatest=("customer_id",),
    )
    moved: set[str] = set()
    for (name,) in sorted(fresh):
        if name in pairs:
            moved |= _move(connection, account, name, pairs[name])
    known = _known(connection, account, unnamed)
    return (_renamed(page, lambda name: known.get(name, name)) if known else page), moved


def _pairs(page: "Page") -> Iterable[tuple[str, str]]:
    for state in page.customers:
        if state.customer.customer_account and not state.customer.id.startswith(PREFIX):
            yield state.customer.customer_account, state.customer.id
    for each in page.subscriptions:
        named = each.subscription
        if named.customer_account and not named.customer.startswith(PREFIX):
            yield named.customer_account, named.customer


def _owners(page: "Page") -> Iterable[str]:
    yield from (state.customer.id for state in page.customers)
    yield from (state.subscription.customer for state in page.subscriptions)
    yield from (each.head.customer for each in page.invoices if each.head.customer)
    yield from (each.customer for each in page.events if each.customer)
    yield from (customer for customer, _ in page.pending)
    yield from (each.customer for each in page.credit_notes if each.customer)


def _known(connection: Connection, account: int, names: Iterable[str]) -> dict[str, str]:
    wanted = sorted(names)
    if not wanted:
        return {}
    mine = and_(table.c.account == account, among(connection, table.c.stripe_account, wanted), table.c.customer_id.is_not(None))
    return {str(a): str(c) for a, c in connection.execute(select(table.c.stripe_account, table.c.customer_id).where(mine))}


def _renamed(page: "Page", name: Callable[[str], str]) -> "Page":
    return replace(
        page,
        customers=[replace(s, customer=replace(s.customer, id=name(s.customer.id))) for s in page.customers],
        subscriptions=[
            replace(s, subscription=replace(s.subscription, customer=name(s.subscription.customer))) for s in page.subscriptions
        ],
        invoices=[
            replace(each, head=replace(each.head, customer=name(each.head.customer))) if each.head.customer else each
            for each in page.invoices
        ],
        events=[replace(each, customer=name(each.customer)) if each.customer else each for each in page.events],
        pending=[(name(customer), line) for customer, line in page.pending],
        credit_notes=[replace(each, customer=name(each.customer)) if each.customer else each for each in page.credit_notes],
    )


def _move(connection: Connection, account: int, name: str, customer: str) -> set[str]:
    """Put the facts of an account under the customer that it stands for; what is there already stays. Gives whose ledger changes by it."""
    moved = sum(_move_states(connection, account, name, customer, *each) for each in _STATES)
    for facts, key in _MOVED:
        theirs = and_(facts.c.bucket == bucket_of(name), facts.c.customer_id == name, facts.c.account == account)
        other = facts.alias()
        same = and_(
            other.c.bucket == bucket_of(customer),
            other.c.customer_id == customer,
            other.c.account == account,
            *(other.c[column] == facts.c[column] for column in key),
        )
        moved += connection.execute(delete(facts).where(theirs, exists().where(same))).rowcount
        moved += connection.execute(update(facts).where(theirs).values(bucket=bucket_of(customer), customer_id=customer)).rowcount
    connection.execute(update(event).where(event.c.account == account, event.c.customer_id == name).values(customer_id=customer))
    return {name, customer} if moved else set()


def _move_states(
    connection: Connection,
    account: int,
    name: str,
    customer: str,
    states: Table,
    kind: type[Customer] | type[Subscription],
    field: str,
) -> int:
    """States hold their customer's id inside, too: they are written anew, as they would have been had it been known."""
    theirs = and_(states.c.bucket == bucket_of(name), states.c.customer_id == name, states.c.account == account)
    columns = [column.name for column in states.columns]
    rows = []
    for row in connection.execute(select(states).where(theirs)).mappings():
        state: Any = decode(row["body"], kind)
        body = encode(replace(state, **{field: customer}))
        changed = {"bucket": bucket_of(customer), "customer_id": customer, "body": body, "digest": digest(body)}
        rows.append([{**row, **changed}[column] for column in columns])
    insert_new(connection, states, columns, rows)
    connection.execute(delete(states).where(theirs))
    return len(rows)
