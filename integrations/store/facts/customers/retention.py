"""What is personal and has been kept for long enough, or is not to be kept any more."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, delete, select

from integrations.store.db.bulk import stream
from integrations.store.db.encoding import decode
from integrations.store.facts.schema import customer_state, forgotten, payload, person
from metrics.evidence import Customer, Instant


def drop_payloads(connection: Connection, before: datetime | None) -> int:
    """Remove what Stripe sent and was stored before an instant, or (None) all of it; gives how many there were."""
    query = delete(payload)
    return connection.execute(query if before is None else query.where(payload.c.learnt_at < before)).rowcount


def drop_names(connection: Connection, before: Instant | None) -> int:
    """Remove names and addresses that were last seen in Stripe before an instant, or (None) all of them."""
    query = delete(person)
    return connection.execute(query if before is None else query.where(person.c.observed_at < before)).rowcount


def deleted_in_stripe(connection: Connection) -> Iterator[tuple[int, str]]:
    """Customers (account and Stripe's id) that were seen deleted and aren't forgotten with their metadata; once deleted an id never returns."""
    gone = {(a, c) for a, c in connection.execute(select(forgotten.c.account, forgotten.c.customer_id).where(forgotten.c.metadata))}
    found: set[tuple[int, str]] = set()
    for rows in stream(connection, select(customer_state.c.account, customer_state.c.customer_id, customer_state.c.body)):
        for account, customer, body in rows:
            place = (int(account), str(customer))
            if place not in gone and place not in found and decode(bytes(body), Customer).deleted:
                found.add(place)
    yield from sorted(found)
