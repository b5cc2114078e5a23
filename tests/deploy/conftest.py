"""A migrated database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrations.store import migrate
from integrations.store.db.engine import open_engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty database."""
    made = open_engine(f"sqlite:///{tmp_path / 'nrr.sqlite3'}")
    migrate.upgrade(made)
    yield made
    made.dispose()
