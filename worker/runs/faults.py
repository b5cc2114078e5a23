"""Errors that a person can do something about, by what they mean. Their own messages say what happened and what to run next.

What raises is imported only once something was raised, so that whoever only asks for help isn't kept waiting.
"""

from enum import StrEnum


class Meaning(StrEnum):
    """What an error means to whoever started the work."""

    FAILED = "failed"
    SETTINGS = "settings"
    MISMATCH = "mismatch"
    NOT_MIGRATED = "not_migrated"
    LOCKED = "locked"
    REFUSED = "refused"


def meaning(error: BaseException) -> Meaning | None:
    """What an error of ours means, by its class or one that it is derived from; None for one that nobody thought of."""
    known = _known()
    return next((known[kind] for kind in type(error).__mro__ if kind in known), None)


def _known() -> dict[type, Meaning]:
    from integrations.files.errors import BadFile
    from integrations.rates.quotes import BadRates
    from integrations.store.backup import BadBackup, StillRunning
    from integrations.store.db.engine import BadDatabaseUrl
    from integrations.store.facts.accounts import AccountRefused
    from integrations.store.migrate import NoOneSchema, NotMigrated
    from integrations.store.work.runs import AlreadyRunning
    from integrations.stripe.errors import BadAddress, NotAllowed, ReadError, Refused, WrongMode
    from metrics.policy import UnknownChoice
    from metrics.retention.spans import BrokenLedger
    from worker.config.alert_rules import BadRules
    from worker.config.settings import BadSettings
    from worker.figures.derived import NothingDerived
    from worker.runs.backfill import NoBackfill
    from worker.runs.verify import Moved

    return {
        BadSettings: Meaning.SETTINGS,
        BadDatabaseUrl: Meaning.SETTINGS,
        BadAddress: Meaning.SETTINGS,
        BadRules: Meaning.SETTINGS,
        BadRates: Meaning.SETTINGS,
        BadFile: Meaning.SETTINGS,
        UnknownChoice: Meaning.SETTINGS,
        BadBackup: Meaning.SETTINGS,
        StillRunning: Meaning.LOCKED,
        NotMigrated: Meaning.NOT_MIGRATED,
        NoOneSchema: Meaning.NOT_MIGRATED,
        AlreadyRunning: Meaning.LOCKED,
        Moved: Meaning.LOCKED,
        Refused: Meaning.REFUSED,
        NotAllowed: Meaning.REFUSED,
        WrongMode: Meaning.REFUSED,
        AccountRefused: Meaning.REFUSED,
        NothingDerived: Meaning.FAILED,
        NoBackfill: Meaning.FAILED,
        ReadError: Meaning.FAILED,
        BrokenLedger: Meaning.MISMATCH,
    }


def is_damage(error: BaseException) -> bool:
    """Of a file that is no database, or a damaged one. Not of what is derived from it: a broken constraint or statement is a defect of ours."""
    import sqlite3

    import psycopg
    from sqlalchemy.exc import DatabaseError

    return type(error) in (DatabaseError, sqlite3.DatabaseError, psycopg.DatabaseError)


def is_forbidden(error: BaseException) -> bool:
    """Whether the login that is set may not do in the database what was asked."""
    from integrations.store.db import outage

    return outage.is_forbidden(error)


def is_outage(error: BaseException) -> bool:
    """Whether the database is away, or refuses; also where a driver was asked without SQLAlchemy between."""
    import sqlite3

    from integrations.store.db.outage import may_pass

    return may_pass(error) or isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError)
