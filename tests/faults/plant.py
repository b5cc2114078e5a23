"""A whole installation of processes on this machine, to be broken: PostgreSQL, Redis, a sandbox, Celery workers and beat.

Everything is real and everything is this test's own; each process is stopped by its own pid. What the product is not told by its
settings it is not told at all: the only difference from an installation are short times, so that a fault's end is seen within seconds.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, text

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import open_engine, read
from integrations.store.work import jobs, runs
from tests.integrations.store import dump
from tests.services.redis import RedisServer

ROOT = Path(__file__).resolve().parents[2]
BUSINESS = Business(customers=130, months=6, seed=11)
"""Small, and yet of more than one page in every list that matters."""

_STACKS = """import faulthandler, signal
faulthandler.register(signal.SIGUSR2, all_threads=True)
"""
"""What every process of an installation runs at its start, so that one that hangs can be asked where."""

Condition = Callable[[], Any]


class TooLate(AssertionError):
    """What should have come about did not, in the time that it had."""


def until(condition: Condition, seconds: float, what: str, every: float = 0.1) -> Any:
    """Wait for a condition and give its value. Raises TooLate."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(psycopg.OperationalError):
            found = condition()
            if found:
                return found
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not after {seconds:g} seconds")
        time.sleep(every)


@dataclass
class Process:
    """One process of the product's, with what it printed."""

    name: str
    popen: "subprocess.Popen[bytes]"
    output: Path

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.popen.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        """Wait for its end; its exit code. Raises TooLate."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.tell_where()
            raise TooLate(f"{self.name} did not end within {seconds:g} seconds:\n{self.said()[-8000:]}") from None

    def tell_where(self) -> None:
        """Have it and its children print the stacks of all their threads."""
        for pid in (self.pid, *self.children()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR2)
                time.sleep(0.3)

    def children(self) -> list[int]:
        """The pids of its children."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """It and its children are stopped for a while, and remember everything."""
        stopped = [self.pid, *self.children()]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def said(self) -> str:
        """Everything that it printed."""
        return self.output.read_text(errors="replace")

    def end(self) -> None:
        """Kill it if it still lives, stopped or not."""
        if self.popen.poll() is None:
            for pid in self.children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.popen.kill()
            self.popen.wait(10)


@dataclass
class Plant:
    """The installation. `environment` is what every process of it gets."""

    folder: Path
    database: str
    redis: RedisServer
    stripe: Sandbox
    environment: dict[str, str]
    engine: Engine
    processes: list[Process] = field(default_factory=list)

    # --- processes ---------------------------------------------------------------------------------------------------------------

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """Start Python with these arguments in the installation's environment."""
        output = self.folder / f"{name}-{uuid.uuid4().hex[:6]}.log"
        with output.open("wb") as file:
            popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**self.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(name, popen, output)
        self.processes.append(process)
        return process

    def worker(self, name: str = "one", *, processes: int = 2, switch: str = "", **environment: str) -> Process:
        """A Celery worker. `switch` names the defences that are switched off in it, see `tests.faults.broken`."""
        special = bool(switch) or any(key.startswith("NRR_TEST_") for key in environment)
        app = "tests.faults.broken" if special else "worker.app"
        more = {**environment, **({"NRR_TEST_BROKEN": switch} if switch else {})}
        return self.start(
            name,
            "-m",
            "celery",
            "-A",
            app,
            "worker",
            "-n",
            f"{name}@test",
            "--concurrency",
            str(processes),
            "--without-gossip",
            "--without-mingle",
            environment=more,
        )

    def beat(self, **environment: str) -> Process:
        """Celery's beat."""
        return self.start("beat", "-m", "celery", "-A", "worker.app", "beat", "--max-interval", "1", environment=environment)

    def command(self, *words: str, **environment: str) -> Process:
        """A command of nrr's."""
        code = "import sys; sys.argv[0] = 'nrr'; from worker.cli.main import run; run()"
        return self.start("nrr-" + "-".join(words[:2]), "-c", code, *words, environment=environment)

    def close(self) -> None:
        """End every process."""
        for process in self.processes:
            process.end()
        self.engine.dispose()

    # --- looking -----------------------------------------------------------------------------------------------------------------

    def dump(self, *, derived: bool = True) -> list[str]:
        """The whole content, in canonical order."""
        with read(self.engine) as connection:
            return list(dump.canonical(connection, derived=derived))

    def query(self, statement: str, **values: Any) -> list[Any]:
        """Rows of a statement."""
        with read(self.engine) as connection:
            return list(connection.execute(text(statement), values))

    def runs(self, kind: str, status: str | None = None) -> int:
        """How many runs of a kind there are."""
        with read(self.engine) as connection:
            return len(runs.latest(connection, kind=kind, status=status, limit=1000))

    def open_jobs(self) -> dict[str, int]:
        """Jobs that aren't finished, by status."""
        with read(self.engine) as connection:
            return dict(jobs.summary(connection).by_status)

    def pages(self) -> int:
        """How many pages were stored."""
        return int(self.query("SELECT coalesce(sum(pages), 0) FROM job")[0][0])

    def settled(self) -> bool:
        """Whether nothing is left to be done: an account was read, everybody is derived, the night is made up for, no job is open."""
        if (
            self.open_jobs()
            or self.query("SELECT 1 FROM run WHERE status = 'running'")
            or self.query("SELECT 1 FROM touched LIMIT 1")
        ):
            return False
        return bool(self.runs("sync", "done") and self.runs("nightly", "done"))

    def settle(self, seconds: float = 90.0) -> None:
        """Wait until nothing is left to be done. Raises TooLate with what the processes said."""
        try:
            until(self.settled, seconds, "everything is done", every=0.3)
        except TooLate as error:
            raise TooLate(f"{error}\n{self.standing_still()}") from None

    def standing_still(self) -> str:
        """What isn't done, and where every process is, with the end of what it printed."""
        for process in self.processes:
            process.tell_where()
        said = "\n".join(f"--- {p.name}\n{p.said()[-5000:]}" for p in self.processes)
        stuck = self.query("SELECT id, run_id, kind, stream, status, attempts, last_error FROM job WHERE status <> 'done' LIMIT 20")
        open_runs = self.query("SELECT id, kind, status, params FROM run WHERE status <> 'done' LIMIT 20")
        return f"{stuck}\n{open_runs}\n{said}"

    def moved(self) -> tuple[int, ...]:
        """Changes whenever anything is got done: pages stored, jobs done, runs ended, customers still to be derived."""
        counts = (
            "SELECT coalesce(sum(pages), 0) FROM job",
            "SELECT count(*) FROM job WHERE status = 'done'",
            "SELECT count(*) FROM run WHERE status <> 'running'",
            "SELECT count(*) FROM touched",
        )
        return tuple(int(self.query(each)[0][0]) for each in counts)


