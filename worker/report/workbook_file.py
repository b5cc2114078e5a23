"""A report as a file: it appears under its name only when it is whole, and for its owner alone."""

from pathlib import Path

from integrations.private_files import private_file
from integrations.workbook.content import Content


def written(content: Content, out: Path) -> int:
    """Write a workbook; gives its size in bytes. Raises OSError; what was there before is then as it was."""
    from integrations.workbook.write import write

    partial = out.with_name(f".{out.name}.part")
    try:
        private_file(partial)
        write(content, partial)
        size = partial.stat().st_size
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return size
