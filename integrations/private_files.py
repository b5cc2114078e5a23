"""Files that only their owner may read: what holds keys, figures or names is made so, and settings with keys that others can read are refused.

Windows has no such bits; there nothing is asked for and nothing refused.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

FILE: Final = 0o600
FOLDER: Final = 0o700


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for the owner alone; one that is there stays as it is."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=FOLDER, exist_ok=True)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file for the owner alone, unless it is there; one that is there stays as it is."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE))
    return path


@contextmanager
def written_privately(path: Path, mode: str = "w", **how: Any) -> Iterator[IO[Any]]:
    """A file to write anew that only its owner may read, whatever it was before and whatever the umask says.

    What is no file (a device, a pipe) is written to and keeps its mode: it is not ours.
    """

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags, FILE)
        if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, FILE)
        return descriptor

    with open(path, mode, opener=opener, **how) as file:  # Path.open knows no opener
        yield file


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """A place to write a file to that is under `path`, for its owner alone, once the block has ended well; before and after a failure `path` is as it was.

    A link stays a link: the file that it names is replaced. A device or a pipe takes what was written and is never replaced. Raises OSError.
    """
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with tempfile.TemporaryDirectory() as folder:
            content = Path(folder) / path.name
            yield private_file(content)
            with content.open("rb") as written, path.open("wb") as out:
                shutil.copyfileobj(written, out)
        return
    target = path.resolve()
    partial = target.with_name(f".{target.name}.part")
    try:
        with written_privately(partial, "wb"):
            pass
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def others_can_read(path: Path) -> bool:
    """Whether somebody else than the owner may read a file."""
    if os.name != "posix":
        return False
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
