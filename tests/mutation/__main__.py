"""Would the tests notice? `make mutants` changes the definitions one slip at a time and runs the fitting tests against each.

    python -m tests.mutation                       a sample of each module (--sample N, --seed S)
    python -m tests.mutation --all                 every mutant
    python -m tests.mutation metrics/pricing/pricing.py    one module; --line N … only the mutants of these lines

Prints what survived, and ends with 1 when fewer than 95 % of a module's mutants are killed, those in `known` not counted. A mutant runs
in a forked process of its own; nothing on disk is ever changed. The tests run once without any mutant first: what was quick then comes
first, so that a mutant dies early, and how long each took says when one is a loop without end.
"""

import argparse
import contextlib
import io
import json
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
from typing import Final

import hypothesis
import polars as pl  # noqa: F401  # heavy: imported once, before the forks
import pytest

from tests.mutation.known import KNOWN
from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
LIVES = [
    "tests/metrics/test_lives.py",
    "tests/metrics/timeline/states/test_event_order.py",
    "tests/metrics/timeline/test_effective_dated.py",
    "tests/metrics/timeline/test_timeline.py",
    "tests/metrics/ledger/test_wake.py",
    "tests/metrics/ledger/test_explain.py",
    "tests/metrics/ledger/test_derive.py",
    "tests/oracle/test_engine.py",
]
PRICES = [
    "tests/metrics/pricing/test_amounts.py",
    "tests/metrics/pricing/test_pricing_cases.py",
    "tests/metrics/pricing/test_pricing.py",
    "tests/metrics/pricing/test_formula.py",
    "tests/oracle/test_pricing.py",
]
WINDOWS = [
    "tests/metrics/retention/test_aggregate.py",
    "tests/metrics/retention/test_reporting_currency.py",
    "tests/metrics/retention/test_changed.py",
    "tests/metrics/retention/analysis/test_cohorts.py",
    "tests/metrics/retention/analysis/test_insight.py",
]
TESTS: dict[str, list[str]] = {
    "metrics/pricing/pricing.py": PRICES,
    "metrics/pricing/amounts.py": PRICES,
    "metrics/pricing/discounts.py": PRICES,
    "metrics/timeline/timeline.py": LIVES,
    "metrics/timeline/eligibility.py": LIVES,
    "metrics/timeline/known_states.py": LIVES,
    "metrics/timeline/lines/invoice_history.py": LIVES,
    "metrics/timeline/marks.py": LIVES,
    "metrics/timeline/lines/points.py": LIVES,
    "metrics/timeline/states/sightings.py": LIVES,
    "metrics/timeline/lines/unpaid.py": LIVES,
    "metrics/timeline/states/event_order.py": LIVES,
    "metrics/timeline/effective_dated.py": LIVES,
    "metrics/timeline/causes.py": LIVES,
    "metrics/ledger/movements.py": LIVES,
    "metrics/retention/aggregate.py": WINDOWS,
}
CPU_SECONDS: Final = 900
WALL_SECONDS: Final = 1800
"""For all tests of a module."""
PATIENCE: Final = 4
"""A test may take so many times as long on a mutant as without one; what takes longer is a loop without end."""
FEWER: Final = {"NRR_HISTORIES": "60", "NRR_PART": "1/10"}
"""Random cases to try: fewer than a change has to pass, since what is written by hand should kill."""
GOAL: Final = 0.95


class Clock:
    """Knows how long each test takes: the quickest goes first, and none may take much longer."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known = known
        self.taken: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Without times they stay as they are."""
        items.sort(key=lambda item: self.known.get(item.nodeid, 0.0))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """The signal ends the process, and so kills the mutant; it counts the processor's time, which a busy machine doesn't lengthen."""
        if nodeid in self.known:
            signal.setitimer(signal.ITIMER_PROF, 5 + PATIENCE * self.known[nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up setup, call and teardown."""
        self.taken[report.nodeid] = self.taken.get(report.nodeid, 0.0) + report.duration


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


def survives(path: str, mutant: Mutant, known: dict[str, float], times: Path | None = None) -> bool:
    """Whether all tests pass on the mutant within the limits of time, of which `known` says how long each takes; written to `times` anew."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        clock = Clock(known)
        found = _judged(path, mutant, clock)
        if times is not None:
            times.write_text(json.dumps(clock.taken))
        os._exit(found)
    until = time.monotonic() + WALL_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def timed(path: str, source: str) -> dict[str, float] | None:
    """How long each test of a module takes without a mutant; None if they fail as it is."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        if not survives(path, Mutant(0, "", "", source), {}, times):
            return None
        known: dict[str, float] = json.loads(times.read_text())
        return known


def _judged(path: str, mutant: Mutant, clock: Clock) -> int:
    name = path.removesuffix(".py").replace("/", ".")
    sys.meta_path.insert(0, Mutated(name, mutant.source, ROOT / path))
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        os.environ |= {"HYPOTHESIS_STORAGE_DIRECTORY": folder, **FEWER}
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
        return int(pytest.main([*options, *(str(ROOT / test) for test in TESTS[path])], plugins=[clock]))


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
    parser.add_argument("--line", type=int, nargs="+", help="only the mutants of these lines")
    asked = parser.parse_args()
    missed = False
    for path in asked.modules:
        source = (ROOT / path).read_text()
        known = timed(path, source)
        if known is None:
            say(f"{path}: its tests fail as it is: nothing could be told from a mutant")
            return 1
        found = [m for m in mutants(source) if asked.line is None or m.line in asked.line]
        if not asked.all and len(found) > asked.sample:
            found = sorted(random.Random(asked.seed).sample(found, asked.sample), key=lambda m: m.line)  # a sample, no secret
        alive = []
        for mutant in found:
            if (path, mutant.before, mutant.after) not in KNOWN and survives(path, mutant, known):
                alive.append(mutant)
                say(f"{path}:{mutant.line}: survived\n    - {mutant.before}\n    + {mutant.after}")
        killed = len(found) - len(alive)
        missed = missed or killed < GOAL * len(found)
        say(f"{path}: {killed} of {len(found)} killed or known ({100 * killed / max(1, len(found)):.0f} %)")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
