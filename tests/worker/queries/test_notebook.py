"""The example notebook in the deploy notes: every block runs as it stands, one after the other."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.worker.installation import Installation

NOTES = Path(__file__).parents[3] / "deploy" / "notebook.md"


@pytest.mark.long
def test_every_block_runs(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a book of some months; the frames have the columns that are asked of them, and rates made again are those that are stored."""
    for name, value in installed.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(installed.folder)
    blocks = re.findall(r"```python\n(.*?)```", NOTES.read_text(encoding="utf-8"), re.DOTALL)
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, NOTES.name, "exec"), scope)  # it is our own text
    assert len(blocks) > 9
    yearly, movements, daily = scope["yearly"], scope["movements"], scope["daily"]
    assert yearly.height > 0
    assert movements["change_micros"].sum() == daily["change_micros"].sum()
    whole = yearly.filter(pl.col("nrr").is_not_null())
    assert [round(a / b, 6) for a, b in whole.select("closing_of_cohort_micros", "opening_micros").iter_rows()] == whole[
        "nrr"
    ].to_list()
