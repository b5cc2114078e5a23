"""Jobs: work in pieces, claimed with a lease and a fencing token that rises at each claim.

A worker that lost its lease holds an old token, and everything that it tries to commit under it is refused: the page's facts, the
cursor and the token stand or fall in one transaction. A database may lose commits (a failover, a backup put back): so a claim has a nonce
beside its token, and a job goes on only from the cursor and the range that its holder believes to be stored. The database's clock decides
leases. Jobs of a later stage of a run wait until no
earlier one is open, so a whole run can be written down at once and needs no leader. Accounts don't wait for one another: what is wrong
with one account's key keeps that account's later stages back, and nobody else's.
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Exists, Select, and_, bindparam, case, func, or_, select, update

from integrations.store.db.clock import due_at, is_due, is_due_then, now
from integrations.store.db.engine import insert_into
from integrations.store.work.schema import JobStatus, run
from integrations.store.work.schema import job as table

OPEN: Final[tuple[JobStatus, ...]] = ("due", "leased", "quarantined")
"""What isn't finished: it keeps later stages of a run waiting."""


class LeaseLost(RuntimeError):
    """Somebody else holds the job now; whatever was about to be committed must not be."""

    def __init__(self, job_id: int, token: int) -> None:
        super().__init__(f"job {job_id} is no longer held under token {token}: nothing was committed")
        self.job_id = job_id


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was claimed, or as it is to be written down (`id` 0)."""

    kind: str
    run_id: int
    id: int = 0
    account: int | None = None
    stream: str = ""
    stage: int = 0
    priority: int = 5
    since: int | None = None
    until: int | None = None
    cursor: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    status: JobStatus = "due"
    token: int = 0
    attempts: int = 0
    pages: int = 0
    objects: int = 0
    owner: str | None = None
    last_error: str | None = None
    lease_until: datetime | None = None
    dedupe_key: str | None = None
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """How far the jobs of a run are."""

    by_status: Mapping[str, int]
    pages: int
    objects: int
    oldest_due: datetime | None
    """Since when the job that could be done has been due that has waited longest; those that wait for others don't count."""
    errors: tuple[str, ...]


def add(connection: Connection, jobs: Iterable[Job]) -> int:
    """Write jobs down; one whose dedupe key is there already is passed over. Gives how many were new."""
    moment = now(connection)
    added = 0
    for job in jobs:
        values = {
            "run_id": job.run_id,
            "kind": job.kind,
            "account": job.account,
            "stream": job.stream,
            "stage": job.stage,
            "priority": job.priority,
            "since": job.since,
            "until": job.until,
            "cursor": job.cursor,
            "data": json.dumps(dict(job.data), sort_keys=True),
            "status": "due",
            "token": 0,
            "attempts": 0,
            "next_attempt_at": moment,
            "pages": 0,
            "objects": 0,
            "dedupe_key": job.dedupe_key,
            "created_at": moment,
        }
        added += connection.execute(insert_into(connection, table).values(values).on_conflict_do_nothing()).rowcount
    return added


def claim(
    connection: Connection,
    *,
    owner: str,
    lease_seconds: float,
    kinds: Sequence[str] | None = None,
    runs: Sequence[int] | None = None,
    most_attempts: int | None = None,
) -> Job | None:
    """The next job of a running run that is due, or whose lease has run out, now held by `owner` under a new token; None when there is none.

    Two claimers never get the same job: PostgreSQL skips rows that another has locked, SQLite has one writer at a time. A job whose
    leases expired `most_attempts` times without progress is parked instead: it may be what kills them.
    """
    query = _claimable(of_kinds=kinds is not None, of_runs=runs is not None)
    asked = {**due_at(now(connection)), "kinds": list(kinds or ()), "runs": list(runs or ())}
    while True:
        row = connection.execute(query, asked).mappings().first()
        if row is None:
            return None
        if most_attempts is None or row["status"] != "leased" or row["attempts"] < most_attempts:
            break
        error = f"its lease expired {row['attempts']} times in a row without progress"
        values = {"status": "quarantined", "last_error": error, "lease_until": None, "owner": None, "token": row["token"] + 1}
        connection.execute(update(table).where(table.c.id == row["id"]).values(values))
    values = {
        "status": "leased",
        "token": row["token"] + 1,
        "attempts": row["attempts"] + 1,
        "owner": owner,
        "lease_until": now(connection) + timedelta(seconds=lease_seconds),
        "nonce": secrets.token_hex(8),
    }
    connection.execute(update(table).where(table.c.id == row["id"]).values(values))
    return _job({**row, **values})


