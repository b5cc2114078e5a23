"""A migrated database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import open_engine


@pytest.fixture
def engine(tmp_path: Path, _sqlite_template: Path) -> Iterator[Engine]:
    """A migrated, empty database."""
    shutil.copy(_sqlite_template, tmp_path / "nrr.sqlite3")
    made = open_engine(f"sqlite:///{tmp_path / 'nrr.sqlite3'}")
    yield made
    made.dispose()
