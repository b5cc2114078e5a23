"""Celery's beat with a sign of life: each tick that was really sent touches a file, which the health check of a container or a unit looks at.

The database can't tell: a tick that nobody did may be a worker's fault, and a worker that is silent may be waiting for beat.
"""

import logging
import os
import time
from pathlib import Path
from typing import Any, Final

from celery.beat import Scheduler
from platformdirs import user_data_path

from integrations.private_files import private_file, private_folder

log = logging.getLogger(__name__)

NAME: Final = "beat-sent"


def sign_of_life() -> Path:
    """The file whose age is that of the last tick sent."""
    return user_data_path("nrr", appauthor=False) / NAME


def sent_seconds_ago() -> float | None:
    """How long ago a beat of this user on this machine has sent a tick; None if never."""
    try:
        return time.time() - sign_of_life().stat().st_mtime
    except OSError:
        return None


class WatchedScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Celery's scheduler in memory, which says when a message was taken."""

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        """Send, and remember that it was."""
        done = super().apply_async(entry, producer=producer, advance=advance, **kwargs)
        log.info("a tick was sent")
        try:
            path = sign_of_life()
            private_folder(path.parent)
            os.utime(private_file(path))
        except OSError:  # beat's work is sending; a folder that can't be written to is no reason to stop
            pass
        return done
