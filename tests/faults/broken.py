"""The worker's application with a defence switched off, or with a death at a chosen moment: for tests, started only by them.

    celery -A tests.faults.broken worker

`NRR_TEST_BROKEN` names what is switched off (see SWITCHES); a test of a defence must fail with its switch. `NRR_TEST_DIE` is
`WHEN:NUMBER[:WHOM]`: the process (or its parent) is killed at once before or after the n-th time that pages are committed, once in the
life of the installation. `NRR_TEST_CLOCK` sets this process's clock ahead by so many seconds. Nothing of the product knows of this module.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import redis
from sqlalchemy import Connection, false, update

from integrations.store import migrate
from integrations.store.db.clock import due_at, now
from integrations.store.db.engine import begin, read
from integrations.store.work import jobs, runs
from integrations.store.work.schema import job as job_table
from integrations.stripe import client
from integrations.stripe.decode.parsing import Garbled, Parsed
from worker import tasks
from worker.app import app
from worker.execution import crew
from worker.ingest import writer
from worker.runs import steps, tick

__all__ = ["app", "tasks"]


def _swap(where: Any, name: str, value: Any) -> None:
    """Put something else in the place of a part of the product."""
    assert hasattr(where, name), f"{where} has no {name} any more: this switch is out of date"
    setattr(where, name, value)


# --- defences, switched off ------------------------------------------------------------------------------------------------------


def fence() -> None:
    """Whoever held a job once may commit for ever."""

    def held(connection: Connection, job: jobs.Job, values: Any, *, from_there: bool = False) -> None:  # as it is called
        connection.execute(update(job_table).where(job_table.c.id == job.id).values(**values))

    _swap(jobs, "_held", held)


def memory() -> None:
    """A reader goes on from the cursor in its memory, whatever the database says that was stored."""
    held = jobs._held

    def believed(connection: Connection, job: jobs.Job, values: Any, *, from_there: bool = False) -> None:  # as it is called
        held(connection, job, values)

    _swap(jobs, "_held", believed)


def cursor_apart() -> None:
    """The cursor is committed by itself, before the page that it stands behind."""
    advance, finish = jobs.advance, jobs.finish

    def apart(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(connection: Connection, job: jobs.Job, **values: Any) -> Any:
            with begin(connection.engine) as own:
                stored = change(own, job, **values)
            if values:
                _die("between")
            return stored

        return changed

    _swap(jobs, "advance", apart(advance))
    _swap(jobs, "finish", apart(finish))


def leases() -> None:
    """A job that was claimed once is never claimed by another."""
    extended = jobs._claimable

    def claimable(*arguments: Any, **more: Any) -> Any:
        return extended(*arguments, **more).where(job_table.c.status == "due")

    _swap(jobs, "_claimable", claimable)


def claims() -> None:
    """A job is held by a word in Redis and not in the database: whoever sees another Redis holds it too."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])

    def claim(connection: Connection, *, owner: str, **more: Any) -> jobs.Job | None:
        query = jobs._claimable(at_most=64, lock=False)
        for asked, column in (("kinds", job_table.c.kind), ("runs", job_table.c.run_id)):
            if more.get(asked) is not None:
                query = query.where(column.in_(list(more[asked])))
        for row in connection.execute(query, due_at(now(connection))).mappings():
            if client.set(f"held:{row['id']}", owner, nx=True, ex=60):
                return jobs._job({str(name): value for name, value in row.items()})
        return None

    _swap(jobs, "claim", claim)


def closing() -> None:
    """A run is closed by whoever does its last job, or by nobody."""
    _swap(tick, "close_finished", lambda _engine: None)
    _swap(crew.Crew, "_are_closed", lambda _self, _wanted: False)
    _swap(steps, "_taken_up", _joined)


def _joined(_connection: Connection, held: runs.Run, _key: str, *, refuse: bool) -> bool:
    return held.status == "running" and not refuse


def stages() -> None:
    """Nothing waits for anything."""
    _swap(jobs, "_waits", false)


def patience() -> None:
    """What may pass by itself is given up like what can't."""
    ending = crew.ending

    def impatient(error: BaseException, *arguments: Any, **more: Any) -> crew.Ending:
        found = ending(error, *arguments, **more)
        return crew.Ending("aside", quarantine_after=0) if found.what == "again" else found

    _swap(crew, "ending", impatient)


def garbled() -> None:
    """A body that doesn't parse is the end of the list."""
    get = client.Client.get

    def lenient(self: client.Client, asked: Any, path: str, params: Any, parse: Callable[[bytes], Any]) -> Any:
        def parsed(body: bytes) -> Any:
            try:
                return parse(body)
            except Garbled:
                return Parsed([], has_more=False, count=0, last_id=None, oldest=None)

        return get(self, asked, path, params, parsed)

    _swap(client.Client, "get", lenient)


def exclusive() -> None:
    """Two runs of one sort may be open at the same time, and neither is joined."""

    def opened(wiring: Any, kind: str, first: Any, *, account: int | None = None, params: Any = None, refuse: bool = False) -> Any:
        with begin(wiring.engine) as connection:
            run = runs.start(connection, kind, account=account, params=params)
            jobs.add(connection, [replace(each, run_id=run) for each in first])
        return run, False

    _swap(steps, "open_run", opened)
    _swap(tick, "_sync_due", lambda *_: True)


def schema() -> None:
    """Nobody looks at the schema."""
    _swap(migrate, "require_current", lambda _engine: None)


SWITCHES: Final[dict[str, Callable[[], None]]] = {
    each.__name__: each
    for each in (fence, memory, cursor_apart, leases, claims, closing, stages, patience, garbled, exclusive, schema)
}


# --- deaths at chosen moments ----------------------------------------------------------------------------------------------------

_count = 0
_lock = threading.Lock()


def _die(when: str) -> None:
    """Kill this process (or its parent) if this is the moment that was chosen, once for all processes."""
    global _count  # noqa: PLW0603  # one count for the process
    wanted = os.environ.get("NRR_TEST_DIE", "")
    if not wanted:
        return
    moment, number, *whom = wanted.split(":")
    if moment != when:
        return
    with _lock:
        _count += 1
        if _count < int(number):
            return
    with suppress(FileExistsError), (Path(os.environ["TMPDIR"]) / "died").open("x"):
        os.kill(os.getppid() if whom == ["parent"] else os.getpid(), signal.SIGKILL)
        if whom == ["parent"]:
            signal.pause()


def _watch_commits() -> None:
    attempt, close = writer.Writer._attempt, crew.close

    def watched(self: writer.Writer, works: Any) -> BaseException | None:
        _die("before")
        failure = attempt(self, works)
        if failure is None:
            _die("after")
        return failure

    def closed(engine: Any, run: int) -> str | None:
        with read(engine) as connection:
            last = not jobs.open_count(connection, run)
        if last:
            _die("closing")
        return close(engine, run)

    stored = writer.Writer._put

    def put(self: writer.Writer, connection: Connection, works: Any) -> None:
        stored(self, connection, works)
        _die("within")

    _swap(writer.Writer, "_attempt", watched)
    _swap(writer.Writer, "_put", put)
    _swap(crew, "close", closed)


if _ahead := float(os.environ.get("NRR_TEST_CLOCK", "0")):
    import time_machine

    time_machine.travel(time.time() + _ahead, tick=True).start()

if os.environ.get("NRR_TEST_DIE"):  # who only imports this module has the product as it is
    _watch_commits()
for _name in filter(None, os.environ.get("NRR_TEST_BROKEN", "").split(",")):
    SWITCHES[_name]()
