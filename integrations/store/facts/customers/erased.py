"""Who was forgotten: what may not be stored of them again, for whoever stores facts.

Forgetting and storing exclude one another: a page that was begun before a customer was forgotten would bring back what was removed.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from integrations.store.db.engine import is_postgresql
from integrations.store.facts.schema import forgotten

_LOCK: Final = 7_254_200


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Stripe customers of whom no name and no payload may be stored, and those of them whose metadata may not be either."""

    customers: frozenset[str]
    metadata: frozenset[str]


def of_account(connection: Connection, account: int) -> Unwanted:
    """Who was forgotten of an account; until the end of the transaction nobody else is."""
    if is_postgresql(connection):  # on SQLite there is one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK, account)))
    rows = connection.execute(select(forgotten.c.customer_id, forgotten.c.metadata).where(forgotten.c.account == account)).all()
    return Unwanted(frozenset(str(c) for c, _ in rows), frozenset(str(c) for c, without in rows if without))


def alone(connection: Connection, account: int) -> None:
    """Until the end of the transaction nobody stores facts of the account; those who are at it are waited for."""
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, account)))
