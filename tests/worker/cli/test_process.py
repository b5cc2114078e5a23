"""What only a process of its own shows: exit codes as the shell gets them, a reader that goes away, and that calling `nrr` here is the same."""

import os
import subprocess

import pytest

from tests.worker.cli.command import NRR, Run


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        pytest.param(["show", "retention", "--help"], marks=pytest.mark.long),
        ["config", "show", "--json"],
        pytest.param(["show", "mrrr"], marks=pytest.mark.long),
        pytest.param(["show", "mrr", "--now", "yesterday"], marks=pytest.mark.long),
        pytest.param(["show", "mrr"], marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def test_called_here_or_in_a_process_it_is_the_same(nrr: Run, shell: Run, words: list[str]) -> None:
    """Exit code and every sign of both streams: so what the other tests see here is what a shell sees."""
    assert shell(*words) == nrr(*words)


@pytest.mark.parametrize(
    ("code", "words"), [(0, ["--version"]), pytest.param(2, ["sync"], marks=pytest.mark.long), (10, ["show", "mrr"])]
)
def test_the_shell_is_told_the_exit_code(shell: Run, code: int, words: list[str]) -> None:
    """All is well, a setting is missing, the database has no schema."""
    assert code == shell(*words).code


@pytest.mark.parametrize("words", [["config", "show", "--json"], ["config", "show"], ["db", "current", "--json"]], ids=" ".join)
@pytest.mark.long
def test_a_reader_that_has_seen_enough_is_nothing_to_be_told_of(nrr: Run, alone: dict[str, str], words: list[str]) -> None:
    """`nrr … | head`: not a word of a broken pipe, whether the output broke early or on the way out."""
    assert 0 == nrr("db", "upgrade").code
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([NRR, *words], stdout=writing, stderr=subprocess.PIPE, text=True, env=alone, timeout=60, check=False)
    finally:
        os.close(writing)
    assert (1, "") == (done.returncode, done.stderr)
