"""A mutant is one slip of the hand, and nothing that can't change an answer is touched."""

from tests.mutation.mutants import mutants

SOURCE = '''
"""A module's words."""

def share(part: int, whole: int = 1) -> int | None:
    """A function's words."""
    if whole <= 0:
        raise ValueError("no whole")
    return part * 100 // whole if whole else None
'''


def test_one_change_each() -> None:
    """The comparison, the conditions, the arithmetic, each constant and the answer: one at a time."""
    found = [(m.line, m.after) for m in mutants(SOURCE)]
    assert [
        (4, "def share(part: int, whole: int=2) -> int | None:"),
        (6, "if not whole <= 0:"),
        (6, "if whole < 0:"),
        (6, "if whole <= 1:"),
        (8, "return None"),
        (8, "return part * 100 // whole if not whole else None"),
        (8, "return part * 101 // whole if whole else None"),
        (8, "return part / 100 // whole if whole else None"),
    ] == sorted(found)


def test_words_and_types_are_left_alone() -> None:
    """No mutant of a docstring, an annotation or a message."""
    for mutant in mutants(SOURCE):
        assert all(word in mutant.source for word in ("A module's words.", "A function's words.", "-> int | None", "no whole"))


def test_names_are_touched_and_sentences_and_exports_are_not() -> None:
    """A reason is a word that other code relies on."""
    found = [m.after for m in mutants('__all__ = ["f"]\nnote("gap", "no invoice covers it")')]
    assert ["note('gap_', 'no invoice covers it')", "pass"] == sorted(found)


def test_what_only_asserts_is_left_alone() -> None:
    """Two lists are of one length whether or not a zip looks."""
    assert ["None"] == [m.after.removeprefix("return ") for m in mutants("def f(a, b):\n    return zip(a, b, strict=True)")]


def test_what_is_forgotten() -> None:
    """A condition of a comprehension, a step out of a loop, a call whose answer nobody takes."""
    found = {m.after for m in mutants("for x in y:\n    if x:\n        continue\n    z.append([i for i in x if i])")}
    assert {"pass", "z.append([i for i in x])", "(left out)"} >= found - {"if not x:"}
    assert {"pass", "z.append([i for i in x])"} <= found
