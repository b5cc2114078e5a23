"""Prices and coupons that become known after somebody was derived with them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine, event

from integrations.store.db.engine import begin
from integrations.store.work import jobs
from integrations.store.work.jobs import Job
from metrics.ledger.basis import Basis
from tests.worker.facts import BASIC, HALF, PRO, Told, at, derive, derived, half_until, mrr
from tests.worker.figures.test_derive import opened_run, rebuilt, step
from worker.execution.stop import Stop
from worker.figures import derive as deriving
from worker.figures.derive import Deriving


def test_a_price_that_becomes_known_is_counted(engine: Engine) -> None:
    """Until then there is a finding and no MRR; when it is listed, whoever has it is derived, and nobody else."""
    told = Told(engine)
    told.catalog(prices=[PRO])
    told.subscription("cus_a")
    told.subscription("cus_b", price="price_pro")
    derive(engine, "2025-02-01")
    assert {"cus_b": 30} == mrr(engine)
    assert any('"reason": "unknown_price"' in line for line in derived(engine))
    told.catalog("2025-02-02", prices=[BASIC])
    assert 1 == derive(engine, "2025-02-03").objects["customers"]
    assert {"cus_a": 10, "cus_b": 30} == mrr(engine)
    assert derived(engine) == rebuilt(engine, "2025-02-03")


def test_a_coupon_that_becomes_known_is_taken_off(engine: Engine) -> None:
    """And one that is found to be worth something else than its first sighting said."""
    told = Told(engine)
    told.catalog(coupons=[])
    told.subscription("cus_a", discounts=[half_until(None)])
    derive(engine, "2025-02-01")
    assert {"cus_a": 10} == mrr(engine)
    told.catalog("2025-02-02", coupons=[HALF])
    derive(engine, "2025-02-03")
    assert {"cus_a": 5} == mrr(engine)
    told.catalog("2025-02-04", coupons=[replace(HALF, percent_off=Decimal(20))])
    derive(engine, "2025-02-05")
    assert {"cus_a": 8} == mrr(engine)
    assert derived(engine) == rebuilt(engine, "2025-02-05")


@pytest.mark.parametrize("whole", [True, False])
def test_a_price_that_comes_while_its_customer_is_derived_is_not_missed(engine: Engine, whole: bool) -> None:
    """Whoever brings a price looks for those who lack it, and finds nobody yet: so the one who derives has to look again."""
    told = Told(engine)
    told.catalog(prices=[PRO])
    if not whole:
        told.subscription("cus_b", price="price_pro")
        derive(engine, "2025-02-01")
    told.subscription("cus_a")
    run = opened_run(engine, "2025-02-02")
    step(engine, run)
    with begin(engine) as connection:
        job = jobs.claim(connection, owner="somebody", lease_seconds=60, runs=[run])
    assert isinstance(job, Job)
    came: list[bool] = []

    def comes(*_: object) -> None:
        if not came:
            came.append(True)
            told.catalog("2025-02-02", prices=[BASIC])

    # The facts have been read as soon as the first connection is given back; nothing is written yet.
    event.listen(engine, "checkin", comes)
    deriving.handlers(Deriving(engine, Stop(), Basis(), at("2025-02-02")))[job.kind](job)
    assert came
    assert "derive_mark" == step(engine, run)
    assert 10 == mrr(engine)["cus_a"]
    assert derived(engine) == rebuilt(engine, "2025-02-02")
