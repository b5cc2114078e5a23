"""How long a report takes: `nrr report` of a book of some size beside `nrr show retention` of the same month, as processes of their own.

    python -m tests.benchmarks.report --customers 10000

Prints seconds of CPU for each, and how many times the report is of the table; the page has to be there within ten seconds on one core.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks import rollups_business as business

NRR: Final = str(Path(sys.executable).with_name("nrr"))
NOW: Final = "2026-02-03T00:00:00Z"
MOST_SECONDS: Final = 10.0


def main(arguments: Sequence[str]) -> None:
    """Make a book, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report")
    parser.add_argument("--customers", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/nrr.sqlite3"
        environment = {**os.environ, "DATABASE_URL": url, "REPORTING_CURRENCY": "usd", "XDG_CONFIG_HOME": folder}
        _run(environment, "db", "upgrade")
        business.prepare(url)
        business.write(url, 0, chosen.customers)
        for command in ("rebuild", "rollup"):
            _run(environment, command, "--now", NOW)
        table = _run(environment, "show", "retention", "--from", "2026-01-01", "--to", "2026-01-31", "--now", NOW)
        page = Path(folder) / "report.html"
        report = _run(environment, "report", "--month", "2026-01", "--out", str(page), "--now", NOW)
        size = page.stat().st_size
    verdict = "" if report.cpu < MOST_SECONDS else f": more than {MOST_SECONDS:.0f} s"
    for line in (
        f"{chosen.customers:,} customers",
        f"nrr show retention    {table.cpu:6.2f} s of CPU, {table.wall:6.2f} s",
        f"nrr report            {report.cpu:6.2f} s of CPU, {report.wall:6.2f} s, {size / 1000:,.0f} kB{verdict}",
        f"the report is {report.cpu / table.cpu:.1f} times the table",
    ):
        sys.stdout.write(f"{line}\n")


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of CPU, and those that passed."""

    cpu: float
    wall: float


def _run(environment: Mapping[str, str], *arguments: str) -> Took:
    """Run a command, and say how long it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([NRR, *arguments], env=dict(environment), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
