"""Files that somebody hands us: as long as they may be, and no pipe is waited for without end."""

import os
import threading
from pathlib import Path

import pytest

from integrations import bounded_reading
from integrations.bounded_reading import read_bounded, read_text_bounded
from integrations.files.errors import BadFile
from integrations.files.text import read_table


def test_a_file_is_read_whole_or_refused(tmp_path: Path) -> None:
    """To the byte of its bound; one more is refused by name."""
    file = tmp_path / "a"
    file.write_bytes(b"x" * 3_000_000)
    assert b"x" * 3_000_000 == read_bounded(file, 3_000_000)
    with pytest.raises(OSError, match="more than the 2 MiB") as refused:
        read_bounded(file, 2_999_999)
    assert str(file) == refused.value.filename
    file.write_bytes(b"a\r\nb\rc\n")
    assert "a\nb\nc\n" == read_text_bounded(file, 100)


@pytest.mark.parametrize(("place", "said"), [("none", "No such file"), ("folder", "Is a directory")])
def test_what_is_no_file_is_an_error_of_the_system(tmp_path: Path, place: str, said: str) -> None:
    """Missing, or a folder: callers know one error."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=said):
        read_bounded(tmp_path / place, 100)


def test_a_pipe_is_as_good_as_a_file(tmp_path: Path) -> None:
    """Whoever writes into it may take some time, and write in pieces."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as into:
            for part in (b"rk_", b"live_", b"1" * 200_000):
                into.write(part)

    writer = threading.Thread(target=write)
    writer.start()
    assert b"rk_live_" + b"1" * 200_000 == read_bounded(pipe, 1_000_000)
    writer.join()


def test_a_pipe_into_which_nobody_writes_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence instead of waiting for ever."""
    monkeypatch.setattr(bounded_reading, "PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="nothing was written into this pipe"):
        read_bounded(tmp_path / "pipe", 100)


def test_an_export_without_an_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As what is wrong with the file that somebody gave."""
    monkeypatch.setattr("integrations.files.text.EXPORT", 1_000_000)
    with pytest.raises(BadFile, match="/dev/zero can't be read: it holds more than"):
        read_table(Path("/dev/zero"))
