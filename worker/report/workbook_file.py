"""A report as a file: it appears under its name only when it is whole, and for its owner alone."""

from pathlib import Path

from integrations.private_files import written_atomically
from integrations.workbook.content import Content


def written(content: Content, out: Path) -> int:
    """Write a workbook; gives its size in bytes. Raises OSError; what was there before is then as it was."""
    from integrations.workbook.write import write

    with written_atomically(out) as place:
        write(content, place)
        return place.stat().st_size
