"""Removing what is personal of a customer, for good: names, addresses, what Stripe sent, and (if asked) metadata.

Amounts and dates stay: they are the company's books, and without them every past figure would change. The customer is noted as
forgotten, so that nothing personal of it is stored again.
"""

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select, update

from integrations.store.db.bulk import among
from integrations.store.db.clock import now
from integrations.store.db.encoding import bucket_of, decode, digest, encode
from integrations.store.db.engine import insert_into
from integrations.store.facts.customers import customer_merge, erased
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
    """What was removed: names, payloads, and states that lost their metadata."""

    names: int
    payloads: int
    states: int


def forget(connection: Connection, account: int, customer: str, *, metadata: bool = False) -> Forgotten:
    """Remove what is personal of a Stripe customer, and keep it out from now on. With `metadata` that is removed and kept out too.

    It then has no segment by metadata any more, and no metadata rule makes it part of another or leaves it out. Doing it twice changes
    nothing; what was forgotten stays so when it is done again without `metadata`.
    """
    erased.alone(connection, account)
    insert = insert_into(connection, forgotten)
    noted = insert.on_conflict_do_update(
        index_elements=[forgotten.c.account, forgotten.c.customer_id],
        set_={"metadata": forgotten.c.metadata | insert.excluded.metadata},
    )
    connection.execute(noted, {"account": account, "customer_id": customer, "at": now(connection), "metadata": metadata})
    mine = and_(person.c.account == account, person.c.customer_id == customer)
    names = connection.execute(delete(person).where(mine)).rowcount
    payloads = connection.execute(
        delete(payload).where(payload.c.account == account, _sent_of(connection, account, customer))
    ).rowcount
    states = _without_metadata(connection, account, customer) if metadata else 0
    if states:
        _forget_attributes(connection, account, customer)
        touch(connection, account, [customer])
    return Forgotten(names, payloads, states)


def is_known(connection: Connection, account: int, customer: str) -> bool:
    """Whether anything was ever read of a Stripe customer, or it was forgotten before."""
    place = (bucket_of(customer), customer, account)
    kept = (
        select(table.c.customer_id).where(table.c.bucket == place[0], table.c.customer_id == place[1], table.c.account == place[2])
        for table in (customer_state, subscription_state, invoice, credit_note)
    )
    noted = select(forgotten.c.customer_id).where(forgotten.c.account == account, forgotten.c.customer_id == customer)
    return any(connection.execute(query.limit(1)).first() is not None for query in (*kept, noted))


def _sent_of(connection: Connection, account: int, customer: str) -> ColumnElement[bool]:
    theirs = and_(subscription_state.c.bucket == bucket_of(customer), subscription_state.c.customer_id == customer)
    subscriptions = select(subscription_state.c.subscription_id).where(theirs, subscription_state.c.account == account)
    objects = [*connection.execute(subscriptions.distinct()).scalars(), customer]
    events = select(event.c.event_id).where(event.c.account == account, event.c.customer_id == customer)
    named = list(connection.execute(events).scalars())
    return or_(among(connection, payload.c.object_id, objects), among(connection, payload.c.source_id, named))


def _forget_attributes(connection: Connection, account: int, customer: str) -> None:
    """Remove what any ledger has of the metadata; who is one with the customer gets its own back when it is derived, which is due."""
    name = customer_merge.names(connection, [(account, customer)])[account, customer]
    theirs = and_(attribute.c.bucket == bucket_of(name), attribute.c.customer == name)
    connection.execute(delete(attribute).where(theirs, attribute.c.key.startswith("metadata.", autoescape=True)))


def _without_metadata(connection: Connection, account: int, customer: str) -> int:
    changed = 0
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
            body = encode(replace(found, metadata=()))
            this = and_(theirs, *(c == value for c, value in zip(keys, row[:-1], strict=True)))
            connection.execute(update(table).where(this).values(body=body, digest=digest(body)))
            changed += 1
    return changed
