"""A business that was synced once into a folder of its own, with commands to run there: for tests that only read."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from integrations.sandbox.sandbox import Sandbox
from tests.worker.cli.command import Done, bare_environment, in_process


@dataclass(frozen=True)
class Installation:
    """A folder with a database, and commands run in it as of one instant."""

    folder: Path
    environment: dict[str, str]
    sandbox: Sandbox
    now: datetime

    def __call__(self, *arguments: str, **more: str) -> Done:
        return in_process(*arguments, folder=self.folder, environment={**self.environment, **more})

    @property
    def month(self) -> str:
        """The last month that is complete, as it is typed."""
        this = date(self.now.year, self.now.month, 1)
        return f"{this - timedelta(days=1):%Y-%m}"

    def day(self, back: int = 1) -> str:
        """The day that was so many days ago, as it is typed."""
        return f"{(self.now - timedelta(days=back)).date()}"


def installation(folder: Path, stripe: Sandbox, *setup: str) -> Installation:
    """The sandbox's business at its instant, set up by the command `setup`, synced and rolled up."""
    now = datetime.fromtimestamp(stripe.now, UTC)
    environment = {
        **bare_environment(),
        "STRIPE_API_KEY": stripe.key,
        "STRIPE_API_BASE": stripe.url,
        "DATABASE_URL": f"sqlite:///{folder}/nrr.sqlite3",
        "NRR_REQUESTS_PER_SECOND": "5000",
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "REPORTING_CURRENCY": "usd",
    }
    made = Installation(folder, environment, stripe, now)
    for arguments in (setup, ("sync", "--now", now.isoformat())):
        done = made(*arguments)
        assert 0 == done.code, done.err
    return made
