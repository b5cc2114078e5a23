"""Reading again what a lagging replica told older than an event, until it has caught up or the tries are over."""

from sqlalchemy import Connection

from integrations.store.db.engine import begin, read
from integrations.store.facts import lookups, recheck
from integrations.store.facts.recheck import Recheck
from integrations.store.work.jobs import Job
from integrations.stripe.page import StripePage
from metrics.timeline.states.event_order import in_order
from metrics.timeline.states.lagging import customers_without_lagging, without_lagging
from worker.execution.log import logger
from worker.ingest.lagging import DELAYS_SECONDS, has_reached
from worker.ingest.read import Ingest
from worker.ingest.writer import Feed, Part

log = logger(__name__)


def do_recheck(ingest: Ingest, job: Job) -> None:
    """Read again what is due for it, as far as the tries reach."""
    assert job.account is not None
    with read(ingest.engine) as connection:
        wanted = recheck.due(connection, job.account, longest_delay_seconds=max(DELAYS_SECONDS))
    reader = ingest.sources.of(job.account)
    feed = Feed(job)
    for each in wanted:
        ingest.stop.check()
        page = reader.single(each.kind, each.object_id)
        ingest.writer.put(Part(feed, (page,), each.object_id, objects=page.objects))
        feed.drain()
        ingest.moved(job)
        _settle(ingest, each, page)
    ingest.writer.put(Part(feed, (), last=True))
    feed.drain()


def _settle(ingest: Ingest, each: Recheck, page: StripePage) -> None:
    with begin(ingest.engine) as connection:
        if not _lags_still(connection, each, page):
            recheck.done(connection, each)
        elif each.tries + 1 < len(DELAYS_SECONDS):
            recheck.again(connection, each, DELAYS_SECONDS[each.tries + 1])
        else:
            recheck.done(connection, each)
            log.warning(
                "event_contradicted_for_good", account=each.account, kind=each.kind, object=each.object_id, event=each.event_id
            )


def _lags_still(connection: Connection, each: Recheck, page: StripePage) -> bool:
    if any(rejected.reason == "gone" for rejected in page.rejected):
        return True
    if each.kind == "subscription":
        whose = page.subscriptions[0].subscription.customer if page.subscriptions else ""
        states = lookups.subscription_states(connection, each.account, whose, each.object_id)
        kept, lagged = without_lagging(in_order(states))
        return bool(lagged) and (not kept or lagged[-1].at >= kept[-1].at)
    if each.kind == "customer":
        told = lookups.customer_states(connection, each.account, each.object_id)
        newest = max(told, key=lambda s: (s.at, s.source, s.source_id), default=None)
        return newest is not None and newest not in customers_without_lagging(told)
    return not has_reached(lookups.event_type(connection, each.account, each.event_id) or "", page)
