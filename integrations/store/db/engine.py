"""Opening the database: the same behaviour from SQLite and PostgreSQL, and no password in any error."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InternalError, OperationalError

from integrations.store.db import sqlite_file
from integrations.store.db.outage import ended_by_server, is_busy, is_of_driver

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

BUSY_SECONDS: Final = 30.0
BUSY_TRIES: Final = 4
"""Nobody who lives keeps SQLite's lock for two minutes."""
IDLE_SECONDS: Final = 180.0
READING_IDLE_SECONDS: Final = 3_600
"""A reader holds no locks that anybody waits for, and may have a slow person behind it."""
_WAL_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""SQLite releases, newest first, in whose series the fix for the WAL-reset bug is in."""

_COUNTED: Final = {"preserve_rowcount": True}
"""Without this an INSERT … ON CONFLICT DO NOTHING doesn't tell on PostgreSQL how many rows were new: its count is -1."""

_POSTGRESQL: Final = {
    "timezone": "UTC",
    "lock_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class BadDatabaseUrl(ValueError):
    """The address of the database can't be used."""


def open_engine(
    url: str,
    *,
    idle_seconds: float = IDLE_SECONDS,
    busy_seconds: float = BUSY_SECONDS,
    address: Callable[[], str] | None = None,
    read_only: bool = False,
    make: bool = True,
) -> Engine:
    """An engine for `url` (sqlite:///… or postgresql://…). Connects nothing yet; raises BadDatabaseUrl.

    A process that says nothing for `idle_seconds` in the middle of a writing transaction (it was stopped, or its machine sleeps) loses it,
    so that its locks keep nobody from claiming what it held. `address` is asked at each new connection to a server whether user and password
    are others by now. With `read_only` the database refuses whatever would change it, and the role needs no more than SELECT. Without `make`
    a file of SQLite's that isn't there is not made by connecting; `migrate.upgrade` makes it either way.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadDatabaseUrl("DATABASE_URL is not an address of the form sqlite:///FILE or postgresql://…") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url, busy_seconds, read_only=read_only, make=make and not read_only)
    if backend in ("postgresql", "postgres"):
        engine = _postgresql(parsed.set(drivername="postgresql+psycopg"), idle_seconds, read_only=read_only)
        if address is not None:
            event.listen(engine, "do_connect", partial(_let_in, address))
        return engine
    raise BadDatabaseUrl(f"DATABASE_URL names {backend}; SQLite and PostgreSQL are what works")


def _postgresql(url: Any, idle_seconds: float, *, read_only: bool) -> Engine:
    options = {**_POSTGRESQL, "idle_in_transaction_session_timeout": f"{max(1, round(idle_seconds))}s"}
    if read_only:
        options["default_transaction_read_only"] = "on"
    engine = create_engine(
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
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            # A network that says nothing is found out within a minute, on either side: nobody waits for ever, nobody holds locks for ever.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
        },
    )
    event.listen(engine, "connect", _among_tables, insert=True)  # before SQLAlchemy itself looks which schema is the default
    return engine


_STRAYED: Final = r"""
SELECT set_config('search_path', regexp_replace(current_setting('search_path'), '"?\$user"?\s*,\s*', ''), false)
WHERE current_user = 'nrr' AND ARRAY(
    SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'nrr')
    AND relname IN ('retention', 'alembic_version')
) = '{retention}'::name[]
"""
"""PostgreSQL looks in the schema called like the user first. Of a user called `nrr` that is the views' one, where no table is, nor may come.
Asked of the catalog, which everybody may read: a role that may not use that schema would be refused by its name alone."""


def _among_tables(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_STRAYED)
    connection.commit()


def _let_in(address: Callable[[], str], _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
    """Connect with the user and the password that are in force now."""
    told = make_url(address())
    found = {"user": told.username, "password": None if told.password is None else str(told.password)}
    parameters.update({name: value for name, value in found.items() if value is not None})


def file_of(engine: Engine) -> Path | None:
    """The file that an engine of SQLite's opens; None for a database in memory or on a server."""
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name and name != ":memory:" else None


