"""Backups: the whole database comes back, from an older schema too, never under running workers, and never half."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine, text

from integrations.store import backup, migrate
from integrations.store.backup import BadBackup, StillRunning
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.work import jobs, runs, workers
from tests.integrations.store import dump
from tests.integrations.store.telling import customer, invoice, put, subscription

AT = datetime(2026, 11, 30, tzinfo=UTC)


def filled(engine: Engine) -> None:
    """Some facts and a run, as a sync leaves them."""
    put(engine, customers=[customer("cus_1")], subscriptions=[subscription("sub_1", "cus_1")], invoices=[invoice("in_1", "cus_1")])
    with begin(engine) as connection:
        jobs.add(connection, [jobs.Job("list", runs.start(connection, "sync"))])


def content(engine: Engine) -> list[str]:
    """Every fact and figure, as canonical text."""
    with read(engine) as connection:
        return list(dump.canonical(connection))


@pytest.fixture
def empty(request: pytest.FixtureRequest, migrated_url: str, tmp_path: Path) -> Engine:
    """A second database of the same kind, without a schema."""
    if migrated_url.startswith("sqlite"):
        return open_engine(f"sqlite:///{tmp_path / 'other' / 'nrr.sqlite3'}")
    return open_engine(request.getfixturevalue("postgres_database"))


def test_everything_comes_back(engine: Engine, empty: Engine, tmp_path: Path) -> None:
    """Into an empty database, byte for byte; numbers that tables give out go on; the file is the owner's alone."""
    filled(engine)
    file = tmp_path / "nrr.backup"
    made = backup.save(engine, file, AT)
    assert made == backup.look(file)
    assert (0o600 if os.name == "posix" else stat.S_IMODE(file.stat().st_mode)) == stat.S_IMODE(file.stat().st_mode)
    if empty.dialect.name == "sqlite":
        Path(str(empty.url.database)).parent.mkdir()
    backup.restore(empty, file)
    assert content(engine) == content(empty)
    migrate.require_current(empty)
    with begin(empty) as connection:
        assert 2 == runs.start(connection, "sync"), "the next run has the next number"
    empty.dispose()


def test_what_is_there_is_replaced_only_when_asked(engine: Engine, tmp_path: Path) -> None:
    """And then the database is what it was at the backup."""
    filled(engine)
    file = tmp_path / "nrr.backup"
    backup.save(engine, file, AT)
    before = content(engine)
    with begin(engine) as connection:
        connection.execute(text("DELETE FROM subscription_state"))
    with pytest.raises(BadBackup, match="--replace"):
        backup.restore(engine, file)
    assert before != content(engine)
    backup.restore(engine, file, replace=True)
    assert before == content(engine)


def test_never_under_running_workers(engine: Engine, tmp_path: Path) -> None:
    """A heartbeat or a lease says that somebody is at work: nothing is changed."""
    filled(engine)
    file = tmp_path / "nrr.backup"
    backup.save(engine, file, AT)
    with begin(engine) as connection:
        workers.seen(connection, "worker@host", {})
    with pytest.raises(StillRunning, match="worker@host"):
        backup.restore(engine, file, replace=True)
    with begin(engine) as connection:
        workers.gone(connection, "worker@host")
        jobs.add(connection, [jobs.Job("list", runs.start(connection, "sync"))])
        connection.execute(text("UPDATE job SET status = 'leased', lease_until = '2999-01-01 00:00:00+00:00'"))
    with pytest.raises(StillRunning, match="at work"):
        backup.restore(engine, file, replace=True)


def test_as_soon_as_workers_were_stopped_in_order(engine: Engine, tmp_path: Path) -> None:
    """A tick that was done a moment ago is nobody who could still be at work."""
    filled(engine)
    file = tmp_path / "nrr.backup"
    backup.save(engine, file, AT)
    before = content(engine)
    with begin(engine) as connection:
        workers.seen(connection, workers.TICK, {"opened": []})
        connection.execute(text("DELETE FROM subscription_state"))
    backup.restore(engine, file, replace=True)
    assert before == content(engine)


def test_an_older_schema_comes_back_as_the_newest(migrated_url: str, empty: Engine, tmp_path: Path) -> None:
    """What an older release backed up is restored by this one, and upgraded."""
    old = open_engine(migrated_url)
    file = tmp_path / "nrr.backup"
    if empty.dialect.name == "sqlite":
        Path(str(empty.url.database)).parent.mkdir()
    with begin(empty) as connection:
        migrate.to_schema(connection, "0002")
        connection.execute(text("INSERT INTO segment_name (dimension, segment, name) VALUES ('plan', 'price_1', 'Pro')"))
    older = backup.Backup("sqlite" if empty.dialect.name == "sqlite" else "postgresql", "0002", AT.isoformat(), {})
    _by_hand(empty, file, older)
    backup.restore(old, file, replace=True)
    migrate.require_current(old)
    with read(old) as connection:
        assert "Pro" == connection.execute(text("SELECT name FROM segment_name")).scalar_one()
    for each in (old, empty):
        each.dispose()


def _by_hand(engine: Engine, file: Path, told: backup.Backup) -> None:
    """A backup of a schema that isn't this version's, written as the release of that schema did."""
    import json
    from dataclasses import asdict

    with ZipFile(file, "w") as archive:
        rows = {}
        if engine.dialect.name == "sqlite":
            engine.dispose()
            archive.write(str(engine.url.database), "nrr.sqlite3")
        else:
            archive.writestr("columns/segment_name", '["dimension", "segment", "name"]')
            archive.writestr("tables/segment_name", "plan\tprice_1\tPro\n")
            rows = {"segment_name": 1}
        archive.writestr("backup.json", json.dumps({"format": 1, **asdict(told), "rows": rows}))


def test_what_is_no_backup_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    """A missing file, something else, a cut one, another kind of database: each is told, and nothing is touched."""
    filled(engine)
    before = content(engine)
    file = tmp_path / "nrr.backup"
    with pytest.raises(BadBackup, match="there is no file"):
        backup.restore(engine, file, replace=True)
    file.write_bytes(b"not a zip")
    with pytest.raises(BadBackup, match="no backup of nrr's"):
        backup.restore(engine, file, replace=True)
    backup.save(engine, file, AT)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadBackup, match="damaged"):
        backup.restore(engine, file, replace=True)
    other = "postgresql" if engine.dialect.name == "sqlite" else "sqlite"
    with ZipFile(file, "w") as archive:
        archive.writestr("backup.json", f'{{"format": 1, "database": "{other}", "schema": "0001", "made_at": "", "rows": {{}}}}')
    with pytest.raises(BadBackup, match=f"backup of {other}"):
        backup.restore(engine, file, replace=True)
    assert before == content(engine)
