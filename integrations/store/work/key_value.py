"""What the installation remembers about itself, by name. Not settings: those are the environment's and the file's."""

import json
from typing import Any

from sqlalchemy import Connection, select

from integrations.store.db.clock import now
from integrations.store.db.engine import insert_into
from integrations.store.work.schema import setting as table


def get(connection: Connection, name: str) -> Any:
    """What is remembered under a name; None when nothing is."""
    found = connection.execute(select(table.c.value).where(table.c.name == name)).scalar_one_or_none()
    return None if found is None else json.loads(found)


def put(connection: Connection, name: str, value: Any) -> None:
    """Remember a value (anything that JSON can hold) under a name."""
    statement = insert_into(connection, table)
    new = statement.excluded
    upsert = statement.on_conflict_do_update(index_elements=[table.c.name], set_={"value": new.value, "updated_at": new.updated_at})
    connection.execute(upsert, {"name": name, "value": json.dumps(value, sort_keys=True), "updated_at": now(connection)})
