"""The hand-computed lives of `cases/lives.md` come out as written."""

from pathlib import Path

import pytest

from tests.metrics.life import Life, lines_of, told

CASES = told(Path(__file__).parent / "cases" / "lives.md")


@pytest.mark.parametrize("life", CASES, ids=lambda life: f"L{life.line}: {life.title}")
def test_a_life_comes_out_as_computed_by_hand(life: Life) -> None:
    """Movements, findings and exclusions are those that the case states, no more and no fewer."""
    ledger = life.ledger()
    several = len({m.currency for m in ledger.movements}) > 1
    assert life.movements == lines_of(ledger, currencies=several)
    assert sorted(set(life.findings)) == sorted({f.reason for f in ledger.findings})
    assert sorted(set(life.exclusions)) == sorted({e.reason for e in ledger.exclusions})
