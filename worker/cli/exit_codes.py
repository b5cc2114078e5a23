"""Exit codes, and which error means which.

What raises is imported only once something was raised, so that help and typing errors answer at once.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.runs.faults import Meaning


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
    from worker.runs import faults

    if faults.is_damage(error):
        return Fault(Exit.FAILED, _of_database(error))
    known = faults.meaning(error)
    if known is not None:
        return Fault(_code(known), str(error))
    if faults.is_forbidden(error):
        return Fault(Exit.FAILED, _of_login(error))
    if faults.is_outage(error):
        return Fault(Exit.FAILED, _of_database(error))
    return Fault(Exit.FAILED, _of_system(error)) if isinstance(error, OSError) else None


def _of_system(error: OSError) -> str:
    """A file or a folder that can't be used, a disk that is full: the system says which."""
    what = f"{error.filename}: " if error.filename else ""
    return f"{what}{error.strerror or error}. What had been stored before is safe; nothing else was done"


def _code(known: "Meaning") -> Exit:
    return Exit.USAGE if known == "settings" else Exit[known.name]


def _of_login(error: BaseException) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (
        f"the database's login may not do that: {said[0]}. Nothing was changed; tables are made and changed by their owner (nrrctl --owner "
        "db upgrade, or DATABASE_URL with the owner's login), everything else by the login that deploy/postgres/grants.sql lets work"
    )


def _of_database(error: BaseException) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (
        f"the database did not do what was asked: {said[0] if said else type(error).__name__}. What had been stored before is safe; check "
        "DATABASE_URL and that the server runs, then run `nrr doctor`"
    )
