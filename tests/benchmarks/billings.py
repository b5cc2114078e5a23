"""How long the proof of billings takes beside reading the lines: `make bench-billings`.

Prints seconds and one ratio within one run: the proof of all customers and months ÷ reading their lines as frames. A synthetic book: a line a
month each, on SQLite unless BENCH_DATABASE_URL names another (empty) database.
"""

import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from integrations.store.db.bulk import append
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.db.words import bucket_of
from integrations.store.facts.accounts import bind
from integrations.store.facts.schema import invoice_line
from integrations.store.facts.write import Page, put_page
from integrations.store.figures import proof as store
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger.schema import standing
from integrations.store.migrate import upgrade
from metrics.billings import proof
from metrics.evidence import Instant, Price
from metrics.ledger.basis import Basis
from metrics.periods import add_months, opening

FIRST = date(2022, 1, 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main(customers: int, months: int) -> None:
    """Fill a database and measure."""
    import polars as pl

    folder = tempfile.mkdtemp()
    engine = open_engine(os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{Path(folder) / 'bench.sqlite3'}"))
    upgrade(engine)
    basis = Basis()
    starts = [int(opening(add_months(FIRST, n), "UTC")) + 40_000 for n in range(months + 1)]
    columns = [c.name for c in invoice_line.columns]
    with begin(engine) as connection:
        account = bind(connection, name="main", stripe_id="acct_1", livemode=False)
        ledger_bases.put(connection, basis.version, basis.policy.name, {})
        price = Price("price_1", "prod_1", "usd", unit=Decimal(5000))
        put_page(connection, account, Page(Instant(starts[0]), prices=[price]), NOW)
    for first in range(0, customers, 5_000):
        lines, stands = [], []
        for number in range(first, min(customers, first + 5_000)):
            name = f"cus_{number:07}"
            place = (bucket_of(name), name, account)
            for n in range(months):
                period = (starts[n], starts[n + 1], False, 0, None, NOW)
                lines.append(
                    (
                        *place,
                        f"in_{number}_{n}",
                        f"il_{number}_{n}",
                        f"sub_{number}",
                        f"si_{number}",
                        "price_1",
                        1,
                        5000,
                        "usd",
                        *period,
                    )
                )
            stands.append(
                (basis.version, place[0], name, "usd", FIRST, account, 50_000_000, 50_000_000, 0, 0, 0, 1, None, None, None)
            )
        with begin(engine) as connection:
            append(connection, invoice_line, columns, lines)
            append(connection, standing, [c.name for c in standing.columns], stands)
    with read(engine) as connection:
        began = time.perf_counter()
        rows = len(store.read_lines(connection, (0, 1)))
        reading = time.perf_counter() - began
        began = time.perf_counter()
        parts = [store.lines(connection, (n, 4), basis.policy.discounts) for n in range(4)]
        held = store.standings(connection, basis.version)
        found = proof.proven(pl.concat(parts), held, "UTC", pl.lit(FIRST), pl.lit(add_months(FIRST, months)))
        proving = time.perf_counter() - began
    sys.stdout.write(f"{rows:,} lines of {customers:,} customers: read in {reading:.1f} s, proven in {proving:.1f} s\n")
    sys.stdout.write(f"{len(found):,} customers' months; {len(proof.differing(found)):,} differ; ratio {proving / reading:.2f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 36)
