"""A copy of the facts in another database, to try something out on: what it would change is seen before anything is changed.

Only what figures rest on is copied: no work, no alerts, nothing derived, and no payloads. The copy may be of the other kind of
database.
"""

from typing import Final

from sqlalchemy import Connection, select

from integrations.store.db.bulk import append
from integrations.store.facts.schema import (
    account,
    catalog,
    customer_account,
    customer_state,
    event,
    forgotten,
    invoice,
    invoice_line,
    member,
    rate,
    subscription_state,
    unconfirmed,
)
from integrations.store.work.schema import cursor

COPIED: Final = (
    account,
    catalog,
    customer_state,
    subscription_state,
    invoice,
    invoice_line,
    event,
    rate,
    member,
    customer_account,
    forgotten,
    unconfirmed,
    cursor,
)
_AT_ONCE: Final = 2_000


def copy(source: Connection, target: Connection) -> int:
    """Copy the facts into an empty, migrated database, in bounded memory; gives the number of rows."""
    rows = 0
    for table in COPIED:
        names = [column.name for column in table.columns]
        found = source.execute(select(*table.columns), execution_options={"yield_per": _AT_ONCE})
        for part in found.partitions():
            rows += append(target, table, names, [tuple(row) for row in part])
    return rows
