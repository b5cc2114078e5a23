"""The Celery application, and what lives as long as a worker's process.

A message is a nudge, the database is the record of work. So every message may be lost, doubled or late: early acknowledgement, no
result backend, no eta, countdown, retry or chord, and an expiry on everything that is sent. With early acknowledgement nothing is
ever unacknowledged, which also keeps Celery's consumer from giving up when Redis refuses connections while a message is open.

Nothing is read or opened on import: the configuration is asked for when Celery first needs it, and the engine and the readers of a
process are opened by its first task, after the pool has forked. Parent and children speak through two flags in shared memory, which
nobody can leave locked: "finish your page" on a stop, and "the schema is not ours any more", on which the worker ends with its own exit
code.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_bool
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawValue
from typing import Any, Final

from celery import Celery, signals
from celery.beat import Scheduler
from celery.exceptions import SoftTimeLimitExceeded
from celery.utils.nodenames import worker_direct
from celery.worker import state as celery_state
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from integrations.store.db.engine import begin
from integrations.store.migrate import NotMigrated
from integrations.store.work import workers
from worker.config.celery_config import QUEUE, SEEN, WORK, celery_settings
from worker.config.load import load_settings
from worker.config.settings import BadSettings, Settings
from worker.execution import beat, masking
from worker.execution import log as logging
from worker.execution.log import logger
from worker.runs.tick import Ticked
from worker.wiring.wiring import Wiring, open_wiring, standing

log = logger(__name__)

OUTDATED_EXIT: Final = 10
"""How a worker ends whose database is at another schema than the one that it knows."""

LISTEN_SECONDS: Final = 0.25
MOST_HANDS: Final = 16
"""Nudges that one tick sends at most: more processes than that are woken by the next one."""


def _configuration() -> dict[str, Any]:
    settings = load_settings()
    return celery_settings(redis_address(settings), prefix=settings.redis_prefix, tick_seconds=settings.tick_seconds)


def redis_address(settings: Settings) -> str:
    """Where messages travel. Raises BadSettings when nothing is set."""
    if settings.redis_url is None:
        raise BadSettings(
            [
                "REDIS_URL is not set: workers need it for their messages. Without Redis, `nrr sync` and `nrr nightly` do the same work"
            ]
        )
    return settings.redis_url.get_secret_value()


app: Final = Celery("nrr", include=["worker.tasks"])
app.add_defaults(_configuration)


# --- what a pool's child has -----------------------------------------------------------------------------------------------------


@dataclass
class _Shared:
    """The flags between parent and children, made before the pool forks."""

    stopping: Any = None
    outdated: Any = None
    node: str = "nrr"


_shared: Final = _Shared()
_mine: Final[dict[str, Wiring]] = {}
_opening: Final = threading.Lock()


@contextmanager
def wired() -> Iterator[Wiring]:
    """What this process works with, opened by its first task. What goes wrong with the database is told in one line: the next message
    finds it better, or the same."""
    try:
        yield _wiring()
    except NotMigrated as error:
        log.error("database_not_migrated", error=str(error))  # noqa: TRY400  # its message says it all
        if _shared.outdated is not None:
            _shared.outdated.value = True
    except SoftTimeLimitExceeded:
        log.error("task_took_too_long", node=_shared.node)  # noqa: TRY400  # where it was says nothing
        _drop()
    except SQLAlchemyError as error:
        log.warning("task_gave_up", error=f"{type(error).__name__}: {error}")


def _wiring() -> Wiring:
    with _opening:
        if "wiring" not in _mine:
            _mine["wiring"] = standing(open_wiring(load_settings()), _shared.node)
        return _mine["wiring"]


def _drop() -> None:
    """Whatever is stuck hears that it should stop; the next task begins with a wiring of its own."""
    with _opening:
        dropped = _mine.pop("wiring", None)
    if dropped is not None:
        dropped.stop.request()


def seen() -> None:
    """Send this worker's heartbeat."""
    with wired() as wiring, begin(wiring.engine) as connection:
        workers.seen(connection, _shared.node, {})


def nudge(found: Ticked, *, tick_seconds: int) -> None:
    """Wake as many processes as there is work for, and ask each worker for a heartbeat. A nudge that can't be sent is lost."""
    try:
        for _ in range(min(found.claimable, MOST_HANDS)):
            app.send_task(WORK, queue=QUEUE, expires=max(1, tick_seconds))
        for name in found.workers:
            app.send_task(SEEN, queue=worker_direct(name), expires=max(30, 2 * tick_seconds))
    except OperationalError as error:
        log.info("nudge_not_sent", error=type(error).__name__)  # that Redis is away is told once, by who listens to it


class WatchedScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Celery's scheduler in memory, which says when a message was taken."""

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        """Send, and remember that it was. Raises what sending raises."""
        done = super().apply_async(entry, producer=producer, advance=advance, **kwargs)
        beat.sent()
        return done


# --- the life of a worker --------------------------------------------------------------------------------------------------------


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def _set_logging_up(**_: Any) -> None:
    settings = load_settings()
    masking.keep_secret(*settings.secrets())
    logging.configure(style=settings.log_format, level=logging.level_of(settings.log_level, standing=True))


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _before_forking(sender: Any = None, **_: Any) -> None:
    if sys.__stdout__ is not None and not sys.__stdout__.isatty():
        sys.__stdout__ = None  # type: ignore[misc]  # Celery's handlers of signals write plain lines there, amid the log's
    _shared.stopping = RawValue(c_bool, False)
    _shared.outdated = RawValue(c_bool, False)
    _shared.node = str(sender.hostname)


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_children(how: str = "", **_: Any) -> None:
    """Hand the wish to stop on, and say in the format of all lines what Celery says in one of its own."""
    log.info("worker_stopping", how=how.lower())
    if _shared.stopping is not None:
        _shared.stopping.value = True


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _watch_children(**_: Any) -> None:
    """End the worker, with the exit code that says why, as soon as a child has found the schema changed."""

    def watch() -> None:
        while not _shared.outdated.value:
            if over.wait(LISTEN_SECONDS):
                return
        _shared.stopping.value = True
        celery_state.should_stop = OUTDATED_EXIT

    threading.Thread(target=watch, name="watch", daemon=True).start()


over: Final = threading.Event()
"""Set when the worker's own process is about to end."""


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _listen_to_parent(**_: Any) -> None:
    """In a child, just forked: whatever the parent had open is the parent's, and its wish to stop is ours."""
    _mine.clear()

    def listen() -> None:
        seen()
        while not _shared.stopping.value:
            time.sleep(LISTEN_SECONDS)
        wiring = _mine.get("wiring")
        if wiring is not None:
            wiring.stop.request()

    threading.Thread(target=listen, name="listen", daemon=True).start()


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]
def _say_goodbye(**_: Any) -> None:
    """A worker that ends in order need not be looked for."""
    over.set()
    try:
        wiring = open_wiring(load_settings())
        try:
            with begin(wiring.engine) as connection:
                workers.gone(connection, _shared.node)
        finally:
            wiring.close()
    except (SQLAlchemyError, BadSettings) as error:
        log.warning("worker_not_removed", error=type(error).__name__)
