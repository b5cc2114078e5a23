"""The evidence can be got in pieces: what was got stays, with its moment and its commit, and a run that was broken off is gone on with."""

from collections import Counter
from pathlib import Path

import pytest

from tests import evidence
from tests.faults.matrix import ROWS, Row


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report without results, a counting of tests that takes no time, and tests that all pass, once each."""
    found = tmp_path / "TESTING.md"
    found.write_text(f"before\n{evidence.BEGIN}\n{evidence.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(evidence, "FILE", found)
    monkeypatch.setattr(evidence, "collected", lambda *_: Counter(faults=3))
    monkeypatch.setattr(evidence, "with_longer_tests", lambda: {row.fault for row in ROWS})
    monkeypatch.setattr(evidence, "outcomes", lambda _row, *, slow: Counter(passed=2 if slow else 1))
    return found


@pytest.mark.long
def test_what_was_got_stays(file: Path) -> None:
    """A piece of the slow ones, then the quick ones: each row says of each what came of it, when and of which commit."""
    some = ROWS[0].fault
    assert 0 == evidence.main(["--all", "--only", some, "--write"])
    assert 0 == evidence.main(["--write"])
    found = evidence.known(file.read_text(encoding="utf-8"))
    assert {row.fault for row in ROWS} == set(found)
    assert found[some].every.startswith("2 passed; ")
    assert found[some].every.endswith(evidence.commit())
    assert {evidence.NONE} == {said.every for fault, said in found.items() if fault != some}
    assert all(said.quick.startswith("1 passed; ") for said in found.values())
    text = file.read_text(encoding="utf-8")
    assert ("before\n", "\nafter\n") == (text[:7], text[-7:])


@pytest.mark.long
def test_a_run_that_was_broken_off_is_gone_on_with(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the fifth row: the four before are kept, and only the rest is run."""
    ran: list[str] = []

    def until_the_fifth(row: Row, *, slow: bool) -> Counter[str]:
        ran.append(row.fault)
        if len(ran) == 5:
            raise KeyboardInterrupt
        return Counter(passed=1)

    monkeypatch.setattr(evidence, "outcomes", until_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        evidence.main(["--all", "--write"])
    assert 0 == evidence.main(["--all", "--write", "--left"])
    assert [*(row.fault for row in ROWS[:5]), *(row.fault for row in ROWS[4:])] == ran


def test_what_fails_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit 1; counting alone runs nothing and says nothing of it."""
    monkeypatch.setattr(evidence, "outcomes", lambda _row, *, slow: Counter(passed=1, failure=1))
    assert 1 == evidence.main(["--only", ROWS[0].fault, "--write"])
    assert 0 == evidence.main(["--count"])
    assert evidence.known(file.read_text(encoding="utf-8"))[ROWS[0].fault].quick.startswith("1 failure, 1 passed; ")


@pytest.mark.long
def test_what_has_no_longer_tests_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not run a second time, and does not look as if nobody had run it."""
    ran: list[str] = []
    monkeypatch.setattr(evidence, "with_longer_tests", lambda: {ROWS[0].fault})

    def noted(row: Row, *, slow: bool) -> Counter[str]:
        ran.append(row.fault)
        return Counter(passed=1 + slow)

    monkeypatch.setattr(evidence, "outcomes", noted)
    assert 0 == evidence.main(["--write"])
    found = evidence.known(file.read_text(encoding="utf-8"))
    assert {ROWS[0].fault: evidence.NONE} == {fault: said.every for fault, said in found.items() if said.every != evidence.SAME}
    ran.clear()
    assert 0 == evidence.main(["--write", "--all"])
    assert [ROWS[0].fault] == ran


@pytest.mark.long
def test_which_faults_have_longer_tests() -> None:
    """As pytest itself collects them."""
    found = evidence.with_longer_tests()
    assert {"a worker stopped for twice its lease and woken", "Ctrl-C, SIGTERM"} <= found
    assert not found & {"SQLite's file replaced or removed under a process", "errors that look like an outage and are none"}
