"""The nightly audit: what Stripe lists now against what we hold, and how many differences no event explains.

The listing itself is an ordinary list job: a state that differs from the newest one known is stored, which heals it. What is left to
say is whether the difference was news on its way (an event that the next sync will read names the subscription) or drift: a change
that never reached us. Drift is counted and named, because a number above zero means that some event was missed.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from integrations.store import cursors, jobs, lookups
from integrations.store.engine import begin
from integrations.store.jobs import Job
from metrics.evidence import Instant
from worker.ingest import Ingest

STREAM = "audit"
"""The name under which an account's last audit is kept among its marks."""

NAMED_AT_MOST = 50
"""So many drifted subscriptions are named; the count is of all."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What the last audit of an account found."""

    account: int
    at: Instant
    subscriptions: int
    named: tuple[str, ...] = ()


def do_drift(ingest: Ingest, job: Job) -> None:
    """Compare what the audit's listing changed with the events around it, and keep the count."""
    assert job.account is not None
    reader = ingest.sources.of(job.account)
    since = None if job.since is None else Instant(job.since)
    explained: set[str] = set()
    at = Instant(job.since or 0)
    for page in reader.pages("events", since=since):
        at = max(at, page.observed_at)
        explained.update(each.subscription for each in page.events if each.subscription)
        explained.update(each.customer for each in page.events if each.type.startswith("customer.") and each.customer)
        ingest.stop.check()
        ingest.moved(job)
    with begin(ingest.engine) as connection:
        began = datetime.fromisoformat(str(job.data["learnt_from"]))
        changed = lookups.changed_by_listing(connection, job.account, learnt_from=began)
        drifted = unexplained(changed, explained)
        _keep(connection, Drift(job.account, at, len(drifted), tuple(drifted[:NAMED_AT_MOST])))
        jobs.finish(connection, job)


def unexplained(changed: list[tuple[str, str]], explained: set[str]) -> list[str]:
    """The subscriptions that a listing found changed, (id, customer) each, without those that an event names."""
    return [subscription for subscription, customer in changed if subscription not in explained and customer not in explained]


def _keep(connection: Connection, found: Drift) -> None:
    held = cursors.of_account(connection, found.account).get(STREAM)
    data = {"subscriptions": found.subscriptions, "named": list(found.named)}
    cursors.move(connection, found.account, STREAM, held.position if held else None, found.at, data)


def of(connection: Connection, account: int) -> Drift | None:
    """What the last audit of an account found, if there was one."""
    held = cursors.of_account(connection, account).get(STREAM)
    if held is None:
        return None
    return Drift(account, Instant(held.position), int(held.data.get("subscriptions", 0)), tuple(held.data.get("named", ())))
