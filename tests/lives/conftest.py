"""What installations over made-up accounts begin with."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def template(_sqlite_template: Path) -> Path:
    """A migrated database file, to be copied."""
    return _sqlite_template
