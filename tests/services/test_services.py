"""The services that the other tests stand on."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import Engine, delete, select

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts import accounts
from integrations.store.facts.schema import account as account_table
from integrations.store.work import cursors
from integrations.store.work.schema import cursor
from tests.services.filled import filled
from tests.services.migrated import Reused
from tests.services.redis import RedisServer

ACCOUNT = "insert into account (name, stripe_id, livemode, bound_at) values (%s, 'acct_1', false, now()) returning id"


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated, empty database of each kind."""
    made = open_engine(migrated_url)
    yield made
    made.dispose()


def test_a_fresh_database_is_empty_and_real(postgres_database: str) -> None:
    """Each test gets a PostgreSQL database without a table of ours."""
    with psycopg.connect(postgres_database.replace("+psycopg", "")) as conn:
        row = conn.execute("select count(*) from information_schema.tables where table_schema = 'public'").fetchone()
    assert row == (0,)


def test_redis_can_be_killed_and_brought_back(redis_server: RedisServer) -> None:
    """A test may kill its own server; without append-only file it forgets."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("a", "1")
    redis_server.kill()
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("a") is None


def test_a_database_is_given_on_without_a_row_and_with_numbers_from_one(reused_postgres: Reused) -> None:
    """Rows go, also of a transaction that is still open, and identities begin again; the database is the same one."""
    url = reused_postgres.take().replace("+psycopg", "")
    made = reused_postgres.made
    held = psycopg.connect(url)
    held.execute(ACCOUNT.encode(), ["first"])
    held.commit()
    held.execute("update account set name = 'left open'")
    reused_postgres.give_back()
    assert url == reused_postgres.take().replace("+psycopg", "")
    with psycopg.connect(url) as conn:
        assert (0,) == conn.execute("select count(*) from account").fetchone()
        assert (1,) == conn.execute(ACCOUNT.encode(), ["another"]).fetchone()
    reused_postgres.give_back()
    assert made == reused_postgres.made
    held.close()


@pytest.mark.parametrize(
    "change",
    [
        "create table more (id int)",
        "drop view nrr_movements cascade",
        "alter table account add column more int",
        "update alembic_version set version_num = '0001'",
        "grant select on account to public",
        "create index more on account (name)",
    ],
)
def test_a_database_of_another_shape_is_given_to_nobody(reused_postgres: Reused, change: str) -> None:
    """Whatever a test did to tables, views, rights or the version, the next test finds a database as it was migrated."""
    url = reused_postgres.take().replace("+psycopg", "")
    with psycopg.connect(url) as conn:
        conn.execute(change.encode())
    reused_postgres.give_back()
    assert url != reused_postgres.take().replace("+psycopg", "")
    reused_postgres.give_back()


def test_a_filled_database_is_filled_once_and_the_next_one_holds_the_same(engine: Engine, tmp_path: Path) -> None:
    """Rows, what they refer to, and the next number of each counter; what a test changes is in no other's."""
    times: list[int] = []

    def fill(empty: Engine) -> str:
        times.append(1)
        with begin(empty) as connection:
            account = accounts.bind(connection, name="main", stripe_id="acct_1", livemode=False)
            cursors.move(connection, account, "events", None, 7)
        return "given"

    def stands() -> tuple[list[str], list[tuple[object, ...]]]:
        with read(engine) as connection:
            everything = select(cursor.c.account, cursor.c.stream, cursor.c.position)
            return [each.name for each in accounts.everything(connection)], [tuple(row) for row in connection.execute(everything)]

    name = str(tmp_path)
    assert "given" == filled(engine, name, fill)
    before = stands()
    with begin(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(delete(cursor))
            connection.execute(delete(account_table))
        else:
            connection.exec_driver_sql("TRUNCATE account, cursor RESTART IDENTITY CASCADE")
    assert ([], []) == stands()
    assert "given" == filled(engine, name, fill)
    assert (before, 1) == (stands(), len(times))
    assert before[0] == ["main"]
    with begin(engine) as connection:
        assert 2 == accounts.bind(connection, name="other", stripe_id="acct_2", livemode=False)
