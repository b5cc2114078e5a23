"""The database as a whole: its schema, and backups of it. These are not jobs: nothing else may be under way, or needs to be."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from integrations.store import migrate, partitions
from integrations.store.db.engine import begin, do_not_wait_for_disk, read, wal_is_safe
from integrations.store.partitions import NoPartitions
from integrations.store.work import audit_log
from worker.execution.operator import system_user

if TYPE_CHECKING:
    from integrations.store.backup import Backup as Backup  # noqa: PLC0414  # what `backup` and `restore` give

__all__ = [
    "NoPartitions",
    "backup",
    "do_not_wait_for_disk",
    "has_no_schema",
    "journal_is_safe",
    "require_current",
    "restore",
    "schema",
    "schema_needed",
    "upgrade",
]


def upgrade(engine: Engine, *, parts: int | None = None) -> tuple[str | None, str]:
    """Bring the database to the newest schema; gives the schema before (None: it was empty) and after. Raises NotMigrated.

    `parts`: a new database of PostgreSQL's has its large tables cut into so many. Raises NoPartitions where that can't be.
    """
    if parts is not None:
        partitions.require_fitting(engine.dialect.name, parts)
        with read(engine) as connection:
            partitions.require_possible(connection, parts)
            held = partitions.parts_of(connection)
            if migrate.current(connection) is not None and held != parts:
                state = f"in {held} parts" if held else "that are not cut"
                raise NoPartitions(
                    f"the database has its tables already, {state}; nothing was changed. Back it up (nrr db backup), "
                    "make an empty one with nrr init --partitions, and restore the backup into that: it keeps its parts"
                )
            parts = None if held else parts
    before, after = migrate.upgrade(engine, parts=parts or 0)
    if before not in (None, after):
        with begin(engine) as connection:
            audit_log.write(connection, system_user(), "upgrade", after, before=before)
    return before, after


def require_current(engine: Engine) -> None:
    """Raises NotMigrated unless the database is at the schema that this version needs."""
    migrate.require_current(engine)


def has_no_schema(error: Exception) -> bool:
    """Whether an error says that nothing was ever stored in the database."""
    return isinstance(error, migrate.NotMigrated) and error.found is None


def schema(engine: Engine) -> str | None:
    """The schema that the database is at; None for an empty one."""
    with read(engine) as connection:
        return migrate.current(connection)


def schema_needed() -> str:
    """The schema that this version needs."""
    return migrate.head()


def journal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether a version of SQLite can be trusted with its write-ahead log."""
    return wal_is_safe(version)


def backup(engine: Engine, file: Path, at: datetime) -> "Backup":
    """Write the whole database into one file, which appears when it is whole. Raises NotMigrated, BadBackup, OSError."""
    from integrations.store import backup as backups  # every command asks for the schema, few for a backup

    return backups.save(engine, file, at)


def restore(engine: Engine, file: Path, *, replace: bool = False) -> "Backup":
    """Put a backup into the database; over what is there only with `replace`. Raises BadBackup, StillRunning."""
    from integrations.store import backup as backups

    made = backups.restore(engine, file, replace=replace)
    with begin(engine) as connection:
        audit_log.write(connection, system_user(), "restore", file.name, made_at=made.made_at, schema=made.schema, replaced=replace)
    return made
