"""A business that was synced once into a folder of its own, with commands to run there: for tests that only read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.worker.cli.command import Done, bare_environment, in_process


@dataclass(frozen=True)
class Installation:
    """A folder with a database, and commands run in it as of one instant."""

    folder: Path
    environment: dict[str, str]
    now: datetime

    def __call__(self, *arguments: str, **more: str) -> Done:
        return in_process(*arguments, folder=self.folder, environment={**self.environment, **more})

    @property
    def month(self) -> str:
        """The last month that is complete, as it is typed."""
        this = date(self.now.year, self.now.month, 1)
        return f"{this - timedelta(days=1):%Y-%m}"


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """A business of some hundred customers with a metered, a discounted and a foreign part, synced and rolled up."""
    with Sandbox(Business(customers=120, months=20, seed=5)) as stripe:
        now = datetime.fromtimestamp(stripe.now, UTC) + timedelta(days=3)
        stripe.set_now(int(now.timestamp()))
        environment = {
            **bare_environment(),
            "STRIPE_API_KEY": stripe.key,
            "STRIPE_API_BASE": stripe.url,
            "DATABASE_URL": f"sqlite:///{folder}/nrr.sqlite3",
            "NRR_REQUESTS_PER_SECOND": "5000",
            "XDG_CONFIG_HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "REPORTING_CURRENCY": "usd",
            "NO_COLOR": "1",
        }
        made = Installation(folder, environment, now)
        for arguments in (("db", "upgrade"), ("sync", "--now", now.isoformat())):
            done = made(*arguments)
            assert 0 == done.code, done.err
        yield made
