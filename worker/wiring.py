"""The one place where settings become things: engine, readers, limiters, clocks, the wish to stop.

Everything below is handed what it needs and reads neither environment nor clock. Nothing is opened before it is used, except that
the address of the database is looked at. Close a wiring when done; it may not be used after a fork, the child opens its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from metrics.evidence import Instant
from worker.jobs import Terms
from worker.plan import Pace
from worker.sources import Sources
from worker.stop import Stop


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a process works with. `pretended` is the instant that somebody said it was, None for the real present."""

    engine: Engine
    sources: Sources
    clock: Callable[[], datetime]
    stop: Stop
    terms: Terms
    pace: Pace
    shards: int = 16
    pretended: datetime | None = None

    @property
    def pretended_instant(self) -> Instant | None:
        """The same in whole seconds."""
        return None if self.pretended is None else Instant(int(self.pretended.timestamp()))
