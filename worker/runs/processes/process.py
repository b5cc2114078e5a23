"""One of the processes that compute beside a command: `python -P -m worker.runs.processes.process`.

What it works on it is told over its standard input (the settings with their secrets among it, which nobody else can read there). It
claims jobs of the command's runs under leases as everybody does, and ends when its standard input does: with the command, however that
ends. What it holds then is given back.
"""

import pickle
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from metrics.ledger.basis import Basis
from worker.config.settings import Settings
from worker.execution import log, masking
from worker.execution.crew import Crew, Handler
from worker.execution.stop import Stop
from worker.runs import handlers as runs_handlers
from worker.wiring.wiring import Wiring, open_wiring

KINDS: Final = ("derive_shard", "derive_touched", "rollup_part")
"""What is worth a process of its own: the parts of which a run has many, that compute and read no Stripe."""


@dataclass(frozen=True, slots=True)
class Given:
    """What such a process is told: under which settings it works, for which runs, and under which name it holds jobs."""

    settings: Settings
    owner: str
    wanted: tuple[int, ...]
    basis: Basis
    kept: tuple[Basis, ...]
    pretended: datetime | None


def compute(wiring: Wiring, wanted: Sequence[int]) -> int:
    """Do the runs' jobs of KINDS, one at a time; after a failure leave them to others, and give 1."""
    handlers: dict[str, Handler] = {kind: do for kind, do in runs_handlers.handlers(wiring).items() if kind in KINDS}
    worked = Crew(wiring.engine, wiring.terms, wiring.stop.part()).work(handlers, wanted=wanted, give_up_after=1)
    return 1 if worked.error is not None else 0


Work = Callable[[Wiring, Sequence[int]], int]
"""What such a process does for some runs; 1 if a job failed in it."""


def main(work: Work = compute, threads: int | None = 1) -> int:
    """Work until there is nothing to be done for the runs, or until standard input ends; 1 if a job failed here."""
    # Written by the command that started this process, into a pipe that only it has: no more than an argument between the two.
    given: Given = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own parent
    log.configure(style=given.settings.log_format, level=log.level_of(given.settings.log_level))
    masking.keep_secret(*given.settings.secrets())
    stop = Stop()
    threading.Thread(target=_end_with_input, args=(stop,), name="input", daemon=True).start()
    wiring = open_wiring(given.settings, pretended=given.pretended, stop=stop, threads=threads)
    terms = replace(wiring.terms, owner=given.owner, heavy=1)
    try:
        return work(
            replace(wiring, basis=given.basis, kept=given.kept, terms=terms, processes=1, reading_processes=1), given.wanted
        )
    finally:
        wiring.close()


def _end_with_input(stop: Stop) -> None:
    sys.stdin.buffer.read()
    stop.request()


if __name__ == "__main__":
    sys.exit(main())
