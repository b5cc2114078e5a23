"""The services that the other tests stand on."""

import psycopg
import redis

from tests.services.redis import RedisServer


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