def _sqlite(url: str, busy_seconds: float, *, read_only: bool, make: bool) -> Engine:
    waiting = {"timeout": busy_seconds, "factory": _Patient}
    engine = create_engine(url, hide_parameters=True, execution_options=_COUNTED, connect_args=waiting)
    event.listen(engine, "connect", partial(_prepare_sqlite_reader if read_only else _prepare_sqlite, busy_seconds))
    event.listen(engine, "begin", _begin_sqlite)
    sqlite_file.watch(engine, make=make)
    return engine


def _prepare_sqlite(busy_seconds: float, connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own is deferred, and two writers then deadlock
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1000)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA journal_mode = {'WAL' if wal_is_safe(sqlite3.sqlite_version_info) else 'DELETE'}")
    cursor.execute("PRAGMA synchronous = NORMAL" if wal_is_safe(sqlite3.sqlite_version_info) else "PRAGMA synchronous = FULL")
    cursor.close()


def _prepare_sqlite_reader(busy_seconds: float, connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1000)}")
    connection.execute("PRAGMA query_only = ON")


def do_not_wait_for_disk(engine: Engine) -> None:
    """Let SQLite leave it to the system when what it wrote reaches the disk: for a database that is made anew at any time, such as the demo's."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous = OFF"))


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite has the fix without which a reset of the write-ahead log can corrupt the file."""
    if version >= _WAL_FIXED[0]:
        return True
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_FIXED)


class _Patient(sqlite3.Connection):
    """A connection whose commit waits for readers as often as a writer waits for another: on a starved machine one may look for longer than
    one wait lasts. Refused, SQLite keeps the transaction, and it may be committed later."""

    def commit(self) -> None:
        """Raises sqlite3.OperationalError where readers are still there after the last try."""
        for attempt in range(BUSY_TRIES):
            try:
                return super().commit()
            except sqlite3.OperationalError as error:
                if not is_busy(error) or attempt == BUSY_TRIES - 1:
                    raise
        raise AssertionError("the last try returned or raised")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("nrr_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A writing transaction: committed at the end of the block, rolled back when the block raises.

    That the database is away, or has ended the transaction because its holder was silent for too long, is an OperationalError.
    """
    try:
        connection = _begun(engine)
        with connection:
            transaction = connection.get_transaction()
            assert transaction is not None, "it was begun"
            with transaction:
                yield connection
    except InternalError as error:
        if error.orig is not None and ended_by_server(error.orig):
            raise OperationalError(error.statement, None, error.orig, hide_parameters=True) from error
        raise
    except Exception as error:
        if is_of_driver(error) or ended_by_server(error):  # by COPY, which goes past SQLAlchemy: callers know one vocabulary only
            raise OperationalError("COPY", None, error) from error
        raise


def _begun(engine: Engine) -> Connection:
    """A connection with a writing transaction; where SQLite's one writer is somebody else for long, it is asked for again, a few times.

    On a starved machine somebody may hold it for longer than one wait lasts, and nothing has been done yet that could not be done later.
    """
    for attempt in range(BUSY_TRIES):
        connection = engine.connect()
        try:
            connection.begin()
        except OperationalError as error:
            connection.close()
            if not is_busy(error) or attempt == BUSY_TRIES - 1:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("the last try returned or raised")


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A reading transaction that sees one state of the database throughout."""
    with engine.connect().execution_options(nrr_reading=True) as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{READING_IDLE_SECONDS}s'")
            yield connection


def insert_into(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT of the database's own kind, which can say what to do with a row whose key is there already."""
    return insert_for(table, on_postgresql=is_postgresql(connection))


def insert_for(table: Table, *, on_postgresql: bool) -> "postgresql.Insert | sqlite.Insert":
    """The same for who has no connection yet."""
    if on_postgresql:  # each is loaded where it is the one in use: together they take as long as all the tables
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def is_postgresql(connection: Connection) -> bool:
    """Whether bulk work can go by COPY."""
    return connection.dialect.name == "postgresql"
