"""What every contender of a benchmark says when it is done: objects, seconds, CPU, memory. Each runs in a process of its own.

`python -m tests.benchmarks.X ...` prints one line of JSON, which `run` reads. Measured is the reading itself, from the first request
to the last commit: neither the start of Python nor a check afterwards.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one contender. `shares` are seconds of its time by what it was spent on, `more` what only it knows."""

    objects: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    shares: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Objects a second."""
        return self.objects / self.seconds


class Stopwatch:
    """Measures this process from its making until `result`."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._cpu = _cpu()

    def result(self, objects: int, *, shares: dict[str, float] | None = None, **more: Any) -> Result:
        """What it took."""
        seconds, cpu = time.perf_counter() - self._began, _cpu() - self._cpu
        return Result(objects, round(seconds, 4), round(cpu, 4), round(peak_mib(), 1), shares or {}, more)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory that this process ever held."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tell(result: Result) -> None:
    """Print a result for `run` to read."""
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    sys.stdout.flush()


def run(
    module: str, *arguments: str, python: str = sys.executable, timeout: float = 900.0, env: dict[str, str] | None = None
) -> Result:
    """Run a contender in a process of its own; its complaints go to our stderr."""
    command = [python, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, timeout=timeout, check=True, text=True, env={**os.environ, **(env or {})}
    )
    return Result(**json.loads(done.stdout.splitlines()[-1]))


class Server:
    """The benchmark's server in a process of its own; `told` are its counts once it is closed."""

    def __init__(self, customers: int, *arguments: str) -> None:
        self.told: dict[str, Any] = {}
        command: Sequence[str] = [sys.executable, "-m", "tests.benchmarks.ingest_server", "--customers", str(customers), *arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def close(self) -> dict[str, Any]:
        """Stop it; gives its counts."""
        out, _ = self._process.communicate(timeout=30)
        self.told = json.loads(out.splitlines()[-1])
        return self.told
