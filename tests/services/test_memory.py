"""Where tests write."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.services import memory


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has been told nothing of where to write."""
    for name in ("PYTEST_DEBUG_TEMPROOT", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())


def test_a_process_writes_to_memory_and_so_do_those_that_it_starts(
    elsewhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One folder, which is gone when it is said so; whoever is started finds it and makes none of its own."""
    monkeypatch.setattr(memory, "ROOM_BYTES", 0)
    remove = memory.write_to_memory(tmp_path)
    assert remove is not None
    (folder,) = tmp_path.iterdir()
    ask = "import tempfile; print(tempfile.gettempdir())"
    there = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    assert [str(folder)] * 3 == [tempfile.gettempdir(), os.environ["PYTEST_DEBUG_TEMPROOT"], there]
    assert None is memory.write_to_memory(tmp_path)
    remove()
    assert [] == list(tmp_path.iterdir())


def test_without_room_the_disk_is_written_to(elsewhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container with a few megabytes of shared memory, or a system that has none, runs the tests as well."""
    monkeypatch.setattr(memory, "ROOM_BYTES", 1 << 60)
    assert None is memory.write_to_memory(tmp_path)
    assert None is memory.write_to_memory(tmp_path / "none")
    assert "PYTEST_DEBUG_TEMPROOT" not in os.environ


def test_what_a_killed_run_left_goes_after_a_while(elsewhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not that of one that is under way, nor of one that ended a moment ago, nor what is somebody else's."""
    monkeypatch.setattr(memory, "ROOM_BYTES", 1 << 60)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name, age in ((f"{ended.pid}", 2), (f"{ended.pid + (1 << 23)}", 0), (f"{os.getpid()}", 2), ("mine", 2)):
        made = tmp_path / f"nrr-tests-{name}"
        made.mkdir()
        at = made.stat().st_mtime - age * 3_600
        os.utime(made, (at, at))
    memory.write_to_memory(tmp_path)
    assert {f"nrr-tests-{ended.pid + (1 << 23)}", f"nrr-tests-{os.getpid()}", "nrr-tests-mine"} == {
        p.name for p in tmp_path.iterdir()
    }
