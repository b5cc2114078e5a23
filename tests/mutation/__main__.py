"""Would the tests notice? `make mutants` changes the definitions one slip at a time and runs the fitting tests against each.

    python -m tests.mutation                       a sample of each module (--sample N, --seed S)
    python -m tests.mutation --all                 every mutant
    python -m tests.mutation metrics/pricing.py    one module; --line N only the mutants of a line

Prints what survived, and ends with 1 when fewer than 95 % of a module's mutants are killed, those in `known` not counted. A mutant runs
in a forked process of its own under a time limit; nothing on disk is ever changed.
"""

import argparse
import contextlib
import io
import os
import random
import resource
import signal
import sys
import tempfile
import time
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import hypothesis
import polars as pl  # noqa: F401  # heavy: imported once, before the forks
import pytest

from tests.mutation.known import KNOWN
from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
WORDS = [f"tests/metrics/test_{name}.py" for name in ("lives", "timeline", "wake", "explain", "derivation")]
LIVES = [*WORDS, "tests/reference/test_engine.py"]
PRICES = [
    "tests/metrics/test_amounts.py",
    "tests/metrics/test_pricing_cases.py",
    "tests/metrics/test_pricing.py",
    "tests/reference/test_pricing.py",
]
WINDOWS = ["tests/metrics/test_retention.py", "tests/metrics/test_currencies.py"]
TESTS: dict[str, list[str]] = {
    "metrics/pricing.py": PRICES,
    "metrics/amounts.py": PRICES,
    "metrics/discounts.py": PRICES,
    "metrics/timeline.py": LIVES,
    "metrics/counting.py": LIVES,
    "metrics/assembly.py": LIVES,
    "metrics/history.py": LIVES,
    "metrics/ordering.py": LIVES,
    "metrics/timed.py": LIVES,
    "metrics/causes.py": LIVES,
    "metrics/movements.py": LIVES,
    "metrics/retention.py": WINDOWS,
}
CPU_SECONDS = 90
WALL_SECONDS = 900
"""Time runs out for a loop without end; a busy machine must not look like one."""
GOAL = 0.95


class Mutated(MetaPathFinder, Loader):
    """Imports one module from a changed source, whatever lies on disk."""

    def __init__(self, name: str, source: str, path: Path) -> None:
        self.name, self.source, self.path = name, source, path

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Only the one module."""
        return ModuleSpec(name, self, origin=str(self.path)) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)  # our own module, with one node changed


def survives(path: str, mutant: Mutant, tests: list[str]) -> bool:
    """Whether all tests pass on the mutant within the limits of time."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        os._exit(_judged(path, mutant, tests))
    until = time.monotonic() + WALL_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _judged(path: str, mutant: Mutant, tests: list[str]) -> int:
    name = path.removesuffix(".py").replace("/", ".")
    sys.meta_path.insert(0, Mutated(name, mutant.source, ROOT / path))
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        os.environ |= {"HYPOTHESIS_STORAGE_DIRECTORY": folder, "NRR_HISTORIES": "150"}
        explicit, generate = hypothesis.Phase.explicit, hypothesis.Phase.generate
        hypothesis.settings.register_profile("mutants", phases=[explicit, generate], database=None, derandomize=True)
        hypothesis.settings.load_profile("mutants")
        options = [
            "-x",
            "-q",
            "--assert=plain",
            "--noconftest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            "-p",
            "no:xdist",
            "-o",
            "addopts=",
        ]
        return int(pytest.main([*options, *(str(ROOT / test) for test in tests)]))


def say(text: str) -> None:
    """A line for whoever waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the mutants asked for and tell which survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="of metrics/ (default: all that are covered)")
    parser.add_argument("--all", action="store_true", help="every mutant instead of a sample")
    parser.add_argument("--sample", type=int, default=40, help="mutants of each module (default: 40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--line", type=int, help="only the mutants of this line")
    asked = parser.parse_args()
    missed = False
    for path in asked.modules:
        source = (ROOT / path).read_text()
        if not survives(path, Mutant(0, "", "", source), TESTS[path]):
            say(f"{path}: its tests fail as it is: nothing could be told from a mutant")
            return 1
        found = [m for m in mutants(source) if asked.line in (None, m.line)]
        if not asked.all and len(found) > asked.sample:
            found = sorted(random.Random(asked.seed).sample(found, asked.sample), key=lambda m: m.line)  # a sample, no secret
        alive = []
        for mutant in found:
            if (path, mutant.before, mutant.after) not in KNOWN and survives(path, mutant, TESTS[path]):
                alive.append(mutant)
                say(f"{path}:{mutant.line}: survived\n    - {mutant.before}\n    + {mutant.after}")
        killed = len(found) - len(alive)
        missed = missed or killed < GOAL * len(found)
        say(f"{path}: {killed} of {len(found)} killed or known ({100 * killed / max(1, len(found)):.0f} %)")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
