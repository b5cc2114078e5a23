"""Sentences in a terminal end where it ends, between words."""

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from io import StringIO
from struct import pack
from termios import TIOCSWINSZ
from typing import TextIO

from worker.cli.fitted import fitted

SENTENCE = (
    "amounts in USD of later days use that day's, and the month under way is left out; to see it: nrr show retention --from 2026-11"
)


@contextmanager
def _terminal(columns: int) -> Iterator[TextIO]:
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, pack("HHHH", 50, columns, 0, 0))
    try:
        with os.fdopen(theirs, "w") as stream:
            yield stream
    finally:
        os.close(ours)


def test_no_word_is_broken_and_no_command() -> None:
    """At every width: no line is wider than the terminal, the words are the same, and what is to be copied stands in one line."""
    for columns in (60, 80, 100, 160):
        with _terminal(columns) as stream:
            lines = fitted(f"  {SENTENCE}\nshort", stream).split("\n")
        assert all(len(line) <= columns for line in lines), columns
        assert f"{SENTENCE} short".split() == " ".join(lines).split()
        assert any("nrr show retention --from 2026-11" in line for line in lines)
        assert all(line.startswith("  ") for line in lines[:-1])
        with _terminal(columns) as stream:
            first, *further = fitted(f"✓ {SENTENCE}", stream).split("\n")
        assert first.startswith("✓ ")
        assert all(line.startswith("  ") for line in further)


def test_what_cannot_be_fitted_stays_as_it_is() -> None:
    """In a pipe a sentence is one line; a line with a link in it, or a word wider than the terminal, is left to the terminal."""
    assert fitted(SENTENCE, StringIO()) == SENTENCE
    linked = f"\x1b]8;;https://a\x1b\\\\cus_1\x1b]8;;\x1b\\\\ {SENTENCE}"
    with _terminal(60) as stream:
        assert fitted(linked, stream) == linked
        assert "x" * 90 in fitted(f"see {'x' * 90} {SENTENCE}", stream)
