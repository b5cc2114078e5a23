"""Freshness as numbers: what is told agrees with what was done, and Prometheus can read it."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from integrations.store.db.engine import begin, open_engine
from integrations.store.work import workers
from metrics.evidence import Instant
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker.health import exporter, freshness
from worker.runs import steps


def scraped(engine: Engine) -> dict[tuple[str, ...], float]:
    """What the endpoint says, over HTTP: values by name and labels."""
    server = exporter.serve(engine, host="127.0.0.1", port=0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_before_anything_happened(engine: Engine) -> None:
    """Nothing is invented, and no number stands for never, so that an alarm on absence can be written."""
    found = freshness.gather(engine)
    assert (None, None, None, 0, 0) == (
        found.tick_age_seconds,
        found.sync_age_seconds,
        found.nightly_through,
        found.touched,
        found.quarantined,
    )
    assert ((), (), {}) == (found.streams, found.workers, dict(found.jobs))
    assert freshness.events_age_seconds(found) is None
    told = scraped(engine)
    assert not [name for name, *_ in told if name in ("nrr_sync_age_seconds", "nrr_nightly_age_days", "nrr_tick_age_seconds")]


def test_after_a_sync_and_an_audit(engine: Engine, wire: Wire) -> None:
    """Marks have ages, what is quarantined and what drifted is counted, and the endpoint says the same."""
    stripe = FakeStripe()
    stripe.fill(30)
    stripe.poison = {"sub_000003"}
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 7_200)
    stripe.change(4, 2, seen=False)
    steps.audit(wire(default=stripe))
    with begin(engine) as connection:
        workers.seen(connection, workers.TICK, {})
    found = freshness.gather(engine)
    assert {"default": 1} == dict(found.drift)
    assert 1 == found.quarantined
    age = freshness.events_age_seconds(found)
    assert age is not None
    assert 0 <= age < 60
    told = scraped(engine)
    assert 1.0 == told["nrr_up",]
    assert 1.0 == told["nrr_drifted_subscriptions", "default"]
    assert 1.0 == told["nrr_quarantined_objects",]
    assert stripe.now - 7_200 - 60 == told["nrr_stream_complete_until_seconds", "default", "events"]
    assert 0 <= told["nrr_tick_age_seconds",] < 60
    assert 0.0 == told["nrr_jobs", "due"]


def test_a_database_that_is_away_is_told_and_not_an_error() -> None:
    """The endpoint answers, and says that the database doesn't."""
    engine = open_engine("postgresql://nobody@127.0.0.1:1/none")
    assert {("nrr_up",): 0.0} == scraped(engine)
    engine.dispose()
