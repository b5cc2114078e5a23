"""Whether the database failed as such, judged by what it says and not by the name of an exception.

psycopg makes an index row that is too long an OperationalError, like a server that is away: the one can be tried for ever and never
succeeds, the other passes. PostgreSQL says by SQLSTATE which it is, SQLite by its result code. The driver of PostgreSQL is loaded by whoever
connects with it: no error can be of a driver that isn't.
"""

import sqlite3
import sys
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_PASSING_CLASSES: Final = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
"""No connection, not let in, no such database, transaction rolled back (serialisation, deadlock), out of resources (a full disk),
stopped by an operator, an error of the system's."""

_PASSING: Final = frozenset({"25006", "25P03", "55006", "55P03"})
"""Read only (a standby), idle for too long, in use, a lock that was not to be had."""

_SQLITE_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def _psycopg() -> Any:
    return sys.modules.get("psycopg")


def is_of_driver(error: BaseException | None) -> bool:
    """Whether PostgreSQL's driver itself, past SQLAlchemy, says that there is no server or no connection any more."""
    driver = _psycopg()
    return driver is not None and isinstance(error, driver.OperationalError | driver.InterfaceError)


def ended_by_server(error: BaseException) -> bool:
    """Whether PostgreSQL ended a transaction because its holder was silent for too long."""
    driver = _psycopg()
    return driver is not None and isinstance(error, driver.errors.IdleInTransactionSessionTimeout)


def may_pass(error: BaseException) -> bool:
    """Whether the database was away, full, locked or out of connections: what was asked of it may be good, and is worth trying again."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return _of_driver(error, otherwise=is_of_driver(error))
    if error.connection_invalidated:
        return True
    return _of_driver(error.orig, otherwise=isinstance(error, OperationalError | InterfaceError))


def is_forbidden(error: BaseException) -> bool:
    """Whether PostgreSQL's login may not do what was asked of it."""
    driver = _psycopg()
    origin = error.orig if isinstance(error, DBAPIError) else error
    return driver is not None and isinstance(origin, driver.errors.InsufficientPrivilege)


def is_busy(error: BaseException) -> bool:
    """Whether SQLite's one writer is somebody else."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", None)
    return isinstance(origin, sqlite3.Error) and code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _of_driver(origin: BaseException | None, *, otherwise: bool) -> bool:
    """By the code that the driver hands on; `otherwise` where there is none, as when no server answered at all."""
    driver = _psycopg()
    if driver is not None and isinstance(origin, driver.Error) and origin.sqlstate is not None:
        return origin.sqlstate[:2] in _PASSING_CLASSES or origin.sqlstate in _PASSING
    code = getattr(origin, "sqlite_errorcode", None)
    if isinstance(origin, sqlite3.Error) and code is not None:
        return code & 0xFF in _SQLITE_PASSING
    return otherwise
