"""PostgreSQL fails over to a real standby that lacks the last commits, under workers that go on: everything is there in the end."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Built
from tests.faults.looking import INVOICES, LATE, invoices_read
from tests.faults.plant import Plant, until
from tests.faults.test_lost_commits import ONE_READER, said_to_be_read
from tests.faults.test_processes import same
from tests.services.postgres import create_database
from tests.services.replicated import Replicated

pytestmark = pytest.mark.slow


@pytest.fixture
def pair() -> Iterator[Replicated]:
    """A primary with its standby."""
    found = Replicated()
    try:
        yield found
    finally:
        found.stop()


def address(pair: Replicated) -> str:
    """A database of the pair's."""
    return create_database(pair.dsn("postgres"), "nrr").replace("postgresql://", "postgresql+psycopg://")


def failed_over(found: Plant, pair: Replicated, *, pages: int) -> int:
    """So many pages more are stored that the standby never hears of, and it takes over; gives how many of them it lacks."""
    pair.hold_back()
    before = found.pages()
    until(lambda: found.pages() >= before + pages, 120, "more pages are stored", every=0.02)
    stood = found.pages()
    assert pair.fail_over() > 0
    found.engine.dispose()
    return stood - found.pages()


def test_a_standby_takes_over_without_the_last_commits(plant: Built, pair: Replicated, expected: list[str]) -> None:
    """Twice in one read: what was stored and is gone is read again, and nothing is counted twice."""
    with plant(latency_seconds=0.3, database=address(pair), NRR_SHARDS="1") as found:
        found.worker("one")
        found.worker("two")
        found.beat()
        until(lambda: found.pages() >= 1, 120, "a page is stored")
        assert 0 < failed_over(found, pair, pages=2)
        until(lambda: found.pages() >= 2, 120, "they go on")
        assert 0 < failed_over(found, pair, pages=2)
        same(found, expected)


def test_a_night_that_was_lost_is_done_again(plant: Built, pair: Replicated, expected: list[str]) -> None:
    """Everything was done, and the standby knows of none of it: not of the account, not of a run."""
    with plant(database=address(pair)) as found:
        pair.hold_back()
        found.worker()
        found.beat()
        same(found, expected)
        assert pair.fail_over() > 0
        found.engine.dispose()
        assert not found.settled()
        same(found, expected)


def test_a_backfill_by_hand_outlives_it_or_says_so(plant: Built, pair: Replicated, expected: list[str]) -> None:
    """The command whose own run is gone ends well or with a sentence, never with a traceback; given again it reads everything."""
    with plant(latency_seconds=0.3, database=address(pair), NRR_SHARDS="1") as found:
        pair.hold_back()
        begun = found.command("backfill", "run")
        until(lambda: found.pages() >= 3, 120, "pages are stored", every=0.02)
        pair.fail_over()
        found.engine.dispose()
        code = begun.wait(120)
        assert "Traceback" not in begun.said(), begun.said()
        if code:
            assert "nrr: the database did not do what was asked" in begun.said(), begun.said()
            assert 0 == found.command("backfill", "run").wait(120)
        found.worker()
        found.beat()
        same(found, expected)


def test_a_reader_that_trusts_its_memory_loses_what_the_standby_lacks(plant: Built, pair: Replicated, expected: list[str]) -> None:
    """A control: a reader that waits for Stripe meanwhile notices nothing, and without the comparison all is said to be read."""
    with plant(database=address(pair), **ONE_READER) as found:
        worker = found.worker(processes=1, switch="memory")
        found.beat()
        found.stripe.faults.add(LATE)
        invoices_read(found, 1)
        pair.hold_back()
        invoices_read(found, 3)
        with worker.asleep():
            assert found.query(INVOICES, pages=3), "it waits for the next page"
            pair.fail_over()
            found.engine.dispose()
            [(pages,)] = found.query(INVOICES, pages=1)
            assert pages < 3, "it is held, and stands where the standby knows it"
        assert [] != said_to_be_read(found, worker, expected)
