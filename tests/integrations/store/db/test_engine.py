"""Opening a database: the same behaviour of both kinds, and no password in any error."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from integrations.store.db import clock
from integrations.store.db.engine import BadDatabaseUrl, begin, is_postgresql, open_engine, read, wal_is_safe
from integrations.store.facts.schema import event
from integrations.store.work import key_value, workers
from integrations.store.work.schema import job, setting


@pytest.mark.parametrize("url", ["mysql://u:secret@h/db", "no address", "", "postgresql+nothing:/:secret@", "redis://:secret@h"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    """It says what works, and never what the password is."""
    with pytest.raises(BadDatabaseUrl) as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_works(scheme: str) -> None:
    """With one driver."""
    try:
        engine = open_engine(f"{scheme}://someone:secret@localhost:1/db")
    except BadDatabaseUrl:
        pytest.fail(f"{scheme} is refused")
    assert ("postgresql", "psycopg") == (engine.dialect.name, engine.dialect.driver)
    assert "secret" not in repr(engine)


def test_a_server_that_is_not_there_is_an_error_without_a_password() -> None:
    """As operational as any other failure of the database."""
    engine = open_engine("postgresql://someone:secret@127.0.0.1:1/db")
    with pytest.raises(OperationalError) as failed, read(engine):
        pass
    assert "secret" not in str(failed.value)


def test_an_error_does_not_show_what_was_stored(engine: Engine) -> None:
    """Parameters are hidden: they may be somebody's metadata."""
    row = {"name": "x", "value": "vip-secret", "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}
    with pytest.raises(IntegrityError) as failed, begin(engine) as connection:
        connection.execute(insert(setting), [row, row])
    assert "vip-secret" not in str(failed.value)


def test_what_raises_is_rolled_back(engine: Engine) -> None:
    """All of it."""

    def write() -> None:
        with begin(engine) as connection:
            key_value.put(connection, "x", 1)
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        write()
    with read(engine) as connection:
        assert key_value.get(connection, "x") is None


def test_a_reader_sees_one_state_throughout(engine: Engine) -> None:
    """What others commit meanwhile is not seen, or has to wait (SQLite without a write-ahead log)."""
    with begin(engine) as connection:
        key_value.put(connection, "x", 1)

    def write() -> None:
        with begin(engine) as connection:
            key_value.put(connection, "x", 2)

    writer = threading.Thread(target=write)
    with read(engine) as connection:
        assert 1 == key_value.get(connection, "x")
        writer.start()
        writer.join(0.3)
        assert 1 == key_value.get(connection, "x")
    writer.join()
    with read(engine) as connection:
        assert 2 == key_value.get(connection, "x")


def test_writers_take_turns(engine: Engine) -> None:
    """Many at once, each of which reads before it writes: none fails, nothing is lost."""
    with begin(engine) as connection:
        connection.execute(insert(setting), {"name": "n", "value": "0", "updated_at": clock.now(connection)})

    def add() -> None:
        for _ in range(5):
            with begin(engine) as connection:
                held = connection.execute(select(setting.c.value).where(setting.c.name == "n").with_for_update()).scalar_one()
                connection.execute(setting.update().where(setting.c.name == "n").values(value=str(int(held) + 1)))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with read(engine) as connection:
        assert 30 == key_value.get(connection, "n")


def test_rules_of_the_schema_hold(engine: Engine) -> None:
    """Foreign keys and checks are no decoration on either database."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    values = {
        "kind": "list",
        "stream": "",
        "stage": 0,
        "priority": 5,
        "data": "{}",
        "status": "due",
        "token": 0,
        "attempts": 0,
        "next_attempt_at": moment,
        "pages": 0,
        "objects": 0,
        "created_at": moment,
    }
    with pytest.raises(IntegrityError), begin(engine) as connection:
        connection.execute(insert(job).values(run_id=999, **values))
    with begin(engine) as connection:
        from integrations.store.work import runs

        run = runs.start(connection, "sync")
    with pytest.raises(IntegrityError), begin(engine) as connection:
        connection.execute(insert(job).values(run_id=run, **{**values, "status": "lost"}))


def test_times_keep_their_instant(engine: Engine) -> None:
    """Whatever zone they are given in; without one they are refused."""
    there = timezone(timedelta(hours=5, minutes=45))
    moment = datetime(2026, 3, 29, 1, 30, 0, 123_456, tzinfo=there)
    row = {"account": 1, "event_id": "e", "type": "t", "created": 2**40, "object_id": "o", "learnt_at": moment}
    with begin(engine) as connection:
        connection.execute(insert(event), row)
        found = connection.execute(select(event.c.learnt_at, event.c.created)).one()
    assert (moment, UTC, 2**40) == (found[0], found[0].tzinfo, found[1])
    naive = moment.replace(tzinfo=None)
    with pytest.raises(StatementError, match="without its zone"), begin(engine) as connection:
        connection.execute(insert(event), {**row, "event_id": "f", "learnt_at": naive})


def test_the_clock_is_the_databases_and_goes_on(engine: Engine) -> None:
    """Within a transaction too: leases are measured by it."""
    with begin(engine) as connection:
        first = clock.now(connection)
        connection.execute(text("SELECT pg_sleep(0.02)") if is_postgresql(connection) else select(1))
        later = clock.now(connection)
    assert first <= later
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
    assert UTC == first.tzinfo


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((3, 51, 2), False),
        ((3, 50, 7), True),
        ((3, 50, 6), False),
        ((3, 49, 9), False),
        ((3, 44, 6), True),
        ((3, 44, 5), False),
        ((3, 40, 1), False),
        ((4, 0, 0), True),
    ],
)
def test_a_log_is_written_ahead_only_where_that_is_safe(version: tuple[int, ...], safe: bool) -> None:
    """Releases with the fix, and their successors in the same series."""
    assert safe == wal_is_safe(version)


def test_what_is_remembered(engine: Engine) -> None:
    """Any JSON by name, the last one counts, and None is not the same as nothing to the reader's eye."""
    with begin(engine) as connection:
        for value in ({"b": [1, None], "a": "ü"}, 3, None, "x"):
            key_value.put(connection, "thing", value)
            assert value == key_value.get(connection, "thing")
        assert key_value.get(connection, "other") is None


def test_workers_are_seen_until_they_are_gone(engine: Engine) -> None:
    """Each with what it did last, however many say so at once."""

    def say(name: str) -> None:
        for number in range(3):
            with begin(engine) as connection:
                workers.seen(connection, name, {"n": number})

    threads = [threading.Thread(target=say, args=(name,)) for name in ("a", "b", "a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with begin(engine) as connection:
        assert [("a", {"n": 2}), ("b", {"n": 2})] == [(n, d) for n, _, d in workers.everything(connection)]
        workers.gone(connection, "a")
        workers.gone(connection, "nobody")
        assert ["b"] == [n for n, _, _ in workers.everything(connection)]


def test_a_database_error_of_a_copy_is_one_like_any_other(engine: Engine) -> None:
    """Whoever retries knows one vocabulary only."""
    from integrations.store.db.bulk import append

    rows = [(1, f"evt_{n}", "t", 2**70, "o", datetime(2026, 1, 1, tzinfo=UTC)) for n in range(100)]
    with pytest.raises((DBAPIError, OverflowError)), begin(engine) as connection:
        append(connection, event, ("account", "event_id", "type", "created", "object_id", "learnt_at"), rows)
