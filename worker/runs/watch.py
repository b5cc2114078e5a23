"""Telling somebody who waits how far a run is that computes: its jobs write down what they have done, and here it is read.

Whoever else works on the run is counted too. Nothing is told where nobody looks.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integrations.store.db.engine import read
from integrations.store.work import jobs

Progress = Callable[[str, int], None]
"""Told of what was done: its stream, and how many objects more."""

EVERY_SECONDS: Final = 0.5


def quiet(_stream: str, _objects: int) -> None:
    """Nobody is told of progress."""


@contextmanager
def watched(engine: Engine, run: int, progress: Progress) -> Iterator[None]:
    """Tell `progress` of what the run's jobs have done, a few times a second and once more at the end, as long as the block lasts."""
    if progress is quiet:
        yield
        return
    told: dict[str, int] = {}

    def look() -> None:
        try:
            with read(engine) as connection:
                found = jobs.progress(connection, run)
        except SQLAlchemyError:
            return  # the run itself says what is wrong with the database
        for stream, (objects, _, _) in found.items():
            if objects > told.get(stream, 0):
                progress(stream, objects - told.get(stream, 0))
                told[stream] = objects

    try:
        with looking(look, EVERY_SECONDS):
            yield
    finally:
        look()


@contextmanager
def looking(look: Callable[[], None], every_seconds: float) -> Iterator[None]:
    """Call `look`, which raises nothing, again and again beside the block, for as long as that lasts."""
    over = threading.Event()

    def keep_looking() -> None:
        while not over.wait(every_seconds):
            look()

    watcher = threading.Thread(target=keep_looking, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(5.0)