@cache
def _claimable(*, at_most: int = 1, lock: bool = True, of_kinds: bool = False, of_runs: bool = False) -> Select[Any]:
    """Jobs that can be claimed at a moment (`due_at`), of some `kinds` and `runs` where these are asked for.

    Made once: a process asks whenever a thread of it is free, and making the statement took longer than executing it.
    """
    query = (
        select(table)
        .where(
            or_(
                and_(table.c.status == "due", is_due_then(table.c.next_attempt_at)),
                and_(table.c.status == "leased", is_due_then(table.c.lease_until)),
            ),
            select(run.c.id).where(run.c.id == table.c.run_id, run.c.status == "running").exists(),
            ~_waits(),
        )
        .order_by(table.c.stage, table.c.priority, table.c.id)
        .limit(at_most)
    )
    if of_kinds:
        query = query.where(table.c.kind.in_(bindparam("kinds", expanding=True)))
    if of_runs:
        query = query.where(table.c.run_id.in_(bindparam("runs", expanding=True)))
    return query.with_for_update(skip_locked=True) if lock else query


def claimable_count(connection: Connection, kinds: Sequence[str], at_most: int = 64) -> int:
    """How many jobs of these kinds could be claimed now, counted up to `at_most`."""
    query = _claimable(at_most=at_most, lock=False, of_kinds=True)
    return len(connection.execute(query, {**due_at(now(connection)), "kinds": list(kinds)}).all())


def waiting(connection: Connection, runs: Sequence[int], kinds: Sequence[str], at_most: int = 64) -> tuple[dict[str, int], bool]:
    """How many jobs of these runs and kinds could be claimed now, by kind and counted up to `at_most`; and whether any is open, claimed ones too."""
    mine = and_(table.c.run_id.in_(list(runs)), table.c.kind.in_(list(kinds)))
    is_open = connection.execute(select(table.c.id).where(mine, table.c.status.in_(OPEN)).limit(1)).first() is not None
    if not is_open:
        return {}, False
    query = _claimable(at_most=at_most, lock=False, of_kinds=True, of_runs=True)
    found = connection.execute(query, {**due_at(now(connection)), "kinds": list(kinds), "runs": list(runs)}).mappings()
    return dict(Counter(str(row["kind"]) for row in found)), True


def end_leases(connection: Connection, owner: str) -> int:
    """Let the leases of a holder run out who is dead for certain; gives how many. They count as claims without progress, as ever."""
    mine = and_(table.c.owner == owner, table.c.status == "leased")
    return connection.execute(update(table).where(mine).values(lease_until=now(connection))).rowcount


def _waits() -> Exists:
    """Whether something of an earlier stage keeps a job waiting: of its own account, or where one of the two is of no account.

    What was parked for one account keeps only that account waiting; what is of no account keeps everybody waiting.
    """
    earlier = table.alias("earlier")
    before = and_(earlier.c.run_id == table.c.run_id, earlier.c.stage < table.c.stage)
    same = or_(earlier.c.account.is_(None), earlier.c.account == table.c.account)
    under_way = and_(earlier.c.status.in_(("due", "leased")), or_(same, table.c.account.is_(None)))
    return select(earlier.c.id).where(before, or_(under_way, and_(earlier.c.status == "quarantined", same))).exists()


def _job(row: Mapping[str, Any]) -> Job:
    names = Job.__dataclass_fields__
    return Job(**{n: json.loads(row[n]) if n == "data" else row[n] for n in names})


def _held(connection: Connection, job: Job, values: Mapping[str, Any], *, from_there: bool = False) -> None:
    """Change the job if it is still held under its token and nonce, and (`from_there`) stands at its cursor and range. Raises LeaseLost."""
    mine = [table.c.id == job.id, table.c.token == job.token, table.c.status == "leased"]
    mine.append(table.c.nonce.is_not_distinct_from(job.nonce))
    if from_there:
        mine += [getattr(table.c, name).is_not_distinct_from(getattr(job, name)) for name in ("cursor", "since", "until")]
    if connection.execute(update(table).where(*mine).values(**values)).rowcount != 1:
        raise LeaseLost(job.id, job.token)


