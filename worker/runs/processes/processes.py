"""Processes beside a command: as many as there are cores, for as long as its runs have parts that compute.

Python computes on one core a process. So while a run has jobs waiting that compute (`process.KINDS`), or lists to be read of an account that
may be asked for more than one process decodes, further processes are started that claim them as any worker would, under leases of their own.
Nothing depends on them: one that dies leaves a lease that is ended here as soon as its death is certain, and a command without any does the
same jobs by itself.
"""

import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from integrations.store.db.engine import begin, read
from integrations.store.work import jobs
from worker.execution.crew import LISTING
from worker.execution.log import logger
from worker.runs.processes.process import KINDS, Given
from worker.wiring.wiring import Wiring

log = logger(__name__)

COMMAND: Final = (sys.executable, "-P", "-m", "worker.runs.processes.process")
"""`-P`: what lies in the current folder is not what is run."""
READING_COMMAND: Final = (sys.executable, "-P", "-m", "worker.runs.reading_process")
EVERY_SECONDS: Final = 0.3
WORTH: Final = {"derive_shard": 1, "derive_touched": 1, "rollup_part": 4}
WORTH_STARTING: Final = 4
"""A process takes a second or two to begin: so much must be waiting for each (a thousand customers to derive are 1)."""
READ_BEFORE: Final = 5_000
"""A run that has read fewer objects is over soon, as that of every night is: no process is started for it."""
FAILURES: Final = 2
"""After so many that ended badly no further one is started: whatever it is, the command goes on by itself."""
LEAVING_SECONDS: Final = 10.0
"""So long a process has to give back what it holds before it is ended."""

Worth = Callable[[Connection, Sequence[int]], "int | None"]
"""How many processes are of use to some runs now; None when there is nothing left for any."""


def computing(connection: Connection, wanted: Sequence[int]) -> int | None:
    """How many processes what waits to be computed is worth."""
    waiting, are_open = jobs.waiting(connection, wanted, KINDS)
    if not are_open:
        return None
    return sum(WORTH[kind] * count for kind, count in waiting.items()) // WORTH_STARTING


def reading(connection: Connection, wanted: Sequence[int]) -> int | None:
    """As many as there may be, once so much is read that more is likely to follow; None when no list is left."""
    _, are_open = jobs.waiting(connection, wanted, [LISTING])
    if not are_open:
        return None
    read_so_far = sum(objects for run in wanted for objects, _, _ in jobs.progress(connection, run).values())
    return sys.maxsize if read_so_far >= READ_BEFORE else 0


class Processes:
    """The processes beside one command, watched by a thread of their own. `told` hears how many there are."""

    def __init__(
        self,
        wiring: Wiring,
        wanted: Sequence[int],
        at_most: int,
        told: Callable[[int], None],
        *,
        command: Sequence[str] = COMMAND,
        worth: Worth = computing,
    ) -> None:
        self._wiring, self._wanted, self._at_most, self._told, self._command = wiring, tuple(wanted), at_most, told, command
        self._worth = worth
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        """By the name under which they hold jobs."""
        self._failures = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="processes", daemon=True)

    def start(self) -> None:
        """Begin to look whether more hands are of use."""
        self._thread.start()

    def close(self) -> None:
        """End them all; what they held is free for others."""
        self._over.set()
        self._thread.join()
        self._end()

    def _keep(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            try:
                self._look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("processes_not_looked_after", error=f"{type(error).__name__}: {error}")

    def _look(self) -> None:
        for owner, process in list(self._running.items()):
            if process.poll() is not None:
                self._ended(owner, process)
        with read(self._wiring.engine) as connection:
            worth = self._worth(connection, self._wanted)
        if worth is None:
            self._end()
            return
        while len(self._running) < min(self._at_most, worth) and self._failures < FAILURES:
            self._begin()

    def _begin(self) -> None:
        wiring = self._wiring
        assert wiring.settings is not None, "what has no settings works alone"
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        given = Given(wiring.settings, owner, self._wanted, wiring.basis, wiring.kept, wiring.pretended)
        process = subprocess.Popen(  # ourselves, with nothing of anybody's on the command line
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the command's to hear, which then ends them in good order
        )
        self._running[owner] = process
        self._told(len(self._running))
        log.info("process_started", owner=owner, pid=process.pid)
        assert process.stdin is not None
        try:
            process.stdin.write(pickle.dumps(given))
            process.stdin.flush()
        except BrokenPipeError:
            self._ended(owner, process)

    def _ended(self, owner: str, process: subprocess.Popen[bytes]) -> None:
        """It is dead for certain: nobody waits for its leases to run out."""
        code = process.wait()
        with begin(self._wiring.engine) as connection:
            left = jobs.end_leases(connection, owner)
        _close_input(process)
        self._running.pop(owner, None)
        self._told(len(self._running))
        if code or left:
            self._failures += code != 0
            log.warning("process_ended", owner=owner, code=code, jobs_left=left, why="its jobs are done by others")

    def _end(self) -> None:
        for process in self._running.values():
            _close_input(process)
        for owner, process in list(self._running.items()):
            try:
                process.wait(LEAVING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            try:
                self._ended(owner, process)
            except SQLAlchemyError as error:  # the lease runs out by itself then
                log.warning("leases_not_ended", owner=owner, error=type(error).__name__)


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except BrokenPipeError:
            return


@contextmanager
def beside(wiring: Wiring, wanted: Sequence[int] | None, told: Callable[[int], None]) -> Iterator[None]:
    """Let further processes compute for the runs `wanted` for as long as the block lasts, where the installation's settings want it.

    The processes of a standing worker are as many as they should be already.
    """
    if wanted is None or wiring.settings is None or wiring.terms.standing or wiring.processes < 2:
        yield
        return
    started = [Processes(wiring, wanted, wiring.processes - 1, told)]
    if wiring.reading_processes > 1:
        started.append(Processes(wiring, wanted, wiring.reading_processes - 1, _not_told, command=READING_COMMAND, worth=reading))
    for processes in started:
        processes.start()
    try:
        yield
    finally:
        for processes in started:
            processes.close()


def _not_told(_count: int) -> None:
    """Those who read beside the command change nothing for it."""
