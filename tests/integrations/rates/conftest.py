"""A migrated, empty database of each kind."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import open_engine


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated, empty database."""
    found = open_engine(migrated_url)
    yield found
    found.dispose()
