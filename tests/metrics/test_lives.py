"""The hand-computed lives of `cases/lives.md` and `cases/choices.md` come out as written."""

from pathlib import Path

import pytest

from tests.metrics.life import Life, lines_of, standing_of, told

FOLDER = Path(__file__).parent / "cases"
CASES = [(file, life) for file in ("lives", "choices") for life in told(FOLDER / f"{file}.md")]


@pytest.mark.parametrize("life", [life for _, life in CASES], ids=[f"{file}:{life.line}: {life.title}" for file, life in CASES])
def test_a_life_comes_out_as_computed_by_hand(life: Life) -> None:
    """Movements, findings and exclusions are those that the case states, no more and no fewer; so are the standings that it names."""
    ledger = life.ledger()
    several = len({m.currency for m in ledger.movements}) > 1
    assert life.movements == lines_of(ledger, currencies=several)
    assert life.standings == [(day, standing_of(ledger, day, wanted)) for day, wanted in life.standings]
    assert sorted(set(life.findings)) == sorted({f.reason for f in ledger.findings})
    assert sorted(set(life.exclusions)) == sorted({e.reason for e in ledger.exclusions})


def test_every_case_is_read_and_told_once() -> None:
    """No heading is lost, none is there twice, and none is left without an expectation or a title of its own."""
    titles = [life.title for _, life in CASES]
    headings = sum(
        text.startswith("## ") for file in ("lives", "choices") for text in (FOLDER / f"{file}.md").read_text().splitlines()
    )
    assert headings == len(set(titles)) == len(titles)
    assert all(life.movements or life.standings or life.exclusions or life.findings for _, life in CASES)
