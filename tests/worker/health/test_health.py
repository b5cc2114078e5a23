"""Health: a worker that is alive but stuck is noticed, and so is everything that keeps the numbers from being fresh."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import generate_latest
from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.work import jobs, runs, workers
from worker.cli.worker import STUCK_SECONDS, unhealthy
from worker.health import freshness
from worker.health.exporter import FreshnessCollector
from worker.health.freshness import Freshness, WorkerAge

GOOD = Freshness(
    at=datetime(2026, 3, 5, tzinfo=UTC),
    streams=(),
    workers=(WorkerAge("nrr@one", 20.0), WorkerAge("nrr@two", 40.0)),
    tick_age_seconds=10.0,
    sync_age_seconds=60.0,
    nightly_through=None,
    jobs={},
    oldest_due_seconds=None,
    touched=0,
    quarantined=0,
    drift={},
    failed_runs=0,
)


@pytest.mark.parametrize(
    ("changed", "name", "expected"),
    [
        ({}, "nrr@one", []),
        ({}, None, []),
        (
            {},
            "nrr@three",
            ["worker nrr@three was not heard of yet: start it with `nrr worker`, or ask for all with `nrr health --all`"],
        ),
        (
            {"workers": (WorkerAge("nrr@one", 2_000.0),)},
            "nrr@one",
            ["worker nrr@one is stuck: it was last heard of 2000 seconds ago"],
        ),
        ({"workers": (WorkerAge("nrr@one", 2_000.0), WorkerAge("nrr@two", 1.0))}, "nrr@two", []),
        ({"workers": ()}, None, ["no worker is known"]),
        ({"tick_age_seconds": None}, None, ["no tick has finished lately: is beat running, and Redis?"]),
        ({"tick_age_seconds": 5_000.0}, "nrr@one", []),
        ({"oldest_due_seconds": 4_000.0}, None, ["a job has been due for 4000 seconds and nobody does it"]),
    ],
)
def test_what_is_unhealthy(changed: Mapping[str, Any], name: str | None, expected: list[str]) -> None:
    """One worker by its own age; all of them with ticks and backlog."""
    assert expected == unhealthy(replace(GOOD, **changed), name, STUCK_SECONDS)


def test_work_of_runs_that_are_over_is_no_backlog(engine: Engine) -> None:
    """What a canceled run left due, or a failed one that was done again, alarms nobody."""
    with begin(engine) as connection:
        old = runs.start(connection, "sync")
        jobs.add(connection, [jobs.Job("list", old), jobs.Job("list", old)])
        claimed = jobs.claim(connection, owner="x", lease_seconds=60)
        assert claimed is not None
        jobs.retry(connection, claimed, "defect", 0, quarantine_after=0)
        runs.finish(connection, old, "failed")
    assert {"quarantined": 1} == dict(freshness.gather(engine).jobs)
    with begin(engine) as connection:
        runs.start(connection, "sync")
    found = freshness.gather(engine)
    assert ({}, None) == (dict(found.jobs), found.oldest_due_seconds)


def test_what_waits_for_an_earlier_stage_is_no_backlog(engine: Engine) -> None:
    """Only what could be done and isn't has waited: a mark behind a long list hasn't."""
    with begin(engine) as connection:
        run = runs.start(connection, "backfill")
        jobs.add(connection, [jobs.Job("list", run), jobs.Job("mark", run, stage=1)])
    waited = freshness.gather(engine).oldest_due_seconds
    assert waited is not None
    with begin(engine) as connection:
        assert jobs.claim(connection, owner="x", lease_seconds=60) is not None
    assert freshness.gather(engine).oldest_due_seconds is None


def test_a_worker_that_ended_in_order_is_not_missed(engine: Engine) -> None:
    """It is gone from the metrics; one that was killed stays there and ages."""
    with begin(engine) as connection:
        for name in ("nrr@killed", "nrr@ended"):
            workers.seen(connection, name, {})
        workers.gone(connection, "nrr@ended")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FreshnessCollector(engine))
    said = generate_latest(registry).decode()
    assert 'nrr_worker_age_seconds{worker="nrr@killed"}' in said
    assert "nrr@ended" not in said


def test_freshness_for_people_and_for_scripts(engine: Engine) -> None:
    """Both say the same; what never happened is never, or null."""
    found = freshness.gather(engine)
    told = freshness.told(found)
    assert (None, None, {}, 0) == (told["events_age_seconds"], told["nightly_through"], told["workers"], told["touched"])
    assert "read to the end: never" in freshness.lines(found)[0]
