"""The command with an environment and a folder of its own, and a small business to read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.worker.cli.command import Done, Run, bare_environment, in_a_process, in_process

CONCERN_NOW: Final = "2026-11-30T13:00:00Z"


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is set and nothing of a person's own is found."""
    return {**bare_environment(), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.fixture
def nrr(tmp_path: Path, alone: dict[str, str]) -> Run:
    """Runs `nrr` in an empty folder with nothing set but what is given, as NAME=value."""

    def run(*arguments: str, **environment: str) -> Done:
        return in_process(*arguments, folder=tmp_path, environment={**alone, **environment})

    return run


@pytest.fixture
def shell(tmp_path: Path, alone: dict[str, str]) -> Run:
    """The same by a process of its own: for what only a process shows."""

    def run(*arguments: str, **environment: str) -> Done:
        return in_a_process(*arguments, folder=tmp_path, environment={**alone, **environment})

    return run


@pytest.fixture(scope="session")
def stripe() -> Iterator[Sandbox]:
    """A small business behind a local address."""
    with Sandbox(Business(customers=40, months=14, seed=3)) as sandbox:
        yield sandbox


@dataclass(frozen=True)
class Concern:
    """The demo's business in a folder of its own, and the commands run in it an hour after it was read."""

    folder: Path
    environment: dict[str, str]
    said: str
    """What the demo printed."""

    def __call__(self, *arguments: str, now: str | None = CONCERN_NOW, **more: str) -> Done:
        pretended = () if now is None else ("--now", now)
        return in_process(*arguments, *pretended, folder=self.folder, environment={**self.environment, **more})


@pytest.fixture(scope="session")
def concern(tmp_path_factory: pytest.TempPathFactory) -> Concern:
    """The demo, run once for all tests that only read: 120 customers, whose bad month is October 2026."""
    folder = tmp_path_factory.mktemp("concern")
    environment = {**bare_environment(), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    asked = ("demo", "--customers", "120", "--months", "26", "--now", "2026-11-30T12:00:00Z")
    done = in_process(*asked, folder=folder, environment=environment)
    assert 0 == done.code, done.err
    return Concern(folder / ".demo", environment, done.out)
