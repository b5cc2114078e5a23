"""One business that everybody may look at, and move no clock of."""

from collections.abc import Iterator

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script

_PLANNED = (
    Script("Planned")
    .subscribe("2024-02-01", "price_team_monthly")
    .schedule_change("2024-02-05", "2024-03-01", "price_team_monthly", 4)
)
BUSINESS = Business(customers=90, months=14, seed=5, scripts=(_PLANNED,))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox at the end of its months. Don't change its clock or its faults: it is shared."""
    with Sandbox(BUSINESS) as opened:
        yield opened
