"""Events name discounts by id only: what one takes off is found wherever it was described."""

from pathlib import Path

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script
from tests.stories.living import derived, movements, opened, synced

BEGIN = parse_instant("2025-01-01")


@pytest.mark.parametrize("api_version", ["2024-06-20", "2025-03-31.basil", "2025-09-30.clover"])
@pytest.mark.parametrize("level", ["subscription", "item"])
def test_a_discount_that_came_and_went_between_two_syncs(tmp_path: Path, api_version: str, level: str) -> None:
    """No listing and no invoice ever showed it: the event that announced it is all there is, and it is enough."""
    script = (
        Script()
        .subscribe("2025-01-03T10:00", "price_starter_monthly")
        .discount("2025-01-10T10:00", "PARTNER20", level=level)
        .undiscount("2025-01-20T10:00", level=level)
    )
    business = Business(customers=0, months=2, start=BEGIN, scripts=(script,), api_version=api_version)
    with Sandbox(business, now=BEGIN) as sandbox, opened(f"sqlite:///{tmp_path / 'nrr.sqlite3'}") as engine:
        synced(engine, sandbox, [BEGIN, BEGIN + 5 * DAY, BEGIN + 25 * DAY])
        (found,) = derived(engine, sandbox.now).values()
        assert [29_000_000, 23_200_000, 29_000_000] == [m.after_micros for m in found.movements]
        (truth,) = sandbox.ledger()
        assert list(truth.movements) == movements(found)
        assert () == found.findings
