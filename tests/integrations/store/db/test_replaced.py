"""SQLite's file is replaced, or removed, under a process that has it open: what is under its name counts, and nothing is made in its place."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.db.outage import may_pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with the words of its own day."""
    found = tmp_path / "nrr.sqlite3"
    made = open_engine(f"sqlite:///{found}")
    with begin(made) as connection:
        connection.execute(text("CREATE TABLE word (said TEXT)"))
        connection.execute(text("INSERT INTO word VALUES ('old')"))
    made.dispose()
    return found


@pytest.fixture(params=[False, True], ids=["worker", "reader"])
def engine(file: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Somebody who looked already, and keeps several connections."""
    found = open_engine(f"sqlite:///{file}", read_only=request.param)
    with read(found) as one, read(found) as two:
        assert ["old", "old"] == [connection.execute(text("SELECT said FROM word")).scalar_one() for connection in (one, two)]
    yield found
    found.dispose()


def replaced(file: Path) -> None:
    """Another database comes to stand under the name."""
    other = file.with_name("other.sqlite3")
    shutil.copyfile(file, other)
    changed = open_engine(f"sqlite:///{other}")
    with begin(changed) as connection:
        connection.execute(text("UPDATE word SET said = 'new'"))
    changed.dispose()
    other.replace(file)


def said(engine: Engine) -> str:
    """What is in the database."""
    with read(engine) as connection:
        return str(connection.execute(text("SELECT said FROM word")).scalar_one())


def test_another_file_is_seen_at_once(engine: Engine, file: Path) -> None:
    """By each of the connections that were open, however often it is replaced."""
    for _ in range(3):
        replaced(file)
        with read(engine) as one, read(engine) as two:
            assert ["new", "new"] == [connection.execute(text("SELECT said FROM word")).scalar_one() for connection in (one, two)]


def test_whoever_writes_writes_into_it(file: Path) -> None:
    """Nobody is refused for ever, and nothing goes into a file that has no name any more."""
    worker, other = open_engine(f"sqlite:///{file}"), open_engine(f"sqlite:///{file}")
    assert "old" == said(worker)
    replaced(file)
    with begin(worker) as connection:
        connection.execute(text("UPDATE word SET said = 'written'"))
    assert "written" == said(other)
    worker.dispose()
    other.dispose()


def test_a_file_that_is_gone_is_an_outage_and_is_not_made_anew(engine: Engine, file: Path) -> None:
    """When it is back, work goes on."""
    aside = file.with_name("aside.sqlite3")
    file.rename(aside)
    for _ in range(2):
        with pytest.raises(OperationalError) as caught:
            said(engine)
        assert may_pass(caught.value)
        assert not file.exists()
    aside.rename(file)
    assert "old" == said(engine)


def test_a_file_that_connecting_makes_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask says, also beside odd signs in its name."""
    before = os.umask(0)
    try:
        file = tmp_path / "a b%41?#.sqlite3"
        made = open_engine("sqlite://").url.set(database=str(file)).render_as_string()
        engine = open_engine(made)
        with begin(engine) as connection:
            connection.execute(text("CREATE TABLE word (said TEXT)"))
        engine.dispose()
        assert 0o600 == file.stat().st_mode & 0o777
        assert [file] == list(tmp_path.iterdir())
    finally:
        os.umask(before)


def test_only_who_may_make_a_file_makes_one(tmp_path: Path) -> None:
    """A slip in its name, or a process that opens it for the first time after it was removed, leaves no empty file behind."""
    file = tmp_path / "none.sqlite3"
    for found in (open_engine(f"sqlite:///{file}", make=False), open_engine(f"sqlite:///{file}", read_only=True)):
        with pytest.raises(OperationalError):
            said(found)
        assert [] == list(tmp_path.iterdir())
