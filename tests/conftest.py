"""Real services for every test that wants them; nothing is skipped when one is missing, it fails."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.postgres import Postgres, create_database, drop_database
from tests.services.redis import RedisServer


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a server's maintenance database: TEST_DATABASE_URL's server, else one of our own for this session."""
    given = os.environ.get("TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given.replace("postgres://", "postgresql://").replace("+psycopg", "")
        return
    server = Postgres()
    try:
        server.start()
        yield server.dsn("postgres")
    finally:
        server.stop()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """A fresh, empty PostgreSQL database for one test."""
    name = f"nrr_test_{uuid.uuid4().hex[:12]}"
    yield create_database(postgres_url, name).replace("postgresql://", "postgresql+psycopg://")
    drop_database(postgres_url, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture(scope="session")
def _session_redis() -> Iterator[RedisServer]:
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_url(_session_redis: RedisServer) -> str:
    """The address of a running Redis that is empty."""
    import redis

    with redis.Redis.from_url(_session_redis.url) as client:
        client.flushall()
    return _session_redis.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this test's own, to be stopped, frozen and killed."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()
