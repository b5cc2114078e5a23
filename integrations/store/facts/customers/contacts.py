"""Names and addresses of customers: the only personal data, kept in one table so that it can be removed from one place.

Nothing is stored here unless the settings ask for it, and nothing that is derived rests on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from integrations.store.db.bulk import among, cleaned
from integrations.store.db.engine import insert_into
from integrations.store.facts.schema import member
from integrations.store.facts.schema import person as table
from metrics.evidence import Instant

_COLUMNS = ("account", "customer_id", "name", "email", "observed_at")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer's name and address, for installations that want readable alerts."""

    customer: str
    name: str | None
    email: str | None


def put(connection: Connection, account: int, people: Iterable[Person], observed_at: Instant) -> None:
    """Keep the newest name and address of each."""
    rows = [(account, p.customer, p.name, p.email, observed_at) for p in {p.customer: p for p in people}.values()]
    if not rows:
        return
    statement = insert_into(connection, table)
    new = statement.excluded
    newest = statement.on_conflict_do_update(
        index_elements=[table.c.account, table.c.customer_id],
        set_={"name": new.name, "email": new.email, "observed_at": new.observed_at},
        where=new.observed_at >= table.c.observed_at,
    )
    values = [dict(zip(_COLUMNS, row, strict=True)) for row in sorted(cleaned(table, _COLUMNS, rows), key=lambda r: str(r[1]))]
    connection.execute(newest, values)


def named(connection: Connection, customers: Sequence[str]) -> dict[str, Person]:
    """Who the customers (by their names in the ledger) are, of those that are known; of several Stripe customers the first."""
    out: dict[str, Person] = {}
    mine = among(connection, table.c.customer_id, customers)
    merged = table.join(member, (member.c.account == table.c.account) & (member.c.customer_id == table.c.customer_id))
    direct = select(table.c.customer_id, table.c.customer_id, table.c.name, table.c.email, table.c.account).where(mine)
    by_rule = select(member.c.name, table.c.customer_id, table.c.name, table.c.email, table.c.account).select_from(merged)
    by_rule = by_rule.where(among(connection, member.c.name, customers))
    for query in (by_rule, direct):
        for ledger_name, customer, name, email, _ in sorted(connection.execute(query), key=lambda r: (r[0], r[4], r[1])):
            out.setdefault(ledger_name, Person(customer, name, email))
    return out


def everyone(connection: Connection) -> list[Person]:
    """Every customer of whom a name or an address is stored, by its Stripe id, in order of account and id."""
    query = select(table.c.customer_id, table.c.name, table.c.email).order_by(table.c.account, table.c.customer_id)
    return [Person(str(customer), name, email) for customer, name, email in connection.execute(query)]
