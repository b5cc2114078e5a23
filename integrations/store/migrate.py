"""Bringing the database to the schema that this version of the product knows.

Alembic, all tables and all views are loaded by what changes or compares a schema and not by what merely asks whether it is the right one: every command asks.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text

from integrations.private_files import private_file, private_folder
from integrations.store import partitions
from integrations.store.db.engine import begin, file_of, is_postgresql, read

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK = 7_254_001
"""The advisory lock under which PostgreSQL migrates: two upgrades at once wait for one another."""


class NotMigrated(RuntimeError):
    """The database's schema is not the one that this version needs."""

    def __init__(self, found: str | None, needed: str) -> None:
        state = "has no schema yet" if found is None else f"is at schema {found}"
        advice = "Run: nrr db upgrade" if found is None or is_known(found) else "A newer version made it so: install that one"
        super().__init__(f"the database {state}, this version needs {needed}; nothing was changed. {advice}")
        self.found = found
        self.needed = needed


class NoOneSchema(RuntimeError):
    """The database, or this installation, names several schemas at once, or none that leads to the newest."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; nothing was changed. {advice}")


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@cache
def revisions() -> tuple[str, ...]:
    """Every schema that this version knows, oldest first: a migration's file begins with its revision, and they are a single chain."""
    return tuple(sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")))


def head() -> str:
    """The newest schema that this version knows."""
    return revisions()[-1]


def is_known(revision: str) -> bool:
    """Whether this version knows a schema."""
    return revision in revisions()


def current(connection: Connection) -> str | None:
    """The schema that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = sorted(str(each) for each in connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    if len(found) > 1:
        raise NoOneSchema(
            f"the database is at several schemas at once ({', '.join(found)})",
            "Releases that don't belong together have been at it: restore a backup",
        )
    return found[0] if found else None


def upgrade(engine: Engine, *, parts: int = 0) -> tuple[str | None, str]:
    """Bring the database to the newest schema, in one transaction; gives the schema before and after.

    With `parts` its large tables are cut into so many, with what is in them. Once some are cut, so is each that a newer schema brings.

    A file of SQLite's is made where there is none yet. Raises NotMigrated when a newer version than this one has been at it.
    """
    from integrations.store.views.create import create_all

    file = file_of(engine)
    if file is not None:
        private_file(private_folder(file.parent) / file.name)
    with begin(engine) as connection:
        if is_postgresql(connection):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = current(connection)
        if before is not None and not is_known(before):
            raise NotMigrated(before, head())
        if before == head() and not parts and not _may_create(connection):
            return before, head()  # nothing is due, and whoever works in it needn't be the one who made it
        to_schema(connection, "head")
        from integrations.store.views.create import create_all, drop_all

        if parts:
            partitions.require_possible(connection, parts)
            drop_all(connection)
        if wanted := parts or partitions.parts_of(connection):
            partitions.cut(connection, wanted)
        # Views are made last and as they are now, whatever schema a database comes from: a migration knows only the tables of its day.
        create_all(connection)
    return before, head()


def _may_create(connection: Connection) -> bool:
    """Whether this login may make tables and views at all; anybody may in a file."""
    return not is_postgresql(connection) or bool(
        connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar()
    )


def to_schema(connection: Connection, revision: str) -> None:
    """Make or change the tables to what they were at a schema, or to the newest (`head`); no views."""
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(_config(connection), revision)
    except CommandError as error:
        raise NoOneSchema(
            f"the migrations of this installation of nrr are no single chain ({str(error).splitlines()[0]})",
            "Files of two releases lie beside one another: install one anew",
        ) from None


def require_current(engine: Engine) -> None:
    """Raises NotMigrated unless the database is at the newest schema. A file that isn't there is not made: its name may be a slip."""
    file = file_of(engine)
    if file is not None and not file.exists():
        raise NotMigrated(None, head())
    with read(engine) as connection:
        found = current(connection)
    if found != head():
        raise NotMigrated(found, head())


def differences(connection: Connection) -> list[object]:
    """How the database's tables differ from the ones that the code describes; empty when the migrations are complete."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from integrations.store.tables import metadata

    return list(compare_metadata(MigrationContext.configure(connection), metadata))
