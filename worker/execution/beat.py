"""Beat's sign of life: each tick that was really sent touches a file, which the health check of a container or a unit looks at.

The database can't tell: a tick that nobody did may be a worker's fault, and a worker that is silent may be waiting for beat.
"""

import logging
import os
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from integrations.private_files import private_file, private_folder

log = logging.getLogger(__name__)

NAME: Final = "beat-sent"


def sign_of_life() -> Path:
    """The file whose age is that of the last tick sent."""
    return user_data_path("nrr", appauthor=False) / NAME


def sent_seconds_ago(now: float) -> float | None:
    """How long before `now` (epoch) a beat of this user on this machine has sent a tick; None if never."""
    try:
        return now - sign_of_life().stat().st_mtime
    except OSError:
        return None


def sent() -> None:
    """Remember that a tick was taken just now."""
    log.info("a tick was sent")
    try:
        path = sign_of_life()
        private_folder(path.parent)
        os.utime(private_file(path))
    except OSError:  # beat's work is sending; a folder that can't be written to is no reason to stop
        pass
