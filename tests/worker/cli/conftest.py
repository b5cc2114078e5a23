"""The command with an environment and a folder of its own, and a small business to read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.worker.cli.command import Done, Run, bare_environment, in_a_process, in_process


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
