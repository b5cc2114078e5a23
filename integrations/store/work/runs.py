"""Runs: each piece of work that somebody or something asked for, with what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from integrations.store.db.clock import has_passed, is_due, now
from integrations.store.facts.schema import account as account_table
from integrations.store.work.schema import RunStatus, job
from integrations.store.work.schema import run as table

ABANDONED_SECONDS = 900
"""A run without a heartbeat for this long, and of which no job is leased, may be taken over."""


class AlreadyRunning(RuntimeError):
    """Another run holds the exclusive key."""

    def __init__(self, key: str, run_id: int, since: datetime) -> None:
        super().__init__(f"another {key} is running (run {run_id}, since {since:%Y-%m-%d %H:%M:%S} UTC); nothing was started")
        self.key = key
        self.run_id = run_id


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands."""

    id: int
    kind: str
    account: int | None
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    heartbeat_at: datetime
    exclusive_key: str | None
    params: Mapping[str, Any]
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Ended:
    """What is told of a run that was closed, in a line."""

    run: int
    kind: str
    account: str | None
    status: RunStatus
    seconds: float
    jobs: int
    pages: int
    objects: int
    """Read from Stripe, or done of what the run is about."""
    error: str | None


def ended(connection: Connection, run: int) -> Ended | None:
    """What came of a run that is closed."""
    found = get(connection, run)
    if found is None or found.finished_at is None:
        return None
    sums = select(func.count(), func.sum(job.c.pages), func.sum(job.c.objects), func.max(job.c.last_error))
    count, pages, objects, error = connection.execute(sums.where(job.c.run_id == run)).one()
    named = select(account_table.c.name).where(account_table.c.id == found.account)
    return Ended(
        run=run,
        kind=found.kind,
        account=None if found.account is None else connection.execute(named).scalar_one_or_none(),
        status=found.status,
        seconds=round((found.finished_at - found.started_at).total_seconds(), 1),
        jobs=int(count),
        pages=int(pages or 0),
        objects=int(objects or 0),
        error=None if found.status == "done" else error,
    )


def start(
    connection: Connection,
    kind: str,
    *,
    account: int | None = None,
    params: Mapping[str, Any] | None = None,
    exclusive_key: str | None = None,
) -> int:
    """Write a run down and give its id. Raises AlreadyRunning when a living run holds the exclusive key; a dead one is closed."""
    moment = now(connection)
    if exclusive_key is not None:
        held = connection.execute(select(table).where(table.c.exclusive_key == exclusive_key)).mappings().first()
        if held is not None:
            if not _abandoned(connection, dict(held), moment):
                raise AlreadyRunning(exclusive_key, held["id"], held["started_at"])
            finish(connection, held["id"], "failed", {"error": "abandoned"})
    values = {
        "kind": kind,
        "account": account,
        "status": "running",
        "exclusive_key": exclusive_key,
        "started_at": moment,
        "heartbeat_at": moment,
        "params": json.dumps(dict(params or {}), sort_keys=True, default=str),
    }
    try:
        with connection.begin_nested():
            key = connection.execute(insert(table).values(**values)).inserted_primary_key
    except IntegrityError:
        held = connection.execute(select(table).where(table.c.exclusive_key == exclusive_key)).mappings().first()
        if held is None:  # whoever was quicker is through already
            return start(connection, kind, account=account, params=params, exclusive_key=exclusive_key)
        raise AlreadyRunning(str(exclusive_key), held["id"], held["started_at"]) from None
    assert key is not None
    _supersede(connection, int(key[0]), kind, account)
    return int(key[0])


def _supersede(connection: Connection, run: int, kind: str, account: int | None) -> None:
    """What is left of closed runs of the same sort is nobody's business any more: the new one does it."""
    same = and_(table.c.kind == kind, table.c.account.is_(None) if account is None else table.c.account == account)
    closed = select(table.c.id).where(same, table.c.id != run, table.c.status != "running")
    left = and_(job.c.run_id.in_(closed), job.c.status.in_(("due", "leased", "quarantined")))
    values = {"status": "canceled", "finished_at": now(connection), "lease_until": None, "token": job.c.token + 1}
    connection.execute(update(job).where(left).values(**values))


def _abandoned(connection: Connection, held: Mapping[str, Any], moment: datetime) -> bool:
    if not has_passed(held["heartbeat_at"], timedelta(seconds=ABANDONED_SECONDS), moment):
        return False
    alive = (
        select(func.count())
        .select_from(job)
        .where(job.c.run_id == held["id"], job.c.status == "leased", ~is_due(job.c.lease_until, moment))
    )
    return int(connection.execute(alive).scalar_one()) == 0


