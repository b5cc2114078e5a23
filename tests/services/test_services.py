"""The services that the other tests stand on."""

import psycopg
import pytest
import redis

from tests.services.migrated import Reused
from tests.services.redis import RedisServer

ACCOUNT = "insert into account (name, stripe_id, livemode, bound_at) values (%s, 'acct_1', false, now()) returning id"


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
