"""What the fault tests stand on: servers of their own, a sandbox that stands still, and what comes out when nothing goes wrong."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.sandbox.sandbox import Sandbox
from integrations.store import migrate
from integrations.store.db.engine import open_engine, read
from tests.faults.plant import BUSINESS, Plant, standing
from tests.integrations.store import dump
from tests.services.redis import RedisServer
from worker.config.load import isolated
from worker.execution.stop import Stop
from worker.runs import backfill, nightly
from worker.wiring.wiring import open_wiring

Built = Callable[..., AbstractContextManager[Plant]]


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The content after a read, a night and figures in which nothing went wrong: one process, its own threads, SQLite, no Redis."""
    with Sandbox(BUSINESS) as stripe:
        return undisturbed(tmp_path_factory.mktemp("expected"), stripe)


def undisturbed(folder: Path, stripe: Sandbox, *nows: Any, again: bool = False) -> list[str]:
    """What comes out of a sandbox when nothing goes wrong, read at each of `nows` after the first time; `again`: on the last day all of it."""
    address = f"sqlite:///{folder / 'expected.sqlite3'}"
    settings = isolated(
        {
            "database_url": SecretStr(address),
            "stripe_api_key": SecretStr(stripe.key),
            "stripe_api_base": stripe.url,
            "rates_url": "off",
        }
    ).settings
    engine = open_engine(address)
    migrate.upgrade(engine)
    for number, moment in enumerate((None, *nows)):
        if moment is not None:
            stripe.set_now(moment)
        wiring = replace(open_wiring(settings), stop=Stop())
        if again and number == len(nows):
            assert backfill.run(wiring, backfill.Request()).status == "done"
        report = nightly.run(wiring)
        assert report is None or report.status == "done"
        wiring.close()
    with read(engine) as connection:
        found = list(dump.canonical(connection))
    engine.dispose()
    return found


@pytest.fixture
def plant(postgres_database: str, tmp_path: Path) -> Iterator[Built]:
    """Builds an installation around a sandbox, on the session's PostgreSQL and a Redis of its own."""
    with ExitStack() as over:

        @contextmanager
        def build(*, latency_seconds: float = 0.0, database: str | None = None, **settings: str) -> Iterator[Plant]:
            redis = RedisServer()
            redis.start()
            over.callback(redis.stop)
            stripe = over.enter_context(Sandbox(BUSINESS, latency_seconds=latency_seconds))
            with standing(tmp_path, database or postgres_database, redis, stripe, **settings) as found:
                yield found

        yield build
