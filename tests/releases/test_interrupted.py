"""An upgrade that is killed, and one that others work beside: the database is as it was, or as it is to be, and loses nothing."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError

from integrations.store import backup, migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.work.schema import setting
from tests.releases.test_upgrade import as_it_was, figures, golden

OLDEST: Final = "0001"
DYING: Final = """
import os, signal, sys
from sqlalchemy import event
from integrations.store import migrate
from integrations.store.db.engine import open_engine
url, revision = sys.argv[1:]
engine = open_engine(url)
@event.listens_for(engine, "after_cursor_execute")
def die(connection, cursor, statement, parameters, context, many):
    if statement.startswith("UPDATE alembic_version") and f"version_num='{revision}'" in statement:
        os.kill(os.getpid(), signal.SIGKILL)
migrate.upgrade(engine)
"""


@pytest.fixture
def oldest(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A database of the oldest release, as that release left it."""
    engine = open_engine(database_url)
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "upgrade", lambda _engine, **_how: None)
        backup.restore(engine, golden(OLDEST, database_url))
    with read(engine) as connection:
        assert OLDEST == migrate.current(connection)
    return engine


def later_schemas() -> list[str]:
    """The schemas after the oldest release's, in order."""
    from alembic.script import ScriptDirectory

    found = [each.revision for each in ScriptDirectory.from_config(migrate._config()).walk_revisions()]
    return [each for each in reversed(found) if each != OLDEST]


@pytest.mark.long
def test_an_upgrade_that_is_killed_in_any_migration_left_nothing(oldest: Engine, database_url: str, tmp_path: Path) -> None:
    """kill -9 after each migration's last statement: the schema is the old one with all that it held, and the next upgrade ends well."""
    was = as_it_was(OLDEST, tmp_path)
    oldest.dispose()
    assert len(later_schemas()) > 8
    for revision in later_schemas():
        done = subprocess.run(
            [sys.executable, "-c", DYING, database_url, revision], capture_output=True, text=True, timeout=60, check=False
        )
        assert -signal.SIGKILL == done.returncode, (revision, done.stderr[-500:])
        with read(oldest) as connection:
            assert (revision, OLDEST) == (revision, migrate.current(connection))
            assert len(was) == connection.execute(text('SELECT count(*) FROM rollup WHERE "current"')).scalar_one()
    assert (OLDEST, migrate.head()) == migrate.upgrade(oldest)
    assert was == figures(oldest)
    oldest.dispose()


@pytest.mark.long
def test_nothing_that_was_committed_beside_an_upgrade_is_lost(oldest: Engine, tmp_path: Path) -> None:
    """Four that write and two that read while it runs: each writer's commits are all there afterwards, and the figures are those of then."""
    was, over, kept = as_it_was(OLDEST, tmp_path), threading.Event(), list[str]()
    began = threading.Barrier(7)

    def write(writer: int) -> None:
        began.wait(30)
        number = 0
        while not over.is_set() or number < 3:
            name = f"load:{writer}:{number}"
            try:
                with begin(oldest) as connection:
                    connection.execute(setting.insert().values(name=name, value="1", updated_at=text("CURRENT_TIMESTAMP")))
            except OperationalError:
                continue  # SQLite's lock was held for longer than it waits: not committed, so not promised
            kept.append(name)
            number += 1
            over.wait(0.005)

    def look() -> None:
        began.wait(30)
        while not over.is_set():
            with read(oldest) as connection:
                assert migrate.current(connection) in (OLDEST, migrate.head()), "nobody sees a schema on the way"
            over.wait(0.005)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)] + [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    began.wait(30)
    try:
        migrate.upgrade(oldest)
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not [thread for thread in threads if thread.is_alive()]
    with read(oldest) as connection:
        found = set(connection.execute(select(setting.c.name).where(setting.c.name.startswith("load:"))).scalars())
    assert set(kept) == found
    assert len(kept) >= 12
    assert was == figures(oldest)
    oldest.dispose()


def test_the_killed_one_was_really_killed(database_url: str) -> None:
    """A control: without a migration to die in, the same process comes to its end."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, database_url, "none"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "") == (done.returncode, done.stderr), os.environ.get("PYTHONPATH")
