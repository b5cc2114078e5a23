"""Files that appear whole, for their owner alone, and only where a file can be."""

import os
import stat
import threading
from pathlib import Path

import pytest

from integrations.private_files import written_atomically, written_privately


def test_a_file_appears_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Until it is whole, what was there before stays; then it has the owner's rights alone, whatever it had before."""
    out = tmp_path / "book.csv"
    out.write_text("before")
    out.chmod(0o644)
    with written_atomically(out) as place:
        place.write_text("after")
        assert "before" == out.read_text()
    assert ("after", 0o600) == (out.read_text(), stat.S_IMODE(out.stat().st_mode))
    assert [out] == list(tmp_path.iterdir())


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """The file of before, and nothing half written beside it."""
    out = tmp_path / "book.csv"
    out.write_text("before")
    with pytest.raises(OSError, match="no space"):
        _half(out)
    assert ("before", [out]) == (out.read_text(), list(tmp_path.iterdir()))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it names is the new one."""
    kept, out = tmp_path / "kept.csv", tmp_path / "book.csv"
    kept.write_text("before")
    out.symlink_to(kept)
    with written_atomically(out) as place:
        place.write_text("after")
    assert (True, "after") == (out.is_symlink(), kept.read_text())


def test_a_pipe_takes_what_is_written_and_stays_a_pipe(tmp_path: Path) -> None:
    """As /dev/null does, which a superuser's `--out /dev/null` must never replace or close to others."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o666)
    pipe.chmod(0o666)
    for write in (_whole, _straight):
        read: list[str] = []
        reader = threading.Thread(target=lambda into=read: into.append(pipe.read_text()), daemon=True)
        reader.start()
        write(pipe)
        reader.join(10)
        assert (["rows"], True, 0o666) == (read, pipe.is_fifo(), stat.S_IMODE(pipe.stat().st_mode))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(IsADirectoryError), written_atomically(tmp_path):
        pass


def _half(path: Path) -> None:
    with written_atomically(path) as place:
        place.write_text("half")
        raise OSError("no space")


def _whole(path: Path) -> None:
    with written_atomically(path) as place:
        place.write_text("rows")


def _straight(path: Path) -> None:
    with written_privately(path) as file:
        file.write("rows")
