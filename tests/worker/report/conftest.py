"""A business that was synced once, and the page of one of its months, which these tests read and don't change; and one in a database of its own."""

import pytest
from sqlalchemy import Engine

from tests.worker.report.books import business
from tests.worker.report.parsed import Parsed, parse
from worker.queries.session import Session


@pytest.fixture(scope="session")
def parsed(written: bytes) -> Parsed:
    """The same, taken apart."""
    return parse(written)


@pytest.fixture
def session(engine: Engine) -> Session:
    """A business that bills in three currencies."""
    return business(engine)
