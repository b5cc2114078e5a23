"""Exit codes, and which error means which.

What raises is imported only once something was raised, so that help and typing errors answer at once.
"""

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    USAGE = 2
    QUARANTINED = 3
    ALERT_FIRING = 4
    MISMATCH = 5
    NOT_MIGRATED = 10
    LOCKED = 11
    REFUSED = 12
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as a person is told of it."""

    code: Exit
    message: str


class Stop(Exception):
    """A command can't go on; the message says what to do, `code` is the exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def told(error: BaseException) -> Fault | None:
    """What to tell of an error; None for one that nobody thought of, whose traceback is then the best there is."""
    if isinstance(error, Stop):
        return Fault(error.code, str(error))
    if _is_damage(error):
        return Fault(Exit.FAILED, _of_database(error))
    codes = _codes()
    for kind in type(error).__mro__:
        if kind in codes:
            return Fault(codes[kind], str(error))
    return Fault(Exit.FAILED, _of_database(error)) if _is_outage(error) else None


def _codes() -> dict[type, Exit]:
    """Errors whose own message is for people, by their class or one that it is derived from."""
    from integrations.rates.quotes import BadRates
    from integrations.store.backup import BadBackup, StillRunning
    from integrations.store.db.engine import BadDatabaseUrl
    from integrations.store.facts.accounts import AccountRefused
    from integrations.store.migrate import NotMigrated
    from integrations.store.work.runs import AlreadyRunning
    from integrations.stripe.errors import BadAddress, NotAllowed, ReadError, Refused
    from metrics.policy import UnknownChoice
    from metrics.retention.spans import BrokenLedger
    from worker.config.alert_rules import BadRules
    from worker.config.settings import BadSettings
    from worker.figures.adhoc import NothingDerived
    from worker.runs.backfill import NoBackfill
    from worker.runs.verify import Moved

    return {
        BadSettings: Exit.USAGE,
        BadDatabaseUrl: Exit.USAGE,
        BadAddress: Exit.USAGE,
        BadRules: Exit.USAGE,
        BadRates: Exit.USAGE,
        UnknownChoice: Exit.USAGE,
        BadBackup: Exit.USAGE,
        StillRunning: Exit.LOCKED,
        NotMigrated: Exit.NOT_MIGRATED,
        AlreadyRunning: Exit.LOCKED,
        Moved: Exit.LOCKED,
        Refused: Exit.REFUSED,
        NotAllowed: Exit.REFUSED,
        AccountRefused: Exit.REFUSED,
        NothingDerived: Exit.FAILED,
        NoBackfill: Exit.FAILED,
        ReadError: Exit.FAILED,
        BrokenLedger: Exit.MISMATCH,
    }


def _is_damage(error: BaseException) -> bool:
    """Of a file that is no database, or a damaged one. Not of what is derived from it: a broken constraint or statement is a defect of ours."""
    import sqlite3

    import psycopg
    from sqlalchemy.exc import DatabaseError

    return type(error) in (DatabaseError, sqlite3.DatabaseError, psycopg.DatabaseError)


def _is_outage(error: BaseException) -> bool:
    """Whether the database is away, or refuses; also where a driver was asked without SQLAlchemy between."""
    import sqlite3

    from integrations.store.db.outage import may_pass

    return may_pass(error) or isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError)


def _of_database(error: BaseException) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (
        f"the database did not do what was asked: {said[0] if said else type(error).__name__}. What had been stored before is safe; check "
        "DATABASE_URL and that the server runs, then run `nrr doctor`"
    )
