"""Reading files that somebody names: a secret, settings, rates, an export. Bounded in size and in time, whatever the path turns out to be.

`/dev/zero` has no end, a pipe into which nobody writes has no beginning; a pipe that somebody does write into (`<(pass show stripe)`) is as
good as a file, once.
"""

import errno
import os
import select
import stat
from pathlib import Path
from typing import Final

SECRET: Final = 64 * 1024
"""Bytes of a password or a key."""
SETTINGS: Final = 4 * 1024**2
RATES: Final = 64 * 1024**2
EXPORT: Final = 512 * 1024**2
"""Figures of another tool's, or our own."""
PIPE_SECONDS: Final = 30.0
"""For so long a pipe may say nothing."""
_AT_ONCE: Final = 1024**2


def read_bounded(path: Path, at_most: int) -> bytes:
    """What a file holds. Raises OSError, also where it holds more than `at_most` bytes or a pipe says nothing for half a minute."""
    found = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    try:
        waits = stat.S_ISFIFO(os.fstat(found).st_mode)
        parts: list[bytes] = []
        size = 0
        while True:
            if waits and not select.select([found], [], [], PIPE_SECONDS)[0]:
                raise OSError(errno.ETIMEDOUT, f"nothing was written into this pipe for {PIPE_SECONDS:g} seconds", str(path))
            part = os.read(found, min(_AT_ONCE, at_most + 1 - size))
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > at_most:
                raise OSError(errno.EFBIG, f"it holds more than the {_told(at_most)} that are read of such a file", str(path))
    finally:
        os.close(found)


def read_text_bounded(path: Path, at_most: int) -> str:
    """The same as text in UTF-8, line ends as they are read. Raises OSError and UnicodeDecodeError."""
    return read_bounded(path, at_most).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _told(size: int) -> str:
    return f"{size // 1024**2:,} MiB" if size >= 1024**2 else f"{size // 1024:,} KiB"
