"""From nothing to NRR on the screen: `nrr init` and `nrr sync` as processes of their own, against the benchmark's server, and what each part takes.

    python -m tests.benchmarks.first_number [--customers 20000] [--only at-once|limited|sqlite]

Prints seconds of the whole and of its runs (reading, ledger, figures), CPU and the most memory that any process held, beside what was measured
before reading was made cheaper and what is aimed at. That the number is right is looked up afterwards: the MRR that the account was made with.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.benchmarks import account_check as check
from tests.benchmarks.account_database import Databases, databases
from tests.benchmarks.contender import Server
from tests.benchmarks.ingest import right, say
from tests.benchmarks.ingest_product import KEY

NRR: Final = str(Path(sys.executable).with_name("nrr"))
UNLIMITED: Final = "100000"
MEASURED: Final[Mapping[str, tuple[float, float]]] = {"at-once": (54.0, 25.0), "limited": (114.0, 0.0), "sqlite": (96.0, 45.0)}
"""Seconds for 20,000 customers on a quiet machine with two cores: before, and aimed at (where Stripe's limit is what is waited for: reading and eight)."""
BESIDE_READING: Final = 8.0


def main(customers: int, only: str | None) -> None:
    """Measure each way in turn."""
    with databases() as store:
        for way in MEASURED:
            if only in (None, way):
                _measure(way, customers, store)


def _measure(way: str, customers: int, store: Databases) -> None:
    server = Server(customers, *(["--limited"] if way == "limited" else []))
    try:
        with tempfile.TemporaryDirectory() as folder:
            database = f"sqlite:///{folder}/nrr.sqlite3" if way == "sqlite" else store.fresh(migrated=False)
            environment = {
                **os.environ,
                "DATABASE_URL": database,
                "STRIPE_API_KEY": KEY,
                "STRIPE_API_BASE": server.base,
                "NRR_RATES_URL": "off",
                "REPORTING_CURRENCY": "usd",
                "XDG_CONFIG_HOME": folder,
                "XDG_DATA_HOME": folder,
                **({} if way == "limited" else {"NRR_REQUESTS_PER_SECOND": UNLIMITED}),
            }
            _run(["init"], folder, environment)
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            database_before = store.cpu_seconds()
            said = _run(["sync"], folder, environment)
            seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            told = json.loads(_run(["runs", "--json"], folder, environment))["runs"]
            runs = {run["kind"]: _seconds(run["started_at"], run["finished_at"]) for run in told}
            reading = runs["sync"]
            earlier, aim = MEASURED[way]
            aim = aim or reading + BESIDE_READING
            say(f"{way}: {customers:,} customers, {check.objects(customers):,} objects")
            say(
                f"  nrr sync      now {seconds:6.1f} s    before {earlier:6.1f} s    aim {aim:6.1f} s    now ÷ aim {seconds / aim:5.2f}"
            )
            parts = ", ".join(f"{kind} {taken:.1f} s" for kind, taken in sorted(runs.items(), key=lambda each: -each[1]))
            say(
                f"  {parts}; CPU {cpu:.1f} s, database {store.cpu_seconds() - database_before:.1f} s; most memory {after.ru_maxrss / 1024:.0f} MiB"
            )
            say("  " + next((line for line in said.splitlines() if "NRR" in line), "no NRR was said").strip())
            if way != "sqlite":
                right("product", check.check_all(database.replace("postgresql://", "postgresql+psycopg://"), customers))
    finally:
        server.close()


def _run(command: list[str], folder: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run([NRR, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"nrr {' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _seconds(began: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--only", choices=tuple(MEASURED))
    given = parser.parse_args()
    main(given.customers, given.only)
