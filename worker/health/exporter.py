"""The Prometheus endpoint: freshness as metrics, looked up in the database at each scrape by one small process.

It needs neither Redis nor a worker, so it tells of their absence. A database that doesn't answer is `nrr_up 0`, not an error page.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import make_wsgi_app, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from worker.execution.log import logger
from worker.health import freshness, runbook
from worker.health.freshness import Freshness

log = logger(__name__)


class FreshnessCollector(Collector):
    """Looks at the database whenever it is asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment."""
        try:
            found = freshness.gather(self._engine)
        except SQLAlchemyError as error:
            log.warning("freshness_not_read", error=type(error).__name__)
            yield GaugeMetricFamily("nrr_up", "Whether the database could be read.", value=0)
            return
        yield GaugeMetricFamily("nrr_up", "Whether the database could be read.", value=1)
        yield from metrics_of(found)

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not touch the database."""
        return iter(())


def metrics_of(found: Freshness) -> Iterator[Metric]:
    """Freshness in Prometheus's words. What never happened is left out, so that `absent()` finds it."""
    marked = GaugeMetricFamily("nrr_stream_age_seconds", "Since a stream was last read to its end.", labels=("account", "stream"))
    complete = GaugeMetricFamily(
        "nrr_stream_complete_until_seconds", "Up to which instant a stream is complete (epoch).", labels=("account", "stream")
    )
    for each in found.streams:
        marked.add_metric((each.account, each.stream), each.age_seconds)
        complete.add_metric((each.account, each.stream), each.complete_until)
    yield marked
    yield complete
    worker = GaugeMetricFamily("nrr_worker_age_seconds", "Seconds since a worker's last heartbeat.", labels=("worker",))
    for one in found.workers:
        worker.add_metric((one.name,), one.age_seconds)
    yield worker
    waiting = GaugeMetricFamily("nrr_jobs", "Jobs that are not finished.", labels=("status",))
    for status in ("due", "leased", "quarantined"):
        waiting.add_metric((status,), found.jobs.get(status, 0))
    yield waiting
    drift = GaugeMetricFamily(
        "nrr_drifted_subscriptions", "Subscriptions that had changed unseen at the last audit.", labels=("account",)
    )
    of_kinds = GaugeMetricFamily(
        "nrr_drifted_objects", "Objects that had changed or come unseen at the last audit.", labels=("account", "kind")
    )
    for name, counts in sorted(found.drift_by_kind.items()):
        drift.add_metric((name,), counts.get("subscription", 0))
        for kind, count in sorted(counts.items()):
            of_kinds.add_metric((name, kind), count)
    yield of_kinds
    yield drift
    apart = GaugeMetricFamily(
        "nrr_clock_apart_seconds", "By how much Stripe's clock is ahead of ours, if they disagree.", labels=("account",)
    )
    for name, seconds in sorted(found.clock_apart_seconds.items()):
        apart.add_metric((name,), seconds)
    yield apart
    single: list[tuple[str, str, float | None]] = [
        ("nrr_tick_age_seconds", "Since the last finished tick.", found.tick_age_seconds),
        ("nrr_sync_age_seconds", "Since the end of the last good sync.", found.sync_age_seconds),
        ("nrr_oldest_due_seconds", "How long the oldest job that is due has waited.", found.oldest_due_seconds),
        ("nrr_touched_customers", "Customers with facts that nothing was derived from yet.", found.touched),
        ("nrr_quarantined_objects", "Objects that could not be read and are quarantined.", found.quarantined),
        ("nrr_underived_customers", "Customers that can't be derived, and are in no figure.", found.underived),
        ("nrr_failed_runs", "Failed ones of the last twenty runs.", found.failed_runs),
        (
            "nrr_nightly_age_days",
            "Days since the last day that a nightly run brought up to date.",
            None if found.nightly_through is None else (found.at.date() - found.nightly_through).days,
        ),
    ]
    for name, told, value in single:
        if value is not None:
            yield GaugeMetricFamily(name, told, value=value)


def serve(engine: Engine, *, host: str, port: int, more: Sequence[Collector] = ()) -> WSGIServer:
    """Answer scrapes in a thread of this process from now on, with what `more` collectors tell, and show the runbook at /runbook; `shutdown()` of
    what is returned ends it. Port 0 takes a free one."""
    registry = CollectorRegistry(auto_describe=False)
    for each in (FreshnessCollector(engine), *more):
        registry.register(each)
    server, _ = start_http_server(port, addr=host, registry=registry)
    metrics = make_wsgi_app(registry)

    def answer(environ: Any, start_response: Any) -> Any:
        if environ.get("PATH_INFO") != "/runbook":
            return metrics(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("X-Content-Type-Options", "nosniff")])
        return [runbook.page().encode()]

    server.set_app(answer)
    return server