def advance(
    connection: Connection,
    job: Job,
    *,
    cursor: str | None,
    since: int | None,
    until: int | None,
    pages: int,
    objects: int,
    lease_seconds: float,
    moment: datetime | None = None,
) -> Job:
    """Move the job's cursor and extend its lease, in the transaction of the page; `pages` and `objects` are added. Gives the job as it
    stands then. Raises LeaseLost, also when it doesn't stand where `job` says: then the database has lost what was committed.

    Progress sets the attempts back: only claims without any count towards quarantine. `moment` is the database's own time, where the
    caller has asked for it already.
    """
    _held(
        connection,
        job,
        {
            "cursor": cursor,
            "since": since,
            "until": until,
            "pages": table.c.pages + pages,
            "objects": table.c.objects + objects,
            "attempts": 1,
            "lease_until": (moment or now(connection)) + timedelta(seconds=lease_seconds),
        },
        from_there=True,
    )
    return replace(job, cursor=cursor, since=since, until=until)


def extend(connection: Connection, job: Job, lease_seconds: float) -> None:
    """Hold the job longer. Raises LeaseLost."""
    _held(connection, job, {"lease_until": now(connection) + timedelta(seconds=lease_seconds)})


def is_taken_over(connection: Connection, job: Job) -> bool:
    """Whether somebody claimed the job after us: a job that we ended ourselves keeps our token."""
    held = connection.execute(select(table.c.token, table.c.nonce).where(table.c.id == job.id)).one_or_none()
    return held is None or tuple(held) != (job.token, job.nonce)


def progressed(connection: Connection, job: Job, *, objects: int) -> None:
    """Count what the job has done. Raises LeaseLost."""
    _held(connection, job, {"objects": table.c.objects + objects})


def hold(connection: Connection, job: Job) -> None:
    """Lock the job's row for this transaction, so that nobody can take it over meanwhile. Raises LeaseLost."""
    _held(connection, job, {"owner": job.owner})


def split(connection: Connection, job: Job, cuts: Sequence[int]) -> Job:
    """Leave the job with [last cut, until) and write the ranges before it down as jobs of their own; gives the job as it stands then.
    Raises LeaseLost, also when it doesn't stand where `job` says.

    `cuts` are instants within the job's range, ascending. The job keeps its cursor: lists come newest first.
    """
    if not cuts:
        return job
    _held(connection, job, {"since": cuts[-1]}, from_there=True)
    edges = [job.since, *cuts]
    add(
        connection,
        [
            Job(
                job.kind,
                job.run_id,
                account=job.account,
                stream=job.stream,
                stage=job.stage,
                priority=job.priority,
                since=low,
                until=high,
                data=job.data,
            )
            for low, high in pairwise(edges)
        ],
    )
    return replace(job, since=cuts[-1])


def finish(connection: Connection, job: Job) -> None:
    """The job is done. Raises LeaseLost, also when it doesn't stand where `job` says."""
    values = {"status": "done", "finished_at": now(connection), "last_error": None, "lease_until": None}
    _held(connection, job, values, from_there=True)


def retry(connection: Connection, job: Job, error: str, delay_seconds: float, quarantine_after: int) -> bool:
    """Give the job back to be tried again later, or into quarantine after too many attempts (then True). Raises LeaseLost."""
    hold(connection, job)
    # As they stand now: progress made under this claim has set them back.
    attempts = connection.execute(select(table.c.attempts).where(table.c.id == job.id)).scalar_one()
    worn_out = int(attempts) >= quarantine_after
    _held(
        connection,
        job,
        {
            "status": "quarantined" if worn_out else "due",
            "last_error": error[:2000],
            "next_attempt_at": now(connection) + timedelta(seconds=delay_seconds),
            "lease_until": None,
            "owner": None,
        },
    )
    return worn_out


def release(connection: Connection, job: Job) -> None:
    """Give the job back at once, as if it had not been claimed. Raises LeaseLost."""
    _held(
        connection,
        job,
        {
            "status": "due",
            "attempts": max(0, job.attempts - 1),
            "next_attempt_at": now(connection),
            "lease_until": None,
            "owner": None,
        },
    )


def cancel(connection: Connection, run: int) -> int:
    """Cancel whatever of a run isn't finished; its holders find out at their next commit. Gives the number of jobs."""
    values = {"status": "canceled", "finished_at": now(connection), "lease_until": None, "token": table.c.token + 1}
    mine = and_(table.c.run_id == run, table.c.status.in_(OPEN))
    # Locked in the order in which writers lock them, so that the two never wait in a circle.
    connection.execute(select(table.c.id).where(mine).order_by(table.c.id).with_for_update()).all()
    return connection.execute(update(table).where(mine).values(**values)).rowcount


