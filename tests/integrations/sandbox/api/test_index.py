"""A business of any size fits: what lies on disk in pieces, or is lived again on demand, answers as what lies in memory."""

import pytest

from integrations.sandbox.api import index
from integrations.sandbox.ids import MAX_CUSTOMERS
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.integrations.sandbox.asking import every

BUSINESS = Business(customers=60, months=6, seed=8)
LISTS = ("/v1/customers", "/v1/subscriptions", "/v1/invoices", "/v1/events")


def told(sandbox: Sandbox) -> list[object]:
    """Everything that is listed."""
    return [each for path in LISTS for each in every(sandbox, path)]


@pytest.mark.long
def test_spilled_and_lived_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions that went to disk a hundred at a time, and lives that are kept nowhere, make the same lists."""
    with Sandbox(BUSINESS) as sandbox:
        whole = told(sandbox)
    monkeypatch.setattr(index, "_IN_MEMORY", 100)
    monkeypatch.setattr(index, "KEPT_LIVES", 0)
    monkeypatch.setattr(index, "_CACHED", 3)
    with Sandbox(BUSINESS) as sandbox:
        assert whole == told(sandbox)


def test_the_same_seed_is_the_same_business() -> None:
    """To the byte; another seed is another one."""
    with Sandbox(BUSINESS) as one, Sandbox(BUSINESS) as two, Sandbox(Business(customers=60, months=6, seed=9)) as other:
        assert told(one) == told(two) != told(other)


def test_no_more_than_ids_can_tell_apart() -> None:
    """A million customers and some; past that it says so."""
    Business(customers=1_000_000)
    with pytest.raises(ValueError, match="at most"):
        Business(customers=MAX_CUSTOMERS)
    with pytest.raises(ValueError, match="unknown features"):
        Business(features=frozenset({"wishes"}))
