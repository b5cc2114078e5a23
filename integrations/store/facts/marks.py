"""Marks: which Stripe customers have facts that nothing was derived from yet.

A customer is marked in the transaction that stores what is new of it. Who derives reads the marks, and removes those up to the last one
that it has read when the ledger is written, so a mark made meanwhile stays. One mark a customer does for all that comes until somebody
plans to derive it.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, delete, func, select

from integrations.store.db.bulk import append, asked_for
from integrations.store.db.engine import is_postgresql
from integrations.store.db.words import clean
from integrations.store.facts.schema import touched
from integrations.store.work import key_value
from metrics.keys import bounded

_PLANNED: Final = "derive:planned"
"""Under this name the last mark is remembered that somebody has planned to derive: whoever is marked after that needs a new one."""


def touch(connection: Connection, account: int, customers: Iterable[str]) -> None:
    """Mark Stripe customers to be derived again; who is marked already, and that by no mark which a plan has read, gets no further one."""
    names = sorted({clean(name) for name in customers})
    if not names:
        return
    if is_postgresql(connection):
        # Who plans waits for this transaction under its own lock, and reads what it stores; or it has planned before we look.
        connection.exec_driver_sql("LOCK TABLE touched IN ROW EXCLUSIVE MODE")
    asked = asked_for(connection, names)
    later = touched.c.id > int(key_value.get(connection, _PLANNED) or 0)
    waiting = select(touched.c.customer_id).where(
        touched.c.account == account, later, touched.c.customer_id.in_(select(asked.c.name))
    )
    marked = set(connection.execute(waiting).scalars())
    append(connection, touched, ("account", "customer_id"), [(account, name) for name in names if bounded(name) not in marked])


def planned_customers(connection: Connection) -> tuple[list[tuple[int, str]], int]:
    """As `touched_customers`, for whoever derives them and then removes the marks: who is marked from now on gets a new one."""
    customers, last = touched_customers(connection)
    key_value.put(connection, _PLANNED, max(last, int(key_value.get(connection, _PLANNED) or 0)))
    return customers, last


def touched_customers(connection: Connection) -> tuple[list[tuple[int, str]], int]:
    """The Stripe customers (account, id) that are marked, each once and in order, and the last mark that this is known from."""
    if is_postgresql(connection):
        # Numbers are given out before they are committed: without waiting for those who write at this moment, a mark with a smaller
        # number than the last one could become visible later, and would be removed unseen.
        connection.exec_driver_sql("LOCK TABLE touched IN SHARE MODE")
    last = int(connection.execute(select(func.max(touched.c.id))).scalar_one() or 0)
    query = select(touched.c.account, touched.c.customer_id).where(touched.c.id <= last).distinct()
    return sorted((int(a), str(c)) for a, c in connection.execute(query)), last


def marked_customers(connection: Connection) -> list[tuple[int, str]]:
    """The Stripe customers (account, id) that are marked as this transaction sees it, each once and in order."""
    query = select(touched.c.account, touched.c.customer_id).distinct()
    return sorted((int(a), str(c)) for a, c in connection.execute(query))


def drop_touched_until(connection: Connection, last: int) -> None:
    """Remove the marks up to one that were dealt with; those made since stay."""
    connection.execute(delete(touched).where(touched.c.id <= last))


def any_touched(connection: Connection) -> bool:
    """Whether any mark waits: however many there are, one is looked at."""
    return connection.execute(select(touched.c.id).limit(1)).first() is not None


def count_touched(connection: Connection) -> int:
    """How many marks wait."""
    return int(connection.execute(select(func.count()).select_from(touched)).scalar_one())
