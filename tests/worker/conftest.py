"""A wiring over a fresh database and a made-up account."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store.db.engine import open_engine
from tests.worker.installation import Installation, installation
from tests.worker.stripe_fake import FakeStripe
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.accounts import Source, Sources
from worker.ingest.pace import Pace
from worker.wiring.wiring import Wiring

Wire = Callable[..., Wiring]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Some hundred customers with a metered, a discounted and a foreign part, synced once three days after they ended: for tests that only read."""
    with Sandbox(Business(customers=120, months=20, seed=5)) as stripe:
        stripe.set_now(stripe.now + 3 * 86_400)
        yield installation(tmp_path_factory.mktemp("installed"), stripe, "db", "upgrade")


@pytest.fixture(scope="session")
def written(installed: Installation) -> bytes:
    """The report's page of the last complete month, compared with the one before."""
    done = installed("report", "--out", "page.html", "--compare", "--now", installed.now.isoformat())
    assert 0 == done.code, done.err
    return (installed.folder / "page.html").read_bytes()


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated database, once of each kind."""
    made = open_engine(migrated_url)
    yield made
    made.dispose()


@pytest.fixture
def wire(engine: Engine) -> Wire:
    """Makes a wiring for fake accounts by name, as a new process would."""

    def make(**fakes: FakeStripe) -> Wiring:
        options: dict[str, Any] = {
            "threads": 6,
            "lease_seconds": 20.0,
            "attempts": 3,
            "first_delay_seconds": 0.05,
        }
        sources = Sources(engine, [Source(name) for name in fakes], lambda name, _mode: fakes[name])  # type: ignore[arg-type,return-value]  # a hand-written fake
        return Wiring(engine, sources, lambda: datetime.now(UTC), Stop(), Terms(owner="test", **options), Pace(), shards=4)

    return make
