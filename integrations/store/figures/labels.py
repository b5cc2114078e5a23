"""Words for segments that are ids, kept beside the figures so that tables, messages and SQL can show them."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from integrations.store.db.engine import insert_into
from integrations.store.db.words import clean
from integrations.store.figures.schema import segment_name as table


def put(connection: Connection, names: Mapping[tuple[str, str], str]) -> None:
    """Keep these words in the place of those that were kept."""
    wanted = {key: clean(name) for key, name in names.items()}
    held = load(connection)
    for dimension, segment in sorted(held.keys() - wanted.keys()):
        connection.execute(delete(table).where(table.c.dimension == dimension, table.c.segment == segment))
    new = [{"dimension": key[0], "segment": key[1], "name": name} for key, name in sorted(wanted.items()) if held.get(key) != name]
    if new:
        # Two who make figures at once bring the same words, in the same order.
        insert = insert_into(connection, table)
        keys = [table.c.dimension, table.c.segment]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_={"name": insert.excluded.name}), new)


def load(connection: Connection) -> dict[tuple[str, str], str]:
    """The words by dimension and segment."""
    query = select(table.c.dimension, table.c.segment, table.c.name)
    return {(str(dimension), str(segment)): str(name) for dimension, segment, name in connection.execute(query)}
