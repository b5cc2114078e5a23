"""The whole database in one file, and back: for both kinds, without another program.

A backup is a ZIP archive: what it is (`backup.json`) and the content, for SQLite its own file as its backup interface copies it, for
PostgreSQL each table as COPY writes it, all of one moment. It goes back into an empty database of the same kind: the tables are made as
they were at the backup's schema, filled, and then brought to the schema of this version. Either all of it is there afterwards or nothing.
"""

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from sqlalchemy import Connection, Engine, inspect, select, text

from integrations.private_files import written_atomically, written_privately
from integrations.store import migrate, partitions
from integrations.store.db.clock import now
from integrations.store.db.engine import begin, file_of, read
from integrations.store.tables import metadata
from integrations.store.views.create import drop_all
from integrations.store.work import workers
from integrations.store.work.schema import job

FORMAT: Final = 1
_ABOUT: Final = "backup.json"
_FILE: Final = "nrr.sqlite3"
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_BLOCK: Final = 1 << 20
WORKER_SEEN_SECONDS: Final = 600
"""A worker whose heartbeat is younger than this counts as running."""


class BadBackup(ValueError):
    """The file is no backup that this version can restore, or the database can't take it; nothing was changed."""


class StillRunning(RuntimeError):
    """Somebody works on the database; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup: of which kind of database, at which schema, when it was made, and how many rows each table had."""

    database: str
    schema: str
    made_at: str
    rows: dict[str, int]


def save(engine: Engine, file: Path, at: datetime) -> Backup:
    """Write everything that the database holds at one moment to `file`, for its owner alone. Work may go on meanwhile.

    The file appears under its name only when it is whole. Raises NotMigrated for a database that isn't at this version's schema.
    """
    migrate.require_current(engine)
    with written_atomically(file) as place, ZipFile(place, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        made = _save_postgresql(engine, archive, at) if engine.dialect.name == "postgresql" else _save_sqlite(engine, archive, at)
        archive.writestr(_ABOUT, json.dumps({"format": FORMAT, **asdict(made)}, sort_keys=True, indent=1))
    return made


def _save_postgresql(engine: Engine, archive: ZipFile, at: datetime) -> Backup:
    rows = {}
    with read(engine) as connection:
        for table in metadata.sorted_tables:
            columns = ", ".join(f'"{c.name}"' for c in table.columns)
            with archive.open(f"tables/{table.name}", "w", force_zip64=True) as out, _cursor(connection) as cursor:
                with cursor.copy(f'COPY "{table.name}" ({columns}) TO STDOUT') as copy:
                    for block in copy:
                        out.write(block)
                rows[table.name] = max(cursor.rowcount, 0)
            archive.writestr(f"columns/{table.name}", json.dumps([c.name for c in table.columns]))
        return Backup("postgresql", migrate.current(connection) or "", at.isoformat(), rows)


def _save_sqlite(engine: Engine, archive: ZipFile, at: datetime) -> Backup:
    source = file_of(engine)
    if source is None:
        raise BadBackup("a database in memory can't be backed up; nothing was written")
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        copy = Path(folder) / _FILE
        with written_privately(copy, "wb"):
            pass
        with closing(sqlite3.connect(source)) as held, closing(sqlite3.connect(copy)) as taken:
            held.backup(taken, pages=10_000)
            rows = {
                table.name: int(taken.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0])  # noqa: S608  # our own tables' names
                for table in metadata.sorted_tables
            }
            (schema,) = taken.execute("SELECT version_num FROM alembic_version").fetchone()
        archive.write(copy, _FILE)
    return Backup("sqlite", str(schema), at.isoformat(), rows)


def look(file: Path) -> Backup:
    """What a backup holds. Raises BadBackup."""
    if file.exists() and not file.is_file():
        raise BadBackup(f"{file} is no file, and a backup is one; nothing was changed")
    try:
        with ZipFile(file) as archive:
            told = json.loads(archive.read(_ABOUT))
            broken = archive.testzip()
    except FileNotFoundError:
        raise BadBackup(f"there is no file {file}; nothing was changed") from None
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise BadBackup(f"{file} is no backup of nrr's, or is damaged ({type(error).__name__}); nothing was changed") from None
    if broken is not None:
        raise BadBackup(f"{file} is damaged: {broken} in it can't be read; nothing was changed")
    if told.pop("format", None) != FORMAT or not migrate.is_known(str(told.get("schema"))):
        raise BadBackup(f"{file} was made by a newer version (schema {told.get('schema')}); install that one. Nothing was changed")
    return Backup(**told)


