"""How fresh the numbers are, as numbers: read from the database, so that it makes no difference who asks or whether workers live.

What is told here is what `nrr doctor`, `nrr runs`, the health check and the Prometheus endpoint show. Ages are seconds by the
database's clock. Nothing is judged: what is too old is a setting of whoever watches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine

from integrations.store.db.clock import now
from integrations.store.db.engine import read
from integrations.store.facts import accounts, quarantine
from integrations.store.facts.marks import count_touched
from integrations.store.ledger import bases as ledger_bases
from integrations.store.work import cursors, jobs, runs, workers
from metrics.periods import CLOCKS_AGREE_SECONDS
from worker.ingest import clocks
from worker.ingest.drift import last_drift

FORGOTTEN_SECONDS: Final = 86_400
"""A worker not heard of for so long was taken away."""


@dataclass(frozen=True, slots=True)
class StreamAge:
    """When a stream's mark was last moved, and how long ago; `complete_until` is the mark itself, in whole seconds."""

    account: str
    stream: str
    complete_until: int
    age_seconds: float


@dataclass(frozen=True, slots=True)
class WorkerAge:
    """A worker and how old its last heartbeat is."""

    name: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Freshness:
    """All of it. None stands for never."""

    at: datetime
    streams: tuple[StreamAge, ...]
    workers: tuple[WorkerAge, ...]
    tick_age_seconds: float | None
    sync_age_seconds: float | None
    """Since the end of the last sync that was good."""
    nightly_through: date | None
    """The last day that a nightly run brought up to date."""
    jobs: Mapping[str, int]
    """Jobs that aren't finished, by status."""
    oldest_due_seconds: float | None
    touched: int
    """Customers with facts that nothing was derived from yet."""
    quarantined: int
    drift: Mapping[str, int]
    """Objects of all kinds that had drifted when each account was last audited."""
    failed_runs: int
    """Of the last twenty runs."""
    drift_by_kind: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The same by kind: subscription, customer, invoice, price, coupon, product, event."""
    underived: int = 0
    """Customers that can't be derived, and are in no figure."""
    clock_apart_seconds: Mapping[str, int] = field(default_factory=dict)
    """By how much Stripe's clock is ahead of ours, by account; those that agree are left out."""


def gather(engine: Engine) -> Freshness:
    """Look at the database, in one reading transaction."""
    with read(engine) as connection:
        return look(connection)


def look(connection: Connection) -> Freshness:
    """The same within a transaction."""
    at = now(connection)
    names = {row.id: row.name for row in accounts.everything(connection)}
    marks = cursors.everything(connection)
    seen = {name: (at - when).total_seconds() for name, when, _ in workers.everything(connection)}
    summed = jobs.summary(connection)
    good = runs.last(connection, kind="sync", status="done")
    nights = runs.latest(connection, kind="nightly", status="done", limit=1)
    drifts = {name: last_drift(connection, account) for account, name in names.items()}
    return Freshness(
        at=at,
        streams=tuple(
            StreamAge(names.get(each.account, str(each.account)), each.stream, each.position, _age(at, each.updated_at))
            for each in marks
        ),
        workers=tuple(
            WorkerAge(name, age) for name, age in sorted(seen.items()) if name != workers.TICK and age < FORGOTTEN_SECONDS
        ),
        tick_age_seconds=seen.get(workers.TICK),
        sync_age_seconds=None if good is None or good.finished_at is None else _age(at, good.finished_at),
        nightly_through=next((date.fromisoformat(str(run.params["through"])) for run in nights if "through" in run.params), None),
        jobs=summed.by_status,
        oldest_due_seconds=None if summed.oldest_due is None else max(0.0, _age(at, summed.oldest_due)),
        touched=count_touched(connection),
        quarantined=quarantine.count(connection),
        underived=len(ledger_bases.underived(connection)),
        drift={name: found.total for name, found in drifts.items() if found is not None},
        drift_by_kind={name: found.counts for name, found in drifts.items() if found is not None},
        failed_runs=sum(run.status == "failed" for run in runs.latest(connection)),
        clock_apart_seconds={
            names.get(account, str(account)): seconds for account, seconds in clocks.of_accounts(connection).items()
        },
    )


