"""The nightly audit: what Stripe says now against what we hold, of every kind, and how many differences no news explains.

The reading is done by ordinary jobs: events of the last days once more, lists, single objects. A state that differs from the newest one
known is stored, which repairs it; an event that had not been there before is laid in its place, with its own date. What is left to say is
whether a difference was news on its way (an event that the next sync will read names it) or drift: a change that did not reach us when
it should have. Drift is counted and named, because a number above zero means that something was missed.

What we hold as going on and no list has any more is looked up by itself. A subscription that Stripe doesn't know at all any more is
`gone` from that moment on: it leaves MRR, and nothing is called a cancellation.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from sqlalchemy import Connection

from integrations.store.db.engine import begin, read
from integrations.store.facts import lookups
from integrations.store.facts.lookups import Changed
from integrations.store.work import jobs
from integrations.store.work.jobs import Job
from integrations.stripe.page import StripePage
from integrations.stripe.streams import STREAMS
from metrics.evidence import GONE, CustomerState, Instant, Source, SubscriptionState
from worker.execution.job_data import BadJobData, read_as
from worker.execution.log import logger
from worker.ingest.drift import Drift, keep
from worker.ingest.jobs import Comparison
from worker.ingest.read import Ingest, one_by_one

log = logger(__name__)

NAMED_AT_MOST = 50
"""So many drifted objects of a kind are named; the count is of all."""

LOOKED_UP_AT_MOST: Final = 20_000
"""So many objects that no list had are looked up by one audit; the next one goes on with the rest."""


# --- what no list had ---------------------------------------------------------------------------------------------------------


def do_missing(ingest: Ingest, job: Job) -> None:
    """Look up what is held as going on and was in no list of this audit."""
    assert job.account is not None
    assert job.since is not None
    kind, since = STREAMS[job.stream].kind, Instant(job.since)
    with read(ingest.engine) as connection:
        wanted = lookups.unseen(connection, job.account, kind, since=since, at_most=LOOKED_UP_AT_MOST)
    if len(wanted) == LOOKED_UP_AT_MOST:
        log.warning("audit_looks_up_no_more", account=job.account, kind=kind, looked_up=LOOKED_UP_AT_MOST)
    reader = ingest.sources.of(job.account)
    account = job.account

    def looked_up(object_id: str, customer: str) -> StripePage:
        page = reader.single(kind, object_id)
        if not any(each.reason == "gone" for each in page.rejected):
            return page
        with read(ingest.engine) as connection:
            # That there is no such object no answer dates: what is missing was missed when this audit began.
            return as_gone(connection, account, kind, object_id, customer, replace(page, observed_at=since))

    one_by_one(ingest, job, ((each[0], partial(looked_up, *each)) for each in wanted))


def as_gone(connection: Connection, account: int, kind: str, object_id: str, customer: str, page: StripePage) -> StripePage:
    """The page that says of an object that Stripe doesn't know it any more: a state as last heard of, but gone."""
    if kind == "subscription":
        last = lookups.newest_subscription(connection, account, customer, object_id)
        states = () if last is None else (SubscriptionState(page.observed_at, Source.SNAPSHOT, "", replace(last, status=GONE)),)
        return replace(page, subscriptions=states)
    known = lookups.newest_customer(connection, account, object_id)
    if known is None:
        return page
    deleted = replace(known, deleted=True, discount=None, described=())
    return replace(page, customers=(CustomerState(page.observed_at, Source.SNAPSHOT, "", deleted),))


# --- what differs ---------------------------------------------------------------------------------------------------------------


def do_drift(ingest: Ingest, job: Job) -> None:
    """Compare what the audit changed with the events around it, and keep the count."""
    assert job.account is not None
    reader = ingest.sources.of(job.account)
    asked, since = read_as(Comparison, job), Instant(job.since or 0)
    if asked.learnt_from is None:
        raise BadJobData(job, "learnt_from", "it is missing")
    explained: set[str] = set()
    at = since
    for page in reader.pages("events", since=since):
        at = max(at, page.observed_at)
        for each in page.events:
            explained.update(x for x in (each.object_id, each.subscription, each.invoice) if x)
            explained.update([each.customer] if each.customer and each.type.startswith("customer.") else ())
        ingest.stop.check()
        ingest.moved(job)
    with begin(ingest.engine) as connection:
        events = lookups.learnt_events(connection, job.account, learnt_from=asked.learnt_from)
        late = [Changed("event", event) for event, created, _ in events if created < since]
        told = explained.union(*(about for _, _, about in events))
        listed_from = since if asked.listed_from is None else asked.listed_from
        changed = lookups.changed_by_listing(connection, job.account, since=listed_from, learnt_from=asked.learnt_from)
        found = drift(job.account, at, [*unexplained(changed, told), *late])
        keep(connection, found)
        jobs.finish(connection, job)
    if found.total:
        log.warning("drift", account=job.account, **{f"of_{kind}": count for kind, count in sorted(found.counts.items())})


def unexplained(changed: Iterable[Changed], explained: set[str]) -> list[Changed]:
    """What a listing found changed, without that which an event names, or whose customer one names."""
    return [each for each in changed if each.object_id not in explained and each.customer not in explained]


def drift(account: int, at: Instant, found: Iterable[Changed]) -> Drift:
    """What was found, counted and named by kind."""
    by_kind: dict[str, list[str]] = {}
    for each in found:
        by_kind.setdefault(each.kind, []).append(each.object_id)
    counts = {kind: len(ids) for kind, ids in sorted(by_kind.items())}
    named = {kind: tuple(ids[:NAMED_AT_MOST]) for kind, ids in sorted(by_kind.items())}
    subscriptions = named.pop("subscription", ())
    return Drift(account, at, counts.get("subscription", 0), subscriptions, counts, named)