def restore(engine: Engine, file: Path, *, replace: bool = False) -> Backup:
    """Put a backup into the database, and bring it to this version's schema; gives what was in it.

    A database that holds anything is only replaced when `replace` says so. Raises BadBackup, and StillRunning while workers or commands
    are at work on the database: what they believe would no longer hold.
    """
    told = look(file)
    kind = "postgresql" if engine.dialect.name == "postgresql" else "sqlite"
    if told.database != kind:
        raise BadBackup(f"{file} is a backup of {told.database}, and the database is {kind}; nothing was changed")
    _require_idle(engine)
    with read(engine) as connection:
        parts = partitions.parts_of(connection)  # the database's own: a backup is of rows, however they lie
    if not replace and _holds_anything(engine):
        raise BadBackup("the database is not empty; --replace puts the backup in its place. Nothing was changed")
    if kind == "postgresql":
        _restore_postgresql(engine, file, told)
    else:
        _restore_sqlite(engine, file)
    migrate.upgrade(engine, parts=parts)
    with begin(engine) as connection:
        # Who worked when the backup was made is not at work now.
        connection.execute(text("DELETE FROM worker"))
    return told


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def _require_idle(engine: Engine) -> None:
    source = file_of(engine)
    if source is not None and not source.exists():
        return
    with read(engine) as connection:
        if not {"worker", "job"} <= _tables(connection):
            return
        present = now(connection)
        alive = [
            f"{name} ({max(0, round((present - seen_at).total_seconds()))} seconds ago)"
            for name, seen_at, _ in workers.everything(connection)
            if name != workers.TICK and seen_at > present - timedelta(seconds=WORKER_SEEN_SECONDS)
        ]
        leased = connection.execute(select(job.c.id).where(job.c.status == "leased", job.c.lease_until > present).limit(1)).first()
    if alive:
        raise StillRunning(
            f"workers seen lately: {', '.join(alive[:3])}{' and others' if alive[3:] else ''}. Stop them and beat first; one that was killed "
            f"counts as running until {WORKER_SEEN_SECONDS // 60} minutes have passed. Nothing was changed"
        )
    if leased is not None:
        raise StillRunning("a command or a worker is at work on the database: wait for its end, or stop it. Nothing was changed")


def _holds_anything(engine: Engine) -> bool:
    source = file_of(engine)
    if source is not None and not source.exists():
        return False
    with read(engine) as connection:
        found = _tables(connection)
        return any(
            connection.exec_driver_sql(f'SELECT 1 FROM "{name}" LIMIT 1').first() is not None  # noqa: S608  # our own tables' names
            for name in ("account", "run", "customer_state", "subscription_state")
            if name in found
        )


def _restore_postgresql(engine: Engine, file: Path, told: Backup) -> None:
    with begin(engine) as connection, ZipFile(file) as archive:
        drop_all(connection)
        present = _tables(connection)
        for name in sorted({t.name for t in metadata.sorted_tables} & present | ({"alembic_version"} & present)):
            connection.exec_driver_sql(f'DROP TABLE "{name}" CASCADE')
        migrate.to_schema(connection, told.schema)
        # What others point to comes first; the order in which the file names tables says nothing.
        first = {table.name: place for place, table in enumerate(metadata.sorted_tables)}
        for name in sorted(told.rows, key=lambda each: (first.get(each, len(first)), each)):
            named = json.loads(archive.read(f"columns/{name}"))
            if not all(_NAME.fullmatch(each) for each in (name, *named)):
                raise BadBackup(f"{file} names a table or a column that can't be; nothing was changed")
            columns = ", ".join(f'"{each}"' for each in named)
            with _cursor(connection) as cursor, archive.open(f"tables/{name}") as content:
                cursor.execute(f'DELETE FROM "{name}"')  # noqa: S608  # a name that was looked at; what a migration puts into a fresh table
                with cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN') as copy:
                    for block in _blocks(content):
                        copy.write(block)
        _count_on(connection)


def _count_on(connection: Connection) -> None:
    """Numbers that a table gives out go on behind those that came back."""
    owned = connection.exec_driver_sql(
        "SELECT s.relname, t.relname, a.attname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') "
        "JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid "
        "JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema() WHERE s.relkind = 'S'"
    ).all()
    for sequence, table, column in owned:
        connection.exec_driver_sql(
            f'SELECT setval(\'"{sequence}"\', greatest((SELECT coalesce(max("{column}"), 0) FROM "{table}"), 1), '  # noqa: S608  # names out of the catalog
            f'EXISTS (SELECT 1 FROM "{table}"))'
        )


def _restore_sqlite(engine: Engine, file: Path) -> None:
    target = file_of(engine)
    if target is None:
        raise BadBackup("a database in memory can't take a backup; nothing was changed")
    engine.dispose()
    partial = target.with_name(f".{target.name}.part")
    try:
        with ZipFile(file) as archive, archive.open(_FILE) as content, written_privately(partial, "wb") as out:
            for block in _blocks(content):
                out.write(block)
        with closing(sqlite3.connect(partial)) as restored:
            (verdict,) = restored.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise BadBackup(f"the database in {file} is damaged ({verdict}); nothing was changed")
        for beside in ("-wal", "-shm", "-journal"):
            target.with_name(target.name + beside).unlink(missing_ok=True)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _cursor(connection: Connection) -> Any:
    held = connection.connection.driver_connection
    assert held is not None, "a connection that is open"
    return held.cursor()


def _blocks(content: IO[bytes]) -> Iterator[bytes]:
    while block := content.read(_BLOCK):
        yield block
