"""How long commands that only look take to start: seconds of CPU of each beside a bare interpreter's, as processes of their own.

    python -m tests.benchmarks.starting

Every command is run a few times on the demo's business, and the least counts. `floor` is what the libraries take that no command which asks
the database can do without (command line, settings, database, tables): loading them and nothing else. Where it is near half a second, as on
a slow processor, only what comes on top of it is ours to change. What is loaded is held by `tests/worker/cli/test_starting.py`.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

NRR: Final = str(Path(sys.executable).with_name("nrr"))
TIMES: Final = 20
MOST_SECONDS: Final = 0.5
FLOOR: Final = "import typer, sqlalchemy, rich.table\nfrom pydantic import BaseModel\nclass Settings(BaseModel): one: int"
COMMANDS: Final = (("--help",), ("config", "show"), ("runs",), ("alerts", "list"), ("show", "mrr"), ("show", "nrr"), ())


def main() -> None:
    """Make a business, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([NRR, "demo"], cwd=folder, check=True, capture_output=True)
        home = Path(folder) / ".demo"
        asked = [[sys.executable, "-c", "pass"], [sys.executable, "-c", FLOOR], *([NRR, *command] for command in COMMANDS)]
        took = [float("inf")] * len(asked)
        # In turns, so that a machine that is slower for a minute is so for all of them.
        for _ in range(TIMES):
            took = [min(least, _cpu(command, home)) for least, command in zip(took, asked, strict=True)]
        bare, floor, *each = took
        sys.stdout.write(f"a bare interpreter      {bare:6.3f} s of CPU\n")
        sys.stdout.write(f"the libraries (floor)   {floor:6.3f} s of CPU, {floor / bare:5.1f} times bare\n")
        for command, seconds in zip(COMMANDS, each, strict=True):
            verdict = "" if seconds < MOST_SECONDS else f": more than {MOST_SECONDS} s"
            name = " ".join(("nrr", *command))
            sys.stdout.write(
                f"{name:22s}  {seconds:6.3f} s of CPU, {seconds / bare:5.1f} times bare, {seconds / floor:4.2f} floors{verdict}\n"
            )


def _cpu(command: Sequence[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


if __name__ == "__main__":
    main()
