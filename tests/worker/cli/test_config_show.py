"""`nrr config show` on a terminal: no word is broken or cut, however narrow it is."""

import pytest

from worker.cli.setup import settings_lines
from worker.config.load import isolated, shown


@pytest.mark.parametrize("width", [80, 100, 160])
def test_settings_are_told_in_whole_words(width: int) -> None:
    """Every name and every word of what it is stands whole; only a value that has no blank may go past the edge."""
    rows = shown(isolated({"reporting_currency": "usd"}))
    lines = settings_lines(rows, width)
    said = "\n".join(lines)
    words = set(said.split())
    for row in rows:
        assert f"{row['name']} = " in said
        assert set(row["about"].split()) <= words
    assert all(len(line) <= width for line in lines if line.startswith("    "))
    assert "store_names = false" in said
