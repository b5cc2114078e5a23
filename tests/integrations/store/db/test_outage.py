"""Errors of the database by what they are: what passes is waited for, what can't be done is not tried for ever."""

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integrations.store.db import engine as db_engine
from integrations.store.db.engine import BUSY_TRIES, begin, open_engine
from integrations.store.db.outage import is_busy, may_pass
from worker.execution.crew import ending
from worker.execution.terms import Terms


def told(state: str | None) -> OperationalError:
    """An error of psycopg's with this SQLSTATE, as SQLAlchemy hands it on."""
    origin = psycopg.OperationalError("said so") if state is None else psycopg.errors.lookup(state)("said so")
    return OperationalError("SELECT 1", None, origin)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, True),  # no server answered
        ("08006", True),
        ("28P01", True),  # the password was changed
        ("40P01", True),
        ("53100", True),
        ("55P03", True),
        ("57P01", True),
        ("25006", True),  # a standby
        ("54000", False),  # an index row that is too long
        ("54023", False),
        ("42P01", False),
        ("22003", False),
    ],
)
def test_postgresql_says_by_its_code_what_it_is(state: str | None, expected: bool) -> None:
    """Whatever class the driver makes of it."""
    assert expected == may_pass(told(state))


@pytest.mark.parametrize(("state", "after"), [("57P01", 1_000_000), ("54000", 3)])
def test_what_cannot_be_done_is_put_aside(state: str, after: int) -> None:
    """After as many tries as any other defect; an outage is waited for."""
    assert after == ending(told(state), 1, Terms("test", attempts=3)).quarantine_after


def test_a_pool_without_a_connection_and_a_plain_error() -> None:
    """The first passes; what isn't the database's is nothing of this."""
    assert [True, False, False] == [may_pass(PoolTimeout()), may_pass(ValueError()), may_pass(DataError("x", None, ValueError()))]


def test_sqlite_says_by_its_code_what_it_is(tmp_path: Path) -> None:
    """A table that isn't there is a defect; a file that can't be opened may be there later."""
    engine = open_engine(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    with pytest.raises(OperationalError) as missing, begin(engine) as connection:
        connection.execute(text("SELECT * FROM nothing"))
    assert (False, False) == (may_pass(missing.value), is_busy(missing.value))
    engine.dispose()
    elsewhere = open_engine(f"sqlite:///{tmp_path / 'no' / 'folder.sqlite3'}")
    with pytest.raises(OperationalError) as away, begin(elsewhere):
        pass
    assert may_pass(away.value)


def test_a_row_that_no_index_takes_is_no_outage(engine: Engine) -> None:
    """PostgreSQL's own words for it; SQLite takes it."""
    if engine.dialect.name != "postgresql":
        pytest.skip("an index of SQLite's takes any length")
    import random

    chance = random.Random(5)
    long = "".join(chr(chance.randint(0x4E00, 0x9FFF)) for _ in range(4_000))
    with pytest.raises((OperationalError, ProgrammingError)) as caught, begin(engine) as connection:
        connection.execute(text("INSERT INTO worker (name, seen_at, detail) VALUES (:name, now(), '{}')"), {"name": long})
    assert not may_pass(caught.value)


def test_a_locked_file_is_asked_for_again(tmp_path: Path) -> None:
    """Somebody holds SQLite's lock for longer than one wait lasts: whoever wants to write waits on, and then does."""
    path = tmp_path / "a.sqlite3"
    engine = open_engine(f"sqlite:///{path}", busy_seconds=0.2)
    with begin(engine) as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    released = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
    released.start()
    with begin(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    released.join()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError) as caught, begin(engine):
        pass
    assert is_busy(caught.value)
    assert may_pass(caught.value)
    assert BUSY_TRIES > 1
    other.close()
    engine.dispose()


def test_a_commit_waits_for_a_reader_that_looks_for_longer_than_one_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused once, SQLite keeps what was written: it is committed as soon as nobody looks. (With a write-ahead log nobody would be in the way.)"""
    path = tmp_path / "a.sqlite3"
    monkeypatch.setattr(db_engine, "wal_is_safe", lambda _version: False)
    engine = open_engine(f"sqlite:///{path}", busy_seconds=0.05)
    with begin(engine) as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    refused: list[BaseException] = []

    def gone_after_the_first(error: BaseException) -> bool:
        refused.append(error)
        if reader.in_transaction:
            reader.execute("ROLLBACK")
        return is_busy(error)

    monkeypatch.setattr(db_engine, "is_busy", gone_after_the_first)
    with begin(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    assert (1, [(1,)]) == (len(refused), reader.execute("SELECT x FROM t").fetchall())
    reader.close()
    engine.dispose()
