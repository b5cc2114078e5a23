"""Every reason that the code can give has words for people."""

import ast
from collections.abc import Iterator
from pathlib import Path

from metrics.finding_words import WORDS, words_of

ROOT = Path(__file__).resolve().parents[2]
_GIVES = frozenset({"Finding", "finding", "Unusable", "Rejected", "Cut", "Rated", "Unpriceable", "_unread", "replace"})
_NAMES = frozenset({"problem", "reason"})
_NO_REASONS = frozenset({"subscription_item", "line_item", "subscription_schedule", "pending_items"})


def reasons() -> Iterator[tuple[str, str]]:
    """Words with an underscore that are handed to what makes findings, with the file."""
    for path in sorted([*ROOT.glob("metrics/**/*.py"), *ROOT.glob("integrations/stripe/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple) and path.name == "remarks.py" and len(node.elts) == 4:
                yield from ((path.name, each) for each in _texts(node.elts[1:2]))
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in _GIVES:
                if name != "replace":
                    yield from ((path.name, each) for each in _texts(node.args))
                yield from ((path.name, each) for each in _texts([k.value for k in node.keywords if k.arg in _NAMES]))


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            word = node.value
            if "_" in word and word.replace("_", "").isalpha() and word.islower() and word not in _NO_REASONS:
                yield word


def test_every_reason_has_its_words() -> None:
    """A finding that nobody can read is none."""
    found = set(reasons())
    assert len(found) >= 30, "the way in which reasons are looked for finds too few"
    assert set() == {(file, reason) for file, reason in found if reason not in WORDS}


def test_words_are_sentences() -> None:
    """A meaning that ends, and a step that can be taken."""
    for reason, words in WORDS.items():
        assert (reason, True) == (reason, words.meaning.endswith("."))
        assert (reason, True) == (reason, len(words.next_step) >= 7 and not words.next_step.endswith("."))


def test_a_reason_of_another_release_is_shown_all_the_same() -> None:
    """With the word itself beside it."""
    assert "no words" in words_of("something_of_tomorrow").meaning
