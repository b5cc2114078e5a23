"""Databases that several tests begin with: filled once by a worker, by the product itself, and put back from memory for each further test."""

import sqlite3
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import Engine

from integrations.store.db.engine import file_of
from integrations.store.tables import metadata

T = TypeVar("T")
_KEPT: Final[dict[tuple[str, str], tuple[Any, Any]]] = {}

_COUNTERS: Final = (
    "select quote_ident(sequencename), last_value from pg_sequences where schemaname = 'public' and last_value is not null"
)


def filled(engine: Engine, name: str, fill: Callable[[Engine], T]) -> T:
    """What `fill` gives, on a database that is migrated and empty and after it holds what `fill` puts there.

    The same `name` is the same content. What `fill` gives is handed to every test: it must not hold the engine.
    """
    kind = engine.dialect.name
    save, restore = (_save_file, _restore_file) if kind == "sqlite" else (_save_rows, _restore_rows)
    if (name, kind) in _KEPT:
        content, given = _KEPT[name, kind]
        restore(engine, content)
        return given  # type: ignore[no-any-return]  # of the same name, so of the same function
    made = fill(engine)
    engine.dispose()
    _KEPT[name, kind] = (save(engine), made)
    return made


def _save_file(engine: Engine) -> bytes:
    connection = sqlite3.connect(str(file_of(engine)))
    try:
        return connection.serialize()
    finally:
        connection.close()


def _restore_file(engine: Engine, content: bytes) -> None:
    memory, file = sqlite3.connect(":memory:"), sqlite3.connect(str(file_of(engine)))
    try:
        memory.deserialize(content)
        memory.backup(file)
    finally:
        memory.close()
        file.close()


Rows = tuple[list[tuple[str, bytes]], list[tuple[str, int]]]


def _save_rows(engine: Engine) -> Rows:
    with psycopg.connect(_address(engine)) as connection:
        tables = []
        for table in metadata.sorted_tables:  # each after those that it refers to
            with connection.cursor().copy(f"COPY {table.name} TO STDOUT (FORMAT BINARY)".encode()) as copy:
                tables.append((table.name, b"".join(map(bytes, copy))))
        empty = min(len(rows) for _, rows in tables)
        return [each for each in tables if len(each[1]) > empty], connection.execute(_COUNTERS).fetchall()


def _restore_rows(engine: Engine, content: Rows) -> None:
    tables, counters = content
    with psycopg.connect(_address(engine)) as connection:
        for table, rows in tables:
            with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
                copy.write(rows)
        for counter, last in counters:
            connection.execute("SELECT setval(%s, %s)", [counter, last])


def _address(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
