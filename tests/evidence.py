"""Print what was run, with what, how often, and what came of it: `make evidence`. The block between the marks of TESTING.md is made of it.

python -m tests.evidence            the rows of the fault matrix, those of their tests that take seconds
python -m tests.evidence --all      those that take minutes too
python -m tests.evidence --count    nothing is run: how many tests there are, beside the results that TESTING.md has
python -m tests.evidence … --write  and put it into TESTING.md, row by row as they end
python -m tests.evidence … --left   only rows without a result; a run that was broken off is gone on with
python -m tests.evidence … --only WORDS   only rows whose fault has these words
python -m tests.evidence … --but WORDS    only rows whose fault hasn't

Every result says when it was got, of which commit and how much CPU it took; what isn't run keeps the result that TESTING.md has of it.
"""

import argparse
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.faults.matrix import NOT_COVERED, ROWS, Row

TOP: Final = Path(__file__).parents[1]
FILE: Final = TOP / "TESTING.md"
BEGIN, END = "<!-- evidence: begin -->", "<!-- evidence: end -->"
PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider")
HEAD: Final = "| fault | what must hold | controls | tests that take seconds | all tests |"
NONE: Final = "not run for this report"
SAME: Final = "the same: none takes minutes"


@dataclass(frozen=True)
class Results:
    """What is known of a row, as it is printed: of its quick tests and of all of them."""

    quick: str = NONE
    every: str = NONE


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


def with_longer_tests() -> set[str]:
    """The faults of whose tests some take minutes."""
    named = list(dict.fromkeys(name for row in ROWS for name in (*row.tests, *row.controls)))
    out = subprocess.run(
        [*PYTEST, "-o", "addopts=", "--collect-only", "-m", "slow or long", *named],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = [line.partition("[")[0] for line in out.splitlines() if "::" in line]
    return {
        row.fault
        for row in ROWS
        if any(test == name or test.startswith((f"{name}::", f"{name}/")) for name in (*row.tests, *row.controls) for test in found)
    }


def outcomes(row: Row, *, slow: bool) -> Counter[str]:
    """What came of a row's tests and controls; what pytest said of those that failed goes to the standard error."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        named = list(dict.fromkeys((*row.tests, *row.controls)))
        done = subprocess.run(
            [*PYTEST, "-m", "slow or not slow" if slow else "not slow and not long", f"--junitxml={report}", *named],
            cwd=TOP, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found: Counter[str] = Counter()
        if report.exists():
            for case in ET.parse(report).iter("testcase"):  # pytest's own, of a moment ago
                kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
                found[kinds.pop() if kinds else "passed"] += 1
        if done.returncode not in (0, 5) and not found["failure"] + found["error"]:  # 5: none was selected
            found["error"] += 1
        if found["failure"] + found["error"]:
            sys.stderr.write(done.stdout[-4000:] + done.stderr[-2000:])
        return found


def result_of(row: Row, *, slow: bool) -> str:
    """A row's tests, run now: the counts, the CPU that they and their processes took, the moment and the commit."""
    before = os.times()
    came = outcomes(row, slow=slow)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    counts = ", ".join(f"{count} {what}" for what, count in sorted(came.items()))
    return f"{counts or 'it has none'}; {cpu:,.0f} s of CPU; {datetime.now(UTC):%Y-%m-%d %H:%M}, {commit()}"


def commit() -> str:
    """The commit that is tried, with a plus where files differ from it."""
    named = subprocess.run(["git", "log", "-1", "--format=%h"], cwd=TOP, capture_output=True, text=True, check=False).stdout
    changed = subprocess.run(["git", "status", "--porcelain", "--", ":!TESTING.md"], cwd=TOP, capture_output=True, check=False)
    return named.strip() + ("+" if changed.stdout.strip() else "")


def known(text: str) -> dict[str, Results]:
    """What a printed block says of each row, by its fault."""
    found: dict[str, Results] = {}
    _, _, rows = text.partition(HEAD)
    for line in rows.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == HEAD.count("|") - 1:
            found[cells[0]] = Results(*cells[3:])
    return found


def text_of(results: Mapping[str, Results], counts: tuple[Counter[str], Counter[str]]) -> str:
    """The evidence as Markdown."""
    all_tests, slow_tests = counts
    names = ("sqlalchemy", "polars", "psycopg", "celery", "redis", "stripe", "hypothesis")
    lines = [
        f"Printed {datetime.now(UTC):%Y-%m-%d %H:%M} UTC at {commit()}; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in names) + ".",
        "",
        "| tests of | number | of them slow |",
        "|---|---|---|",
        *(f"| {area} | {count:,} | {slow_tests[area]:,} |" for area, count in sorted(all_tests.items())),
        f"| **all** | **{all_tests.total():,}** | **{slow_tests.total():,}** |",
        "",
        HEAD,
        re.sub(r"[^|]+", "---", HEAD),
    ]  # fmt: skip
    for row in ROWS:
        said = results.get(row.fault, Results())
        lines.append(f"| {row.fault} | {row.holds} | {len(row.controls) or ''} | {said.quick} | {said.every} |")
    return "\n".join([*lines, "", "Not covered:", "", *(f"- {each}" for each in NOT_COVERED)])


def written(text: str) -> str:
    """TESTING.md with this block in the place of its own."""
    before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Run and print; 1 if anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.evidence", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("--all", "--count", "--write", "--left"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--but", default=None)
    asked = parser.parse_args(arguments)
    results = known(FILE.read_text(encoding="utf-8"))
    column = "every" if asked.all else "quick"
    wanted = [
        row for row in ROWS if not asked.count and asked.only in row.fault and (asked.but is None or asked.but not in row.fault)
    ]
    wanted = [row for row in wanted if not asked.left or getattr(results.get(row.fault, Results()), column) == NONE]
    counts = collected("-m", "slow or not slow"), collected("-m", "slow")
    longer = with_longer_tests()
    results |= {fault: Results(said.quick, SAME) for fault, said in results.items() if fault not in longer and said.every == NONE}
    if asked.all:
        wanted = [row for row in wanted if row.fault in longer]
    for number, row in enumerate(wanted, 1):
        held = results.get(row.fault, Results())
        said = result_of(row, slow=asked.all)
        every = held.every if row.fault in longer else SAME
        results[row.fault] = Results(held.quick, said) if asked.all else Results(said, every)
        sys.stderr.write(f"{number} of {len(wanted)}: {row.fault}: {said}\n")
        if asked.write:
            FILE.write_text(written(text_of(results, counts)), encoding="utf-8")
    text = text_of(results, counts)
    sys.stdout.write(text + "\n")
    if asked.write:
        FILE.write_text(written(text), encoding="utf-8")
    ran = [getattr(results[row.fault], column) for row in wanted]
    return 1 if any(" failure" in said or " error" in said for said in ran) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