def events_age_seconds(found: Freshness) -> float | None:
    """How long ago the least fresh account's events were last read to the end; None when one never was, or there is none."""
    ages = {each.account: each.age_seconds for each in found.streams if each.stream == cursors.EVENTS}
    every = {each.account for each in found.streams}
    return max(ages.values()) if ages and every == set(ages) else None


def _age(at: datetime, when: datetime) -> float:
    return (at - when).total_seconds()


def told(found: Freshness) -> dict[str, Any]:
    """Freshness as JSON knows it. Ages are seconds, null is never."""
    return {
        "at": found.at.isoformat(),
        "streams": [
            {
                "account": each.account,
                "stream": each.stream,
                "complete_until": datetime.fromtimestamp(each.complete_until, UTC).isoformat(),
                "age_seconds": round(each.age_seconds, 1),
            }
            for each in found.streams
        ],
        "workers": {each.name: round(each.age_seconds, 1) for each in found.workers},
        "events_age_seconds": _rounded(events_age_seconds(found)),
        "tick_age_seconds": _rounded(found.tick_age_seconds),
        "sync_age_seconds": _rounded(found.sync_age_seconds),
        "nightly_through": None if found.nightly_through is None else found.nightly_through.isoformat(),
        "jobs": dict(found.jobs),
        "oldest_due_seconds": _rounded(found.oldest_due_seconds),
        "touched": found.touched,
        "quarantined": found.quarantined,
        "underived": found.underived,
        "drift": dict(found.drift),
        "drift_by_kind": {name: dict(counts) for name, counts in found.drift_by_kind.items()},
        "failed_runs": found.failed_runs,
        "clock_apart_seconds": dict(found.clock_apart_seconds),
    }


def lines(found: Freshness) -> list[str]:
    """The same for people, one line each."""
    backlog = ", ".join(f"{count} {status}" for status, count in sorted(found.jobs.items())) or "none"
    waited = "" if found.oldest_due_seconds is None else f" (the oldest for {ago(found.oldest_due_seconds)})"
    return [
        f"read to the end: {_ago(events_age_seconds(found))}; last good sync: {_ago(found.sync_age_seconds)}; last tick: {_ago(found.tick_age_seconds)}",
        f"nightly run: {'never' if found.nightly_through is None else f'through {found.nightly_through}'}",
        f"open jobs: {backlog}{waited}; failed among the last twenty runs: {found.failed_runs}",
        f"quarantined: {found.quarantined} objects; not derived: {found.underived} customers; drift at the last audit: {drifted(found)}",
        "workers: " + (", ".join(f"{each.name} {_ago(each.age_seconds)}" for each in found.workers) or "none"),
        *from_the_future(found),
    ]


def from_the_future(found: Freshness) -> list[str]:
    """What is dated after the present, or clocks that disagree: a sentence each. Nothing of it can be true, so no age can be trusted."""
    out = [
        f"Stripe's clock is {ago(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'} ours for account {account}; the earlier one counts"
        for account, seconds in sorted(found.clock_apart_seconds.items())
    ]
    ages = [("the last good sync", found.sync_age_seconds), ("the last tick", found.tick_age_seconds)]
    ages += [(f"the mark of {each.stream} of account {each.account}", each.age_seconds) for each in found.streams]
    ages += [
        (f"what is read of {each.stream} of account {each.account}", found.at.timestamp() - each.complete_until)
        for each in found.streams
    ]
    out += [
        f"{what} is dated {ago(-age)} after the present" for what, age in ages if age is not None and age < -CLOCKS_AGREE_SECONDS
    ]
    if found.nightly_through is not None and found.nightly_through > found.at.date() + timedelta(days=1):
        out.append(f"a nightly run was done through {found.nightly_through}, a day that has not come yet; it counts for nothing")
    return out


def drifted(found: Freshness) -> str:
    """How much had drifted, by kind."""
    summed: dict[str, int] = {}
    for counts in found.drift_by_kind.values():
        for kind, count in counts.items():
            summed[kind] = summed.get(kind, 0) + count
    return ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in sorted(summed.items())) or "none"


def ago(seconds: float) -> str:
    """A span of time in one unit."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{ago(seconds)} ago"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
