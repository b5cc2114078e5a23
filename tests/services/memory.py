"""A folder in memory for what tests write, where the machine has room for it: nothing here promises to outlive a failing machine.

SQLite waits for the disk at each commit, which is most of the time of a test that writes. Whoever is killed keeps what was written, in memory
as on a disk, so that all that is promised about processes that end at once is tried as before.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
ROOM_BYTES: Final = 4 << 30
"""So much of it must be free: a whole run needs about a quarter."""
_NAME: Final = "nrr-tests-"
_KEPT_SECONDS: Final = 3_600
"""So long a run that is over leaves its folder to be looked at."""


def write_to_memory(memory: Path = MEMORY) -> Callable[[], None] | None:
    """From now on this process, and each that it starts, has its temporary files in memory; gives what removes them.

    None where there is too little room, and where whoever started this process has said already where its files go.
    """
    _clear_up(memory)
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not _has_room(memory):
        return None
    folder = memory / f"{_NAME}{os.getpid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    for name in ("PYTEST_DEBUG_TEMPROOT", "TMPDIR"):
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)
    return lambda: shutil.rmtree(folder, ignore_errors=True)


def _has_room(memory: Path) -> bool:
    """Whether so much is free both of the file system, which may be smaller, and of memory, which others use as well."""
    try:
        free = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return ROOM_BYTES <= min(shutil.disk_usage(memory).free, int(free["MemAvailable"].split()[0]) << 10)
    except (OSError, KeyError, ValueError):
        return False


def _clear_up(memory: Path) -> None:
    """Remove the folders of runs that ended a while ago, and of such as were killed."""
    for folder in memory.glob(f"{_NAME}*"):
        with suppress(OSError):
            number = folder.name.removeprefix(_NAME)
            if number.isdigit() and not Path(f"/proc/{number}").exists() and folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
