"""Nights of an installation in fast time, on a PostgreSQL whose own clock is pretended, and how large each table is at each month's end.

python -m tests.stories.nights [--nights N] [--customers N]     prints the table that deploy/scale.md has
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
import time_machine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import begin
from integrations.store.work import workers
from tests.integrations.notify.slack_server import SlackServer
from tests.services.postgres import Postgres, create_database
from worker.config.load import isolated
from worker.config.settings import Settings
from worker.execution import log
from worker.runs import steps
from worker.runs.tick import look, tick, watch
from worker.wiring.wiring import Wiring, open_wiring

FIRST: Final = date(2025, 3, 2)
HOURS: Final = (4,)
"""At these hours of each day somebody looks what is due, as beat and workers do: news, and the night."""

_CLOCK: Final = """
CREATE TABLE pretended (at interval NOT NULL);
INSERT INTO pretended VALUES ('0');
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
'SELECT pg_catalog.clock_timestamp() + (SELECT at FROM public.pretended)';
"""
"""The database's clock, ahead of the machine's by as much as it is told. The function stands before PostgreSQL's own of that name."""

_SIZES: Final = """
SELECT c.relname, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM public.%I', c.relname), false, true, '')))[1]::text::int,
       pg_total_relation_size(c.oid)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('pretended', 'alembic_version')
"""


@dataclass(frozen=True)
class Month:
    """The state of an installation at a month's end: rows and bytes (with indexes) of each table, and how many customers Stripe has."""

    ended: date
    rows: Mapping[str, int]
    bytes: Mapping[str, int]

    @property
    def name(self) -> str:
        """As it is printed."""
        return f"{self.ended:%Y-%m}"


def lived(server: Postgres, *, nights: int, customers: int, every: int = 1, seed: int = 7) -> Iterator[Month]:
    """Live so many days, looking what is due every so many days, and say how large each table is at the last look of each month."""
    name = f"nights_{os.getpid()}_{time.monotonic_ns()}"
    address = create_database(server.dsn("postgres"), name)
    # On the machine's own clock: psycopg's waits go by it.
    with ExitStack() as over:
        aside = over.enter_context(psycopg.connect(address, autocommit=True))
        aside.execute(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog'.encode())
        aside.execute(_CLOCK.encode())
        stripe = over.enter_context(Sandbox(Business(customers=customers, months=27, seed=seed)))
        slack = over.enter_context(SlackServer())
        settings = _settings(address.replace("postgresql://", "postgresql+psycopg://"), stripe, slack)
        migrated = open_wiring(settings)
        migrate.upgrade(migrated.engine)
        migrated.close()
        for number in range(0, nights, every):
            day = FIRST + timedelta(days=number)
            for hour in HOURS:
                _look(settings, stripe, aside, datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
            after = day + timedelta(days=every)
            if after.month != day.month or number + every >= nights:
                aside.execute("VACUUM")  # as a server does by itself in the time that passes too fast here
                found = aside.execute(_SIZES.encode()).fetchall()
                yield Month(day, {table: rows for table, rows, _ in found}, {table: size for table, _, size in found})


def _settings(address: str, stripe: Sandbox, slack: SlackServer) -> Settings:
    return isolated(
        {
            "database_url": address,
            "stripe_api_key": stripe.key,
            "stripe_api_base": stripe.url,
            "requests_per_second": 10_000.0,
            "reporting_currency": "usd",
            "rates_url": "off",
            "dimensions": "interval,plan",
            "slack_webhook_url": slack.webhook,
            "alerts": {"digests": ["daily", "monthly"]},
        }
    ).settings


def _look(settings: Settings, stripe: Sandbox, aside: "psycopg.Connection[tuple[object, ...]]", moment: datetime) -> None:
    """One look at what is due, and all of it done, at this moment by every clock: Stripe's, the database's and the process's."""
    stripe.set_now(int(moment.timestamp()))
    aside.execute("UPDATE pretended SET at = %s - pg_catalog.clock_timestamp()", [moment])
    with time_machine.travel(moment, tick=True):
        wiring = open_wiring(settings)
        try:
            _work(wiring, settings)
        finally:
            wiring.close()


def _work(wiring: Wiring, settings: Settings) -> None:
    with begin(wiring.engine) as connection:
        workers.seen(connection, "one", {})
    for _ in range(20):  # each thing opens the next: news, who is touched, the night, what is to be sent
        opened = tick(wiring, sync_minutes=settings.sync_minutes)
        watched = watch(wiring)
        if not (opened.opened or watched or look(wiring).claimable):
            return
        steps.work(wiring, seconds=600)
    raise AssertionError(f"there is always something to do: {opened}")


def table_of(months: list[Month]) -> str:
    """Rows by month and bytes at the end, as Markdown; tables that are always empty are named below it."""
    names = sorted(name for name in months[-1].rows if any(month.rows[name] for month in months))
    lines = [
        f"| table | {' | '.join(month.name for month in months)} | KiB |",
        f"|---|{'---|' * (len(months) + 1)}",
        *(
            f"| `{name}` | {' | '.join(f'{month.rows[name]:,}' for month in months)} | {months[-1].bytes[name] // 1024:,} |"
            for name in names
        ),
        f"| **MiB in all** | {' | '.join(f'{sum(month.bytes.values()) / 2**20:.1f}' for month in months)} | |",
    ]
    empty = sorted(set(months[-1].rows) - set(names))
    return "\n".join([*lines, "", f"Empty throughout: {', '.join(empty)}."])


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stories.nights", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--customers", type=int, default=40)
    asked = parser.parse_args(arguments)
    log.configure(style="json", level="error")
    server, months = Postgres(), []
    try:
        server.start()
        for month in lived(server, nights=asked.nights, customers=asked.customers, every=asked.every):
            months.append(month)
            sys.stderr.write(f"{month.name}: {sum(month.rows.values()):,} rows, {time.process_time():.0f} s of CPU\n")
    finally:
        server.stop()
    sys.stdout.write(table_of(months) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
