"""Exit codes, and which error means which: looked up by the names of error classes, so that nothing is imported to know them."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


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


_CODES: Final = {
    "BadSettings": Exit.USAGE,
    "BadDatabaseUrl": Exit.USAGE,
    "BadAddress": Exit.USAGE,
    "BadRules": Exit.USAGE,
    "BadRates": Exit.USAGE,
    "UnknownChoice": Exit.USAGE,
    "UnknownDimension": Exit.USAGE,
    "NotMigrated": Exit.NOT_MIGRATED,
    "AlreadyRunning": Exit.LOCKED,
    "Moved": Exit.LOCKED,
    "Refused": Exit.REFUSED,
    "NotAllowed": Exit.REFUSED,
    "AccountRefused": Exit.REFUSED,
    "NothingDerived": Exit.FAILED,
    "NoBackfill": Exit.FAILED,
    "ReadError": Exit.FAILED,
    "BrokenLedger": Exit.MISMATCH,
}
"""Errors whose own message is for people, by the name of their class or of one that it is derived from."""

_DATABASE: Final = ("OperationalError", "InterfaceError")
_DAMAGED: Final = ("DatabaseError",)
"""Of a file that is no database, or a damaged one. Not of what is derived from it: a broken constraint or statement is a defect of ours."""


def told(error: BaseException) -> Fault | None:
    """What to tell of an error; None for one that nobody thought of, whose traceback is then the best there is."""
    if isinstance(error, Stop):
        return Fault(error.code, str(error))
    if type(error).__name__ in _DAMAGED:
        return Fault(Exit.FAILED, _of_database(error))
    for name in (each.__name__ for each in type(error).__mro__):
        if name in _CODES:
            return Fault(_CODES[name], str(error))
        if name in _DATABASE:
            return Fault(Exit.FAILED, _of_database(error))
    return None


def _of_database(error: BaseException) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (
        f"the database did not do what was asked: {said[0] if said else type(error).__name__}. What had been stored before is safe; check "
        "DATABASE_URL and that the server runs, then run `nrr doctor`"
    )
