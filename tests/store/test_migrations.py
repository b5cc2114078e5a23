"""The migrations bring both databases to exactly the tables that the code describes."""

import pytest

from integrations.store.engine import open_engine, read
from integrations.store.migrate import NotMigrated, differences, head, require_current, upgrade


def test_migrations_and_tables_agree(database_url: str) -> None:
    """After an upgrade from nothing there is no difference left, and a second upgrade changes nothing."""
    engine = open_engine(database_url)
    assert upgrade(engine) == (None, head())
    assert upgrade(engine) == (head(), head())
    with read(engine) as connection:
        assert differences(connection) == []
    engine.dispose()


def test_an_unmigrated_database_names_the_next_command(database_url: str) -> None:
    """Working on an empty database is refused with the command that helps."""
    engine = open_engine(database_url)
    with pytest.raises(NotMigrated, match="nrr db upgrade"):
        require_current(engine)
    upgrade(engine)
    require_current(engine)
    engine.dispose()
