"""Large tables of PostgreSQL cut by the bucket of their customers, each part a stretch of buckets: what autovacuum, an index or a disk takes
at once stays small however many customers there are.

A bucket is a hash of the customer's name already, so parts are of one size; they are ranges of it because that is how jobs read and
write: a job of one shard of the customers finds its parts and leaves the others alone. No statement of ours names a part, and no figure
depends on how many there are. They lie in a schema of their own, so that a list of the tables stays readable.
"""

from typing import Any, Final

from sqlalchemy import Connection

from integrations.store.db.columns import shard_buckets
from integrations.store.db.engine import is_postgresql

SCHEMA: Final = "nrr_partitions"
MOST: Final = 256
"""Each query that names no bucket looks at every part: more of them would cost it more than they save."""


class NoPartitions(ValueError):
    """The tables can't be cut so. `str()` says why, that nothing was changed, and what to do."""


def cut_tables() -> tuple[str, ...]:
    """The tables that grow with the customers: their keys have the bucket."""
    from integrations.store.tables import (
        metadata,  # all tables: every command asks for the schema, and none but an upgrade for these
    )

    return tuple(sorted(t.name for t in metadata.sorted_tables if "bucket" in t.primary_key.columns))


def require_fitting(database: str, parts: int) -> None:
    """Raises NoPartitions unless a kind of database (`postgresql`, `sqlite`) can be cut into so many parts: asked before it is opened."""
    if database != "postgresql":
        raise NoPartitions("only PostgreSQL cuts its tables; nothing was changed. Leave --partitions out, or set DATABASE_URL")
    if not 2 <= parts <= MOST:
        raise NoPartitions(f"tables are cut into 2 to {MOST} parts, not {parts}; nothing was changed")


def require_possible(connection: Connection, parts: int) -> None:
    """Raises NoPartitions unless a new database can be cut into so many parts by whoever is connected."""
    require_fitting(connection.dialect.name, parts)
    if not connection.exec_driver_sql("SELECT has_database_privilege(current_database(), 'CREATE')").scalar():
        raise NoPartitions(
            f"the database's user may not make the schema {SCHEMA}, in which parts lie; nothing was changed. "
            "Run as its owner: GRANT CREATE ON DATABASE … TO …"
        )


def parts_of(connection: Connection) -> int:
    """Into how many parts the large tables are cut; 0 where they aren't, or aren't there."""
    if not is_postgresql(connection):
        return 0
    found = connection.exec_driver_sql("SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('standing')")
    return int(found.scalar_one())


def cut(connection: Connection, parts: int) -> None:
    """Cut every large table that isn't cut yet, with the rows that it has. Views of it must be gone, and are to be made again."""
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for name in cut_tables():
        if connection.exec_driver_sql("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", (name,)).scalar() == "r":
            _cut(connection, name, parts)


def _cut(connection: Connection, name: str, parts: int) -> None:
    keys, indexes, comment = _keys(connection, name), _indexes(connection, name), _comment(connection, name)
    do = connection.exec_driver_sql
    do(f'ALTER TABLE "{name}" RENAME TO "{name}_whole"')
    # Names of keys and indexes stay: migrations to come know them by name. They are free once the table of before is gone.
    like = f'LIKE "{name}_whole" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING STORAGE'
    do(f'CREATE TABLE "{name}" ({like}) PARTITION BY RANGE (bucket)')
    for part in range(parts):
        low, high = shard_buckets((part, parts))
        do(f'CREATE TABLE {SCHEMA}."{name}_{part:03}" PARTITION OF "{name}" FOR VALUES FROM ({low}) TO ({high})')
    do(f'INSERT INTO "{name}" SELECT * FROM "{name}_whole"')  # noqa: S608  # a name out of the schema
    do(f'DROP TABLE "{name}_whole"')
    for statement in (*keys, *indexes):
        do(statement)
    if comment is not None:
        quoted = comment.replace("'", "''").replace("%", "%%")
        do(f"COMMENT ON TABLE \"{name}\" IS '{quoted}'")


def _keys(connection: Connection, name: str) -> list[str]:
    found = connection.exec_driver_sql(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = to_regclass(%s) AND contype IN ('p', 'u', 'f') ORDER BY contype DESC, conname",
        (name,),
    )
    return [f'ALTER TABLE "{name}" ADD CONSTRAINT "{each}" {definition}' for each, definition in found]


def _indexes(connection: Connection, name: str) -> list[str]:
    found: Any = connection.exec_driver_sql(
        "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = to_regclass(%s) "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1",
        (name,),
    )
    return [str(definition) for definition in found.scalars()]


def _comment(connection: Connection, name: str) -> str | None:
    found = connection.exec_driver_sql("SELECT obj_description(to_regclass(%s), 'pg_class')", (name,)).scalar()
    return None if found is None else str(found)
