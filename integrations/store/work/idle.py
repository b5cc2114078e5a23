"""Whether somebody who works for a run has nothing to do: those who are busy then cut their lists for them, and leave them what they cut off.

It is said again and again for as long as it is so, and forgotten after that. Nobody depends on it: it decides who does a job, never whether it is
done.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from integrations.store.db.clock import now
from integrations.store.work import key_value

_NAME: Final = "workers:idle"
FORGOTTEN_AFTER: Final = timedelta(seconds=1)


def note(connection: Connection, owner: str, runs: Collection[int]) -> None:
    """Say that `owner` would do jobs of these runs, if there were any."""
    key_value.put(connection, _NAME, {"owner": owner, "runs": sorted(runs), "at": now(connection).isoformat()})


def is_any(connection: Connection, owner: str, run: int) -> bool:
    """Whether somebody other than `owner` would do jobs of a run, and has none."""
    told = key_value.get(connection, _NAME)
    if told is None or told["owner"] == owner or run not in told["runs"]:
        return False
    return abs(now(connection) - datetime.fromisoformat(told["at"])) < FORGOTTEN_AFTER