def environment(folder: Path, database: str, redis_url: str, stripe: Sandbox, **more: str) -> dict[str, str]:
    """The settings of an installation with short times."""
    path = os.environ.get("PATH", "")
    return {
        "PATH": path,
        "HOME": str(folder),
        "PYTHONPATH": f"{ROOT}:{folder}",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder),
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "STRIPE_API_BASE": stripe.url,
        "STRIPE_API_KEY": stripe.key,
        "NRR_RATES_URL": "off",
        "NRR_TICK_SECONDS": "1",
        "NRR_LEASE_SECONDS": "6",
        "NRR_ATTEMPTS": "20",
        "NRR_THREADS": "6",
        "NRR_SHARDS": "4",
        "XDG_RUNTIME_DIR": str(folder),
        "NRR_LOG_FORMAT": "json",
        "NRR_LOG_LEVEL": "debug",
        **more,
    }


@contextmanager
def standing(folder: Path, database: str, redis: RedisServer, stripe: Sandbox, **more: str) -> Iterator[Plant]:
    """An installation over a fresh database, without processes yet."""
    engine = open_engine(database)
    migrate.upgrade(engine)
    (folder / "sitecustomize.py").write_text(_STACKS)
    plant = Plant(folder, database, redis, stripe, environment(folder, database, redis.url, stripe, **more), engine)
    try:
        yield plant
    finally:
        plant.close()


def differences(expected: Sequence[str], found: Sequence[str]) -> str:
    """The first lines that only one of two dumps has, empty when they are the same."""
    if list(expected) == list(found):
        return ""
    missing, surplus = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    doubled = len(found) - len(set(found))
    return f"{len(missing)} missing {missing[:3]}; {len(surplus)} too many {surplus[:3]}; {doubled} doubled"
