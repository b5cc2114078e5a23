"""PostgreSQL fails over to a replica that lacks the last commits, under workers that go on: everything is there in the end."""

import pytest

from tests.faults.conftest import Built
from tests.faults.looking import passed_over
from tests.faults.plant import Plant, until
from tests.faults.test_database import terminate
from tests.faults.test_processes import same
from tests.services.rewind import photographed, put_back

pytestmark = pytest.mark.slow


def failed_over(found: Plant, *, pages: int = 4) -> None:
    """Some pages are stored and lost again; every connection is cut, as a failover does."""
    until(lambda: found.pages() >= pages, 60, "pages are stored", every=0.02)
    photo = photographed(found.engine)
    until(lambda: found.pages() >= 2 * pages, 60, "more pages are stored", every=0.02)
    terminate(found)
    found.engine.dispose()
    put_back(found.engine, photo)


@pytest.mark.parametrize("pages", [3, 5])
def test_what_was_lost_is_read_again(plant: Built, expected: list[str], pages: int) -> None:
    """A reader goes on from what is stored, not from what it remembers."""
    with plant(latency_seconds=0.3, NRR_SHARDS="1") as found:
        found.worker()
        found.beat()
        failed_over(found, pages=pages)
        same(found, expected)


def test_a_reader_that_trusts_its_memory_loses_what_the_database_lost(plant: Built, expected: list[str]) -> None:
    """Without the comparison pages are passed over for good, whether the run is done or goes on for ever."""
    with plant(latency_seconds=0.3, NRR_SHARDS="1") as found:
        found.worker(switch="memory")
        found.beat()
        failed_over(found)
        assert [] != passed_over(found, expected)
