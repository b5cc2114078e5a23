"""A business that was synced once, and the page of one of its months: what these tests read and don't change."""

import pytest

from tests.worker.report.parsed import Parsed, parse


@pytest.fixture(scope="session")
def parsed(written: bytes) -> Parsed:
    """The same, taken apart."""
    return parse(written)
