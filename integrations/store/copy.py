"""A copy of the facts in another database, to try something out on: what it would change is seen before anything is changed.

Only what figures rest on is copied: no work, no alerts, nothing derived, and no payloads. The copy may be of the other kind of
database.
"""

from typing import Final

from sqlalchemy import Connection, select

from integrations.store.db.bulk import append
from integrations.store.db.columns import COPIED
from integrations.store.tables import metadata

TABLES: Final = tuple(table for table in metadata.sorted_tables if table.info == COPIED)
"""What says of itself that a copy has it."""
_AT_ONCE: Final = 2_000


def copy(source: Connection, target: Connection) -> int:
    """Copy the facts into an empty, migrated database, in bounded memory; gives the number of rows."""
    rows = 0
    for table in TABLES:
        names = [column.name for column in table.columns]
        found = source.execute(select(*table.columns), execution_options={"yield_per": _AT_ONCE})
        for part in found.partitions():
            rows += append(target, table, names, [tuple(row) for row in part])
    return rows
