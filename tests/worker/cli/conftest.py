"""The command as a user runs it: a process of its own with an environment of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business

NRR = str(Path(sys.executable).with_name("nrr"))


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as data."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def nrr(tmp_path: Path) -> Run:
    """Runs `nrr` in an empty folder with nothing set but what is given, as NAME=value."""

    def run(*arguments: str, **environment: str) -> Done:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env = {**kept, "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config"), **environment}
        done = subprocess.run([NRR, *arguments], capture_output=True, text=True, cwd=tmp_path, env=env, timeout=240, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def stripe() -> Iterator[Sandbox]:
    """A small business behind a local address."""
    with Sandbox(Business(customers=40, months=14, seed=3)) as sandbox:
        yield sandbox
