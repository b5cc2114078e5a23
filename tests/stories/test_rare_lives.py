"""Random lives in which everything rare happens too, and in which answers come late, lag behind or leave something out.

Audited after each sync, as an installation is every night. What differs from the oracle must be said: a change past the tenth item of a
subscription, for one, is in no event, and shows when the rest of its items is next read.
"""

from collections.abc import Iterator
from random import Random

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.random_scenarios import FEATURES, MORE
from tests.stories.living import derived, kept_out_for, movements, opened, quiet_end, said_of, standings, watched
from tests.stories.test_oracle import FULL

SEEDS = range(61, 81) if FULL else [pytest.param(seed, marks=pytest.mark.long) for seed in (61, 62)]


def looked_at(business: Business, seed: int) -> Iterator[int]:
    """Every week or three, and a few times in the middle of the hour in which a replica lags behind."""
    rng = Random(seed)
    end = quiet_end(business)
    lagging = sorted(since for _, life in business.lives(end) for since, _, _ in life.lags if business.start < since < end - DAY)
    moments = [since + 1_500 for since in rng.sample(lagging, min(4, len(lagging)))]
    at = business.start
    while at < end:
        moments.append(at)
        at += rng.choice((6, 13, 20, 27)) * DAY - rng.randrange(DAY)
    yield from sorted(moments)
    yield end


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_differs_is_said(migrated_url: str, seed: int) -> None:
    """Hardly anybody differs, nobody in silence; of all that was read only lines that name nobody are kept out."""
    business = Business(customers=60, months=9, seed=seed, features=FEATURES | MORE)
    with Sandbox(business, now=business.start) as sandbox, opened(migrated_url) as engine:
        watched(engine, sandbox, list(looked_at(business, seed)), audited=True)
        found = derived(engine, sandbox.now)
        truths = {truth.customer: truth for truth in sandbox.ledger()}
        assert kept_out_for(engine) <= {"line_without_parent"}, "a line of a manual invoice may be nobody's"
    assert set(truths) == set(found)
    differing = [
        customer
        for customer, truth in truths.items()
        if list(truth.movements) != movements(found[customer]) or list(truth.standings) != standings(found[customer])
    ]
    assert [] == [customer for customer in differing if not said_of(found[customer])]
    assert len(differing) <= len(truths) / 20
