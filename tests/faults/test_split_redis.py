"""Workers and beats that see two different Redis: jobs are in the database, so nothing is lost and nothing is done twice."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Built
from tests.faults.plant import Plant, until
from tests.faults.test_processes import same
from tests.services.redis import RedisServer

pytestmark = pytest.mark.slow

DOUBLED = "SELECT stream, since, until FROM job GROUP BY run_id, kind, stream, account, since, until HAVING count(*) > 1"


@pytest.fixture
def other() -> Iterator[RedisServer]:
    """A second Redis, of which the first knows nothing."""
    found = RedisServer()
    found.start()
    yield found
    found.stop()


def split(found: Plant, other: RedisServer, switch: str = "") -> None:
    """A worker and a beat at each of the two, both workers there before the first tick."""
    workers = (found.worker("one", switch=switch), found.worker("two", switch=switch, REDIS_URL=other.url))
    until(lambda: all("ready." in each.said() for each in workers), 120, "both workers are ready")
    found.beat()
    found.beat(REDIS_URL=other.url)


def read_of(found: Plant, expected: list[str]) -> tuple[int, int]:
    """How many invoices the first sync has counted, and how many there are."""
    first = "SELECT min(run_id) FROM job WHERE stream = 'invoices'"
    [(counted,)] = found.query(f"SELECT sum(objects) FROM job WHERE stream = 'invoices' AND run_id = ({first})")
    return int(counted), sum('"table": "invoice"' in line for line in expected)


def test_nothing_is_lost_and_nothing_is_done_twice(plant: Built, other: RedisServer, expected: list[str]) -> None:
    """Both work on one sync and one night, each object is counted once, and the content is the same to the byte."""
    with plant(latency_seconds=0.3) as found:
        split(found, other)
        same(found, expected)
        assert (1, 1) == (found.runs("sync"), found.runs("nightly"))
        counted, held = read_of(found, expected)
        assert held == counted
        owners = {row[0] for row in found.query("SELECT DISTINCT owner FROM job WHERE owner IS NOT NULL")}
        assert len(owners) > 1, "one of them has done it all: nothing was shared"


def test_one_of_the_two_dies_with_what_it_held(plant: Built, other: RedisServer, expected: list[str]) -> None:
    """The worker that sees it hears nothing any more; the other one does the rest."""
    with plant(latency_seconds=0.3) as found:
        split(found, other)
        until(lambda: found.pages() >= 2, 120, "pages are stored")
        other.kill()
        same(found, expected)


def test_with_jobs_held_in_redis_they_are_done_twice(plant: Built, other: RedisServer, expected: list[str]) -> None:
    """A control: each of the two lets its own worker have the job."""
    with plant(latency_seconds=0.5, NRR_SHARDS="1") as found:
        split(found, other, switch="claims,fence")
        until(lambda: found.query("SELECT 1 FROM run WHERE kind = 'sync' AND status <> 'running'"), 180, "the sync has ended")
        counted, held = read_of(found, expected)
        assert counted > held or found.query(DOUBLED)
