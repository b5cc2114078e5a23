"""A database loses its last commits under workers that go on, as after a backup that was put back: everything is there in the end."""

import json

import pytest

from tests.faults.conftest import Built
from tests.faults.looking import INVOICES, LATE, invoices_read, lacking
from tests.faults.plant import Plant, Process, until
from tests.faults.test_database import terminate
from tests.faults.test_processes import same
from tests.services.rewind import photographed, put_back

pytestmark = pytest.mark.slow

ONE_READER = {"latency_seconds": 0.5, "NRR_SHARDS": "1", "NRR_LEASE_SECONDS": "60"}
"""Its lease is long: nobody else takes the job, and all that keeps it from going on is what it compares."""


def lost_meanwhile(found: Plant, worker: Process) -> None:
    """Two pages of invoices are stored and lost again while the reader waits for the next one and notices nothing."""
    found.stripe.faults.add(LATE)
    invoices_read(found, 1)
    photo = photographed(found.engine)
    invoices_read(found, 3)
    with worker.asleep():
        assert found.query(INVOICES, pages=3), "it waits for the next page"
        terminate(found)
        found.engine.dispose()
        put_back(found.engine, photo)
        assert [(1,)] == [tuple(row) for row in found.query(INVOICES, pages=1)], "it is held, and stands where it stood"
        found.stripe.faults.clear()


def said_to_be_read(found: Plant, worker: Process, expected: list[str]) -> list[str]:
    """What is missing of the invoices at the moment at which all is said to be read. (The night's audit would find it.)

    Of what the reader reads, and nothing else: what only the night brings, such as rates, is missing then with every reader.
    """
    until(lambda: found.runs("sync", "done"), 180, "all is said to be read", every=0.02)
    with worker.asleep():
        return [line for line in lacking(found, expected) if json.loads(line)["table"] in ("invoice", "invoice_line")]


def test_what_was_lost_is_read_again(plant: Built, expected: list[str]) -> None:
    """A reader goes on from what is stored, not from what it remembers."""
    with plant(**{**ONE_READER, "NRR_LEASE_SECONDS": "6"}) as found:
        worker = found.worker(processes=1)
        found.beat()
        lost_meanwhile(found, worker)
        same(found, expected)


def test_a_reader_that_trusts_its_memory_loses_what_the_database_lost(plant: Built, expected: list[str]) -> None:
    """Without the comparison all is said to be read, and pages are missing."""
    with plant(**ONE_READER) as found:
        worker = found.worker(processes=1, switch="memory")
        found.beat()
        lost_meanwhile(found, worker)
        assert [] != said_to_be_read(found, worker, expected)
