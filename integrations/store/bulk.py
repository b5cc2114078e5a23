"""Putting many rows in at once: COPY into a temporary table and one statement on PostgreSQL, executemany on SQLite."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects import sqlite

from integrations.store.engine import is_postgresql

_names = count()
Row = Sequence[Any]


def insert_new(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row], returning: Sequence[str] = ()
) -> list[Any]:
    """Insert the rows whose key isn't there yet; gives the columns `returning` of those that were new."""
    if not rows:
        return []
    if is_postgresql(connection):
        temporary = _copied(connection, table, columns, rows)
        names = ", ".join(f'"{c}"' for c in columns)
        back = f" RETURNING {', '.join(returning)}" if returning else ""
        statement = f'INSERT INTO "{table.name}" ({names}) SELECT {names} FROM {temporary} ON CONFLICT DO NOTHING{back}'  # noqa: S608  # names out of the schema
        result = connection.exec_driver_sql(statement)
        return list(result.fetchall()) if returning else []
    upsert = sqlite.insert(table).on_conflict_do_nothing()
    if not returning:
        connection.execute(upsert, [dict(zip(columns, row, strict=True)) for row in rows])
        return []
    out: list[Any] = []
    asked = upsert.returning(*(table.c[name] for name in returning))
    for row in rows:
        out += connection.execute(asked, dict(zip(columns, row, strict=True))).fetchall()
    return out


def append(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows that are known to be new; gives their number."""
    if is_postgresql(connection):
        return _copy(connection, f'"{table.name}"', columns, rows, _types(table, columns))
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    if found:
        connection.execute(insert(table), found)
    return len(found)


def _copied(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> str:
    """A temporary table, gone at the transaction's end, with the rows in it."""
    name = f"incoming_{table.name}_{next(_names)}"
    names = ", ".join(f'"{c}"' for c in columns)
    connection.exec_driver_sql(
        f'CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {names} FROM "{table.name}" WITH NO DATA'  # noqa: S608  # names out of the schema
    )
    _copy(connection, name, columns, rows, _types(table, columns))
    return name


_PG_TYPES = {
    "INTEGER": "int4",
    "SMALLINT": "int2",
    "BIGINT": "int8",
    "BOOLEAN": "bool",
    "TEXT": "text",
    "DATE": "date",
    "BLOB": "bytea",
    "BYTEA": "bytea",
}


def _types(table: Table, columns: Sequence[str]) -> list[str]:
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy ships it untyped
    out = []
    for column in columns:
        name = table.c[column].type.compile(dialect=dialect).split("(")[0]
        out.append(_PG_TYPES.get(name, "timestamptz" if name.startswith("TIMESTAMP") else "text"))
    return out


def _copy(connection: Connection, target: str, columns: Sequence[str], rows: Iterable[Row], types: Sequence[str]) -> int:
    names = ", ".join(f'"{c}"' for c in columns)
    cursor = connection.connection.cursor()
    done = 0
    try:
        with cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
                done += 1
    finally:
        cursor.close()
    return done
