"""The fault matrix says what is there: each test that it names exists, and each test of faults is in it."""

import ast
from pathlib import Path

from tests.faults.matrix import ROWS

TOP = Path(__file__).parents[2]


def names_in(file: Path) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    """As a file, or a function in it."""
    for row in ROWS:
        for named in (*row.tests, *row.controls):
            path, _, function = named.partition("::")
            assert (TOP / path).exists(), named
            assert not function or function in names_in(TOP / path), named


def test_every_test_of_faults_is_in_a_row() -> None:
    """What isn't would not be run when the evidence is printed."""
    named = {each for row in ROWS for each in (*row.tests, *row.controls)}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        path = str(file.relative_to(TOP))
        if path in named or file.name in ("test_matrix.py", "test_evidence.py"):
            continue
        missing = {f"{path}::{name}" for name in names_in(file)} - named
        assert missing <= {"tests/faults/test_controls.py::test_every_switch_has_its_test"}, missing
