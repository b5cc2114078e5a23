"""The product's ledger equals the sandbox's own, to the micro: every customer, every day, every movement and its cause.

The sandbox knows what it did; the product knows what Stripe's pages say. Synced while the business lives, so that events are never
older than Stripe keeps them, both must tell the same story. The seeds and sizes of the quick run are a sample; `NRR_ORACLE=full` runs
every size with every seed.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.business import Business
from metrics.ledger.basis import Basis
from tests.stories.living import derived, kept_out, movements, opened, quiet_end, standings, synced

SMALL, MIDDLE, LARGE = (12, 7), (50, 12), (200, 18)
"""Customers and months."""
SEEDS = range(1, 11)
FULL = os.environ.get("NRR_ORACLE") == "full"
CASES = (
    [(size, seed) for size in (SMALL, MIDDLE, LARGE) for seed in SEEDS]
    if FULL
    else [
        (SMALL, SEEDS[0]),
        *(pytest.param(SMALL, seed, marks=pytest.mark.long) for seed in SEEDS[1:]),
        pytest.param(MIDDLE, 21, marks=pytest.mark.long),
    ]
)


def lived(business: Business, seed: int) -> Iterator[int]:
    """When the product looks: from before the first customer to the end, never more than 29 days apart."""
    rng = Random(seed)
    at, end = business.start, quiet_end(business)
    while at < end:
        yield at
        at += rng.choice((9, 20, 27, 29)) * DAY - rng.randrange(DAY)
    yield end


@pytest.mark.parametrize(
    ("size", "seed"), CASES, ids=lambda each: "x".join(map(str, each)) if isinstance(each, tuple) else str(each)
)
def test_the_ledger_is_the_oracles(migrated_url: str, size: tuple[int, int], seed: int) -> None:
    """Nothing is missing, nothing is there that didn't happen, and nothing is unsure."""
    agree(migrated_url, size, seed)


@pytest.mark.long
def test_the_ledger_of_a_large_business_is_the_oracles(tmp_path: Path) -> None:
    """Once in the quick run; with every seed on both databases in the full one."""
    agree(f"sqlite:///{tmp_path / 'nrr.sqlite3'}", LARGE, 22)


def agree(migrated_url: str, size: tuple[int, int], seed: int) -> None:
    """Let a business live, sync all along, and compare everything."""
    business = Business(customers=size[0], months=size[1], seed=seed)
    with Sandbox(business, now=business.start) as sandbox, opened(migrated_url) as engine:
        synced(engine, sandbox, lived(business, seed))
        found = derived(engine, sandbox.now)
        truths = {truth.customer: truth for truth in sandbox.ledger()}
        assert set(truths) == set(found)
        assert 0 == kept_out(engine)
        for customer, truth in truths.items():
            assert list(truth.movements) == movements(found[customer])
            assert list(truth.standings) == standings(found[customer])
        assert any(truth.movements for truth in truths.values())


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
@pytest.mark.long
def test_days_are_cut_by_the_reporting_zone(migrated_url: str, zone: str) -> None:
    """The same facts give the oracle's days in another time zone too."""
    business = Business(customers=20, months=6, seed=31)
    with Sandbox(business, now=business.start) as sandbox, opened(migrated_url) as engine:
        synced(engine, sandbox, lived(business, 31))
        found = derived(engine, sandbox.now, Basis(timezone=zone))
        for truth in sandbox.ledger(zone):
            assert list(truth.movements) == movements(found[truth.customer])


@pytest.mark.parametrize("api_version", ["2024-06-20", "2025-03-31.basil", "2026-09-30.endive"])
@pytest.mark.long
def test_events_of_every_generation_tell_the_same(migrated_url: str, api_version: str) -> None:
    """An account's events are drawn in its own version, whatever is asked for: the ledger doesn't show which."""
    business = Business(customers=25, months=7, seed=41, api_version=api_version)
    with Sandbox(business, now=business.start) as sandbox, opened(migrated_url) as engine:
        synced(engine, sandbox, lived(business, 41))
        found = derived(engine, sandbox.now)
        for truth in sandbox.ledger():
            assert list(truth.movements) == movements(found[truth.customer])
            assert list(truth.standings) == standings(found[truth.customer])
