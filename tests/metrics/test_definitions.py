"""The decision log is whole: every entry is dated and reasoned, every choice and preset is in it, and every test that it names is there."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from metrics.policy import PRESETS, Policy
from tests.metrics.life import told
from tests.metrics.pricing.test_pricing_cases import CASES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "metrics" / "DEFINITIONS.md").read_text()
FOLDER = Path(__file__).parent / "cases"
TITLES = {life.title for file in ("lives", "choices") for life in told(FOLDER / f"{file}.md")}
ROWS = {row["case"] for row in CASES}
ENTRIES = {m[1]: m[0] for m in re.finditer(r"^### (D\d+) · .*?(?=^### |^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)}
NOT_CHOICES = {"name"}


@pytest.mark.parametrize("number", ENTRIES)
def test_an_entry_is_whole(number: str) -> None:
    """A date, a rule, its reason, an example with a number, and the tests that hold it."""
    entry = ENTRIES[number]
    assert re.match(r"### D\d+ · 20\d\d-\d\d-\d\d · .+\n", entry)
    parts = re.findall(r"^\*\*(\w+)\.\*\* ", entry, re.MULTILINE)
    assert ["Rule", "Reason", "Example", "Tests"] == parts
    assert re.search(r"\d", entry.partition("**Example.**")[2].partition("**Tests.**")[0])


@pytest.mark.parametrize("number", ENTRIES)
def test_every_named_test_exists(number: str) -> None:
    """Functions by file and name, lives and price cases by their titles."""
    named = " ".join(ENTRIES[number].partition("**Tests.**")[2].partition("\n|")[0].split())
    functions = re.findall(r"`([\w/]+\.py)::(\w+)`", named)
    cases = re.findall(r"\b((?:Li|li)(?:fe|ves)|[Pp]rice cases?) ((?:\"[^\"]+\"(?:, )?)+)", named)
    assert functions or cases
    for file, name in functions:
        tree = ast.parse((ROOT / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file} has no {name}"
    for word, titles in cases:
        known = ROWS if word.lower().startswith("price") else TITLES
        assert set() == set(re.findall(r'"([^"]+)"', titles)) - known
    left = re.sub(r"`[^`]+`|\"[^\"]+\"", "", named)
    assert re.fullmatch(r"(?:[Ll]i(?:fe|ves)|[Pp]rice cases?|[,.]|\s)*", left), f"not read: {left}"


def test_no_two_entries_have_one_number() -> None:
    """An entry is cited by it."""
    assert len(re.findall(r"^### D\d+ ", TEXT, re.MULTILINE)) == len(ENTRIES) >= 40


def test_entries_stand_in_order() -> None:
    """By number within each section, a blank line before each: whoever looks for one finds it."""
    for section in TEXT.split("\n## ")[1:]:
        numbers = [int(number) for number in re.findall(r"^### D(\d+) ", section, re.MULTILINE)]
        assert sorted(numbers) == numbers, section.partition("\n")[0]
    assert [] == re.findall(r"[^\n]\n### D\d+", TEXT)


def test_stored_words_are_called_as_they_are_stored() -> None:
    """Reasons, causes, metrics and signals that entries name (`*so_written*`) are words of the code: whoever searches for one finds it."""
    told = {word for entry in ENTRIES.values() for word in re.findall(r"(?<!\*)\*([a-z]+(?:_[a-z]+)+)\*(?!\*)", entry)}
    code = "".join(path.read_text() for package in ("metrics", "worker") for path in (ROOT / package).rglob("*.py"))
    assert len(told) > 40
    assert set() == {word for word in told if f'"{word}"' not in code}


@pytest.mark.parametrize("choice", [f.name for f in fields(Policy) if f.name not in NOT_CHOICES])
def test_every_choice_has_its_entry(choice: str) -> None:
    """A field of the policy is named where its rule is told."""
    assert re.search(rf"`{choice}\b", "".join(e.partition("**Tests.**")[0] for e in ENTRIES.values())), choice


def test_the_table_of_presets_is_the_code() -> None:
    """Each cell says what the preset chooses, and each that isn't the default's names a source that is listed."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| `")]
    names = re.findall(r"`(\w+)`", next(line for line in TEXT.splitlines() if line.startswith("| choice")))
    assert [*PRESETS] == names
    sources = set(re.findall(r"^- \*\*\[(\w+)\]\*\*", TEXT, re.MULTILINE))
    for row in rows:
        choice = row[0].strip("`")
        for name, cell in zip(names, row[1:], strict=True):
            value, _, source = cell.partition(" [")
            chosen = getattr(PRESETS[name], choice)
            assert value == ("never" if chosen is None else str(chosen).lower()), (choice, name)
            assert name == "default" or source.rstrip("]") in sources, (choice, name)
    differing = {
        f.name for f in fields(Policy) for p in PRESETS.values() if getattr(p, f.name) != getattr(PRESETS["default"], f.name)
    }
    assert differing - NOT_CHOICES <= {row[0].strip("`") for row in rows}
