"""Removing what is personal of a customer, for good: names, addresses, what Stripe sent, and (if asked) metadata.

Amounts and dates stay: they are the company's books, and without them every past figure would change. The customer is noted as
forgotten, so that nothing personal of it is stored again.
"""

from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select, update

from integrations.store.db.bulk import among
from integrations.store.db.clock import now
from integrations.store.db.encoding import decode, digest, encode
from integrations.store.db.engine import insert_into
from integrations.store.db.words import bucket_of
from integrations.store.facts.customers import customer_merge, erased, traces
from integrations.store.facts.customers.traces import Personal
from integrations.store.facts.marks import touch
from integrations.store.facts.schema import (
    credit_note,
    customer_state,
    event,
    forgotten,
    invoice,
    payload,
    person,
    subscription_state,
)
from integrations.store.ledger.schema import attribute
from metrics.evidence import Customer, Subscription


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed: names, payloads, states that lost their metadata, and how many rows of figures, messages and records were touched.

    `texts`: what its metadata said that nobody else's do, and the ledger's name made of them: for whoever keeps more than the store knows of.
    """

    names: int
    payloads: int
    states: int
    elsewhere: int = 0
    texts: frozenset[str] = field(default=frozenset(), compare=False, repr=False)


def forget(connection: Connection, account: int, customer: str, *, metadata: bool = False) -> Forgotten:
    """Remove what is personal of a Stripe customer, and keep it out from now on. With `metadata` that is removed and kept out too.

    It then has no segment by metadata any more, and no metadata rule makes it part of another or leaves it out. What was personal goes from
    figures of every version, messages and records of work too (D113); nobody may be making figures meanwhile. Doing it twice changes nothing;
    what was forgotten stays so when it is done again without `metadata`.
    """
    erased.alone(connection, account)
    insert = insert_into(connection, forgotten)
    noted = insert.on_conflict_do_update(
        index_elements=[forgotten.c.account, forgotten.c.customer_id],
        set_={"metadata": forgotten.c.metadata | insert.excluded.metadata},
    )
    connection.execute(noted, {"account": account, "customer_id": customer, "at": now(connection), "metadata": metadata})
    mine = and_(person.c.account == account, person.c.customer_id == customer)
    called = connection.execute(select(person.c.name, person.c.email).where(mine)).all()
    names = connection.execute(delete(person).where(mine)).rowcount
    payloads = connection.execute(
        delete(payload).where(payload.c.account == account, sent_of(connection, account, customer))
    ).rowcount
    personal = Personal(names=frozenset(text for row in called for text in row if text))
    states = 0
    if metadata:
        states, said = _without_metadata(connection, account, customer)
        personal = _forget_derived(connection, account, customer, said, personal)
        if states:
            touch(connection, account, [customer])
    elsewhere = traces.remove(connection, personal) if personal != Personal() else 0
    return Forgotten(names, payloads, states, elsewhere, personal.texts | {*(personal.renamed or ())})


def is_known(connection: Connection, account: int, customer: str) -> bool:
    """Whether anything was ever read of a Stripe customer, or it was forgotten before."""
    place = (bucket_of(customer), customer, account)
    kept = (
        select(table.c.customer_id).where(table.c.bucket == place[0], table.c.customer_id == place[1], table.c.account == place[2])
        for table in (customer_state, subscription_state, invoice, credit_note)
    )
    noted = select(forgotten.c.customer_id).where(forgotten.c.account == account, forgotten.c.customer_id == customer)
    return any(connection.execute(query.limit(1)).first() is not None for query in (*kept, noted))


def sent_of(connection: Connection, account: int, customer: str) -> ColumnElement[bool]:
    """Which of an account's payloads are of the customer: of itself, its subscriptions, and events about it."""
    theirs = and_(subscription_state.c.bucket == bucket_of(customer), subscription_state.c.customer_id == customer)
    subscriptions = select(subscription_state.c.subscription_id).where(theirs, subscription_state.c.account == account)
    objects = [*connection.execute(subscriptions.distinct()).scalars(), customer]
    events = select(event.c.event_id).where(event.c.account == account, event.c.customer_id == customer)
    named = list(connection.execute(events).scalars())
    return or_(among(connection, payload.c.object_id, objects), among(connection, payload.c.source_id, named))


def _forget_derived(
    connection: Connection, account: int, customer: str, said: set[tuple[str, str]], personal: Personal
) -> Personal:
    """Remove what any ledger has of the metadata, and the sums that were made with it; gives all that is personal of the customer.

    Who is one with the customer gets its own back when it is derived, which is due.
    """
    name = customer_merge.names(connection, [(account, customer)])[account, customer]
    theirs = and_(
        attribute.c.bucket == bucket_of(name),
        attribute.c.customer == name,
        attribute.c.key.startswith("metadata.", autoescape=True),
    )
    held = {
        (str(k), str(v)) for k, v in connection.execute(select(attribute.c.key, attribute.c.value).where(theirs)) if v is not None
    }
    connection.execute(delete(attribute).where(theirs))
    alone = name == customer or not _shared(connection, account, customer, name)
    renamed = {}
    if name != customer and alone:
        traces.rename(connection, account, customer, name)
        renamed = {name: customer}
    # What a customer shares with those it is one with is theirs too.
    values = traces.only_theirs(
        connection, name, {*held, *said} if alone else said - _of_others(connection, account, customer, name)
    )
    if values or renamed:
        traces.start_anew(connection)
    return replace(personal, values=values, renamed=renamed)


def _shared(connection: Connection, account: int, customer: str, name: str) -> bool:
    """Whether other Stripe customers are one with this one."""
    return any(each != (account, customer) for each in customer_merge.members_of(connection, [name]).get(name, []))


def _of_others(connection: Connection, account: int, customer: str, name: str) -> set[tuple[str, str]]:
    """What the metadata of those say who are one with the customer."""
    out: set[tuple[str, str]] = set()
    for other_account, other in customer_merge.members_of(connection, [name]).get(name, []):
        if (other_account, other) != (account, customer):
            place = (customer_state.c.bucket == bucket_of(other), customer_state.c.customer_id == other)
            for body in connection.execute(select(customer_state.c.body).where(*place)).scalars():
                out |= {(f"metadata.{k}", v) for k, v in decode(body, Customer).metadata}
    return out


def _without_metadata(connection: Connection, account: int, customer: str) -> tuple[int, set[tuple[str, str]]]:
    """Take the metadata out of every state; gives how many had any, and what those of the customer itself said (`metadata.KEY`, value)."""
    changed = 0
    said: set[tuple[str, str]] = set()
    kinds: tuple[tuple[Table, type[Customer | Subscription]], ...] = (
        (customer_state, Customer),
        (subscription_state, Subscription),
    )
    for table, kind in kinds:
        theirs = and_(table.c.bucket == bucket_of(customer), table.c.customer_id == customer, table.c.account == account)
        keys = [c for c in table.primary_key if c.name not in ("bucket", "customer_id", "account")]
        for row in connection.execute(select(*keys, table.c.body).where(theirs)).all():
            found = decode(row[-1], kind)
            if not found.metadata:
                continue
            if kind is Customer:
                said |= {(f"metadata.{key}", value) for key, value in found.metadata}
            body = encode(replace(found, metadata=()))
            this = and_(theirs, *(c == value for c, value in zip(keys, row[:-1], strict=True)))
            connection.execute(update(table).where(this).values(body=body, digest=digest(body)))
            changed += 1
    return changed, said