def beat(connection: Connection, run: int) -> None:
    """Say that the run goes on."""
    connection.execute(update(table).where(table.c.id == run).values(heartbeat_at=now(connection)))


def finish(connection: Connection, run: int, status: RunStatus, result: Mapping[str, Any] | None = None) -> None:
    """Close a run (done, failed or canceled) and free its exclusive key."""
    values = {
        "status": status,
        "finished_at": now(connection),
        "exclusive_key": None,
        "result": json.dumps(dict(result or {}), sort_keys=True, default=str),
    }
    connection.execute(update(table).where(table.c.id == run).values(**values))


def reopen(connection: Connection, run: int, exclusive_key: str | None = None) -> None:
    """Set a closed run going again."""
    values = {"status": "running", "finished_at": None, "exclusive_key": exclusive_key, "heartbeat_at": now(connection)}
    connection.execute(update(table).where(table.c.id == run).values(**values))


def close_if_done(connection: Connection, run: int, result: Mapping[str, Any] | None = None) -> RunStatus | None:
    """Close a running run none of whose jobs is open any more; gives its status if it was closed now.

    It is done when every job is, and failed when one is in quarantine.
    """
    # The run is locked before its jobs are counted: somebody may be setting it going again at this moment.
    if not lock(connection, run, "running"):
        return None
    rows = connection.execute(select(job.c.status, func.count()).where(job.c.run_id == run).group_by(job.c.status))
    counts = {str(s): int(n) for s, n in rows}
    if counts.get("due") or counts.get("leased"):
        return None
    status: RunStatus = "failed" if counts.get("quarantined") else "canceled" if counts.get("canceled") else "done"
    finish(connection, run, status, {**(result or {}), "jobs": counts})
    return status


def lock(connection: Connection, run: int, status: RunStatus) -> bool:
    """Keep a run as it is until the end of the transaction; False when it isn't in this status (any longer)."""
    mine = and_(table.c.id == run, table.c.status == status)
    return connection.execute(select(table.c.id).where(mine).with_for_update()).first() is not None


def held_by(connection: Connection, key: str) -> int | None:
    """The run that holds an exclusive key."""
    return connection.execute(select(table.c.id).where(table.c.exclusive_key == key)).scalar_one_or_none()


def running(connection: Connection) -> list[int]:
    """The ids of the runs that aren't closed, oldest first."""
    return [
        int(i) for i in connection.execute(select(table.c.id).where(table.c.status == "running").order_by(table.c.id)).scalars()
    ]


def get(connection: Connection, run: int) -> Run | None:
    """One run, if there is such."""
    row = connection.execute(select(table).where(table.c.id == run)).mappings().first()
    return _run(row) if row else None


def latest(
    connection: Connection, *, kind: str | None = None, account: int | None = None, status: str | None = None, limit: int = 20
) -> list[Run]:
    """Runs, newest first."""
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if account is not None:
        query = query.where(table.c.account == account)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if status is not None:
        query = query.where(table.c.status == status)
    return [_run(row) for row in connection.execute(query).mappings()]


def last(connection: Connection, *, kind: str, account: int | None = None, status: str | None = None) -> Run | None:
    """The newest run of a kind, if there is one."""
    return next(iter(latest(connection, kind=kind, account=account, status=status, limit=1)), None)


def failed_lately(found: Run | None, delay: timedelta, moment: datetime) -> bool:
    """Whether a run failed, and that less than `delay` before `moment`: what is wrong with it has been told, and it is tried again later."""
    if found is None or found.status != "failed" or found.finished_at is None:
        return False
    return not has_passed(found.finished_at, delay, moment)


def tidy(connection: Connection, days: int) -> int:
    """Forget the finished jobs of runs that were closed so many days ago, and those of these runs that are daily bread; gives how many jobs.

    What a run changed stays: figures name the run that found them, and nobody asks for the pages of a sync of last year.
    """
    old = and_(table.c.status != "running", table.c.finished_at < now(connection) - timedelta(days=days))
    gone = connection.execute(delete(job).where(job.c.run_id.in_(select(table.c.id).where(old)))).rowcount
    from integrations.store.figures.schema import rollup  # the one question about figures here

    named = select(rollup.c.run_id).where(rollup.c.run_id == table.c.id).exists()
    connection.execute(delete(table).where(old, table.c.kind.in_(("sync", "derive", "alerts")), ~named))
    return gone


def _run(row: Any) -> Run:
    return Run(
        row["id"],
        row["kind"],
        row["account"],
        row["status"],
        row["started_at"],
        row["finished_at"],
        row["heartbeat_at"],
        row["exclusive_key"],
        json.loads(row["params"]),
        json.loads(row["result"]) if row["result"] else None,
    )
