"""A migrated, empty database of each kind."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import open_engine
from integrations.store.migrate import upgrade


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A migrated, empty database."""
    found = open_engine(database_url)
    upgrade(found)
    yield found
    found.dispose()
