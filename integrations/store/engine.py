"""Opening the database: the same behaviour from SQLite and PostgreSQL, and no password in any error."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from psycopg import OperationalError as DriverError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

BUSY_SECONDS = 30
_WAL_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""SQLite releases, newest first, in whose series the fix for the WAL-reset bug is in."""

_COUNTED: Final = {"preserve_rowcount": True}
"""Without this an INSERT … ON CONFLICT DO NOTHING doesn't tell on PostgreSQL how many rows were new: its count is -1."""

_POSTGRESQL: Final = {
    "timezone": "UTC",
    "lock_timeout": "60s",
    # A process that was stopped in the middle of a transaction gives its locks back, for others to claim what it held.
    "idle_in_transaction_session_timeout": "600s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class BadDatabaseUrl(ValueError):
    """The address of the database can't be used."""


def open_engine(url: str) -> Engine:
    """An engine for `url` (sqlite:///… or postgresql://…). Connects nothing yet; raises BadDatabaseUrl."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadDatabaseUrl("DATABASE_URL is not an address of the form sqlite:///FILE or postgresql://…") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url, parsed.database)
    if backend in ("postgresql", "postgres"):
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise BadDatabaseUrl(f"DATABASE_URL names {backend}; SQLite and PostgreSQL are what works")


def _postgresql(url: Any) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=32,
        pool_timeout=60,
        hide_parameters=True,
        execution_options=_COUNTED,
        connect_args={
            "connect_timeout": 10,
            "application_name": "nrr",
            "options": " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL.items()),
            # A network that says nothing is found out within a minute, on either side: nobody waits for ever, nobody holds locks for ever.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
        },
    )


def _sqlite(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        Path(path).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, execution_options=_COUNTED, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own is deferred, and two writers then deadlock
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA journal_mode = {'WAL' if wal_is_safe(sqlite3.sqlite_version_info) else 'DELETE'}")
    cursor.execute("PRAGMA synchronous = NORMAL" if wal_is_safe(sqlite3.sqlite_version_info) else "PRAGMA synchronous = FULL")
    cursor.close()


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite has the fix without which a reset of the write-ahead log can corrupt the file."""
    if version >= _WAL_FIXED[0]:
        return True
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_FIXED)


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("nrr_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A writing transaction: committed at the end of the block, rolled back when the block raises."""
    try:
        with engine.begin() as connection:
            yield connection
    except DriverError as error:  # by COPY, which goes past SQLAlchemy: callers know one vocabulary only
        raise OperationalError("COPY", None, error) from error


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A reading transaction that sees one state of the database throughout."""
    with engine.connect().execution_options(nrr_reading=True) as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def is_postgresql(connection: Connection) -> bool:
    """Whether bulk work can go by COPY."""
    return connection.dialect.name == "postgresql"