def cancel_blocked(connection: Connection, run: int) -> int:
    """Cancel what waits behind a job of a run that was parked, once nothing else can be done before it; gives the number of jobs.

    One that is of an account keeps only that account's jobs waiting.
    """
    aside = (
        select(table.c.account, func.min(table.c.stage))
        .where(table.c.run_id == run, table.c.status == "quarantined")
        .group_by(table.c.account)
    )
    values = {"status": "canceled", "finished_at": now(connection), "token": table.c.token + 1}
    canceled = 0
    for account, stage in connection.execute(aside).all():
        scope = table.c.run_id == run if account is None else and_(table.c.run_id == run, table.c.account == account)
        going_on = and_(scope, table.c.stage <= stage, table.c.status.in_(("due", "leased")))
        if connection.execute(select(table.c.id).where(going_on).limit(1)).first() is None:
            waiting = and_(scope, table.c.stage > stage, table.c.status == "due")
            canceled += connection.execute(update(table).where(waiting).values(**values)).rowcount
    return canceled


def revive(connection: Connection, run: int) -> int:
    """Make the quarantined and canceled jobs of a run due again; gives their number."""
    values = {"status": "due", "attempts": 0, "next_attempt_at": now(connection), "finished_at": None}
    mine = and_(table.c.run_id == run, table.c.status.in_(("quarantined", "canceled")))
    return connection.execute(update(table).where(mine).values(**values)).rowcount


def open_count(connection: Connection, run: int, stream: str | None = None) -> int:
    """How many jobs of a run are not finished yet; quarantined ones are not counted, nobody works on them."""
    query = select(func.count()).select_from(table).where(table.c.run_id == run, table.c.status.in_(("due", "leased")))
    if stream is not None:
        query = query.where(table.c.stream == stream)
    return int(connection.execute(query).scalar_one())


def held_elsewhere(connection: Connection, runs: Sequence[int]) -> list[tuple[str, float]]:
    """Who holds jobs of some runs (of all, when none is named), and for how many seconds at most without a further heartbeat."""
    moment = now(connection)
    query = select(table.c.owner, table.c.lease_until).where(table.c.status == "leased", ~is_due(table.c.lease_until, moment))
    if runs:
        query = query.where(table.c.run_id.in_(list(runs)))
    return [(str(owner), (until - moment).total_seconds()) for owner, until in connection.execute(query.order_by(table.c.id))]


def summary(connection: Connection, run: int | None = None) -> Summary:
    """Counts by status, pages, objects, since when the oldest could be done, and the last errors; of one run or of all that is open.

    What a closed run left due is nobody's work any more; what it parked waits for somebody to change something.
    """
    where = table.c.run_id == run if run is not None else _unfinished()
    counts = connection.execute(
        select(table.c.status, func.count(), func.sum(table.c.pages), func.sum(table.c.objects))
        .where(where)
        .group_by(table.c.status)
    ).all()
    moment = now(connection)
    waiting = and_(where, table.c.status == "due", is_due(table.c.next_attempt_at, moment), ~_waits())
    oldest = connection.execute(select(func.min(table.c.next_attempt_at)).where(waiting)).scalar_one()
    errors = connection.execute(
        select(table.c.last_error).where(where, table.c.last_error.is_not(None)).order_by(table.c.id.desc()).limit(5)
    ).scalars()
    return Summary(
        {str(s): int(n) for s, n, _, _ in counts},
        sum(int(p or 0) for _, _, p, _ in counts),
        sum(int(o or 0) for _, _, _, o in counts),
        oldest,
        tuple(str(e) for e in errors),
    )


def _unfinished() -> ColumnElement[bool]:
    going_on = select(run.c.id).where(run.c.id == table.c.run_id, run.c.status == "running").exists()
    return or_(table.c.status == "quarantined", and_(table.c.status.in_(("due", "leased")), going_on))


def of_run(connection: Connection, run: int) -> list[Job]:
    """Every job of a run, in order of stage and id."""
    rows = connection.execute(select(table).where(table.c.run_id == run).order_by(table.c.stage, table.c.id)).mappings()
    return [_job(dict(row)) for row in rows]


def progress(connection: Connection, run: int) -> dict[str, tuple[int, int, int]]:
    """For each stream of a run: objects read, jobs open, jobs in all."""
    unfinished = case((table.c.status.in_(("due", "leased")), 1), else_=0)
    rows = connection.execute(
        select(table.c.stream, func.sum(table.c.objects), func.sum(unfinished), func.count())
        .where(table.c.run_id == run)
        .group_by(table.c.stream)
    )
    return {str(s): (int(o or 0), int(u or 0), int(n)) for s, o, u, n in rows}
