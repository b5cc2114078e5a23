"""What `nrr doctor` found: one check, how it is, and that one that fails keeps no other from being made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from worker.cli.exit_codes import Exit, told

OK: Final = "ok"
NOTE: Final = "note"
WRONG: Final = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and (unless it is fine) what to do. `code` is what the shell is told of it."""

    name: str
    state: str
    detail: str
    code: Exit = Exit.OK


def tried(name: str, look: Callable[[], Check]) -> Check:
    """What a look found, or that it failed and by what."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one check, the others are still made
        return failed(name, error)


def failed(name: str, error: Exception) -> Check:
    """A check that could not be made."""
    fault = told(error)
    return Check(name, WRONG, fault.message if fault else f"{type(error).__name__}: {error}", fault.code if fault else Exit.FAILED)


def ago(seconds: float) -> str:
    """A time span in the largest unit that there are two of."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
