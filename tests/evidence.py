"""Print what was run, with what, how often, and what came of it: `make evidence`. The block between the marks of TESTING.md is made of it.

python -m tests.evidence            the rows of the fault matrix that take seconds, run now
python -m tests.evidence --all      those that take minutes too
python -m tests.evidence --count    nothing is run: only how many tests there are
python -m tests.evidence … --write  and put it into TESTING.md
"""

import argparse
import platform
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.faults.matrix import NOT_COVERED, ROWS, Row

TOP: Final = Path(__file__).parents[1]
FILE: Final = TOP / "TESTING.md"
BEGIN, END = "<!-- evidence: begin -->", "<!-- evidence: end -->"
PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider")


def collected(*options: str) -> Counter[str]:
    """How many tests there are by folder below `tests/`."""
    out = subprocess.run(
        [*PYTEST, "--collect-only", *options, "tests"], cwd=TOP, capture_output=True, text=True, check=False
    ).stdout
    found: Counter[str] = Counter()
    for line in out.splitlines():
        path, _, rest = line.partition("::")
        if rest:
            found[path.split("/")[1]] += 1
        elif path.startswith("tests/") and ": " in path:  # as pytest says it where it is told to be quieter
            file, _, count = path.partition(": ")
            found[file.split("/")[1]] += int(count)
    return found


def outcomes(row: Row, *, slow: bool) -> Counter[str]:
    """What came of a row's tests and controls."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        named = list(dict.fromkeys((*row.tests, *row.controls)))
        subprocess.run(
            [*PYTEST, "-m", "slow or not slow" if slow else "not slow", f"--junitxml={report}", *named],
            cwd=TOP, capture_output=True, check=False,
        )  # fmt: skip
        if not report.exists():
            return Counter(error=1)
        found: Counter[str] = Counter()
        for case in ET.parse(report).iter("testcase"):  # pytest's own, of a moment ago
            kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
            found[kinds.pop() if kinds else "passed"] += 1
        return found


def text_of(*, run: bool, slow: bool) -> str:
    """The evidence as Markdown."""
    commit = subprocess.run(["git", "log", "-1", "--format=%h of %cs"], cwd=TOP, capture_output=True, text=True, check=False).stdout
    all_tests, slow_tests = collected("-m", "slow or not slow"), collected("-m", "slow")
    names = ("sqlalchemy", "polars", "psycopg", "celery", "redis", "stripe", "hypothesis")
    lines = [
        f"Printed {datetime.now(UTC):%Y-%m-%d %H:%M} UTC at {commit.strip()}; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in names) + ".",
        "",
        "| tests of | number | of them slow |",
        "|---|---|---|",
        *(f"| {area} | {count:,} | {slow_tests[area]:,} |" for area, count in sorted(all_tests.items())),
        f"| **all** | **{all_tests.total():,}** | **{slow_tests.total():,}** |",
        "",
        "| fault | what must hold | controls | result |",
        "|---|---|---|---|",
    ]  # fmt: skip
    for row in ROWS:
        came = outcomes(row, slow=slow) if run else Counter()
        said = ", ".join(f"{count} {what}" for what, count in sorted(came.items())) or (
            "none of its tests is quick" if run else "not run"
        )
        lines.append(f"| {row.fault} | {row.holds} | {len(row.controls) or ''} | {said} |")
        sys.stderr.write(f"{row.fault}: {said}\n")
    lines += ["", "Not covered:", "", *(f"- {each}" for each in NOT_COVERED)]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Print it; 1 if anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.evidence", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    text = text_of(run=not asked.count, slow=asked.all)
    sys.stdout.write(text + "\n")
    if asked.write:
        before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        FILE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    return 1 if " failure" in text or " error" in text else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
