"""Databases for stories about alerts."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import open_engine


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated database, once of each kind."""
    made = open_engine(migrated_url)
    yield made
    made.dispose()
