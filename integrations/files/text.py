"""A table as text, whoever wrote it: which encoding, which separator, and on which line each row stands.

What was taken for what is kept beside the rows, so that it can be said: a guess that nobody sees is a fault that nobody finds.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integrations.bounded_reading import EXPORT, read_bounded
from integrations.files.errors import BadFile

SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
EXAMPLE: Final = "customer,month,mrr\ncus_N3xT4,2026-01,49.00"
_LONGEST_CELL: Final = 1 << 20
_BINARY: Final = {
    b"PK\x03\x04": "an Excel workbook or another archive: save the sheet as CSV (UTF-8) and give that",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV (UTF-8) and give that",
    b"\x1f\x8b": "packed with gzip: unpack it first",
    b"%PDF": "a PDF: export the figures as CSV instead",
    b"PAR1": "a Parquet file: export the figures as CSV instead",
    b"SQLite format 3": "a database: export the figures as CSV instead",
}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file that hold anything, each with the number of the line on which it ends, and how the text was read."""

    name: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    separator: str
    encoding: str


def read_table(path: Path) -> Table:
    """The rows of a text file, cells without the blanks around them. Raises BadFile for what is no text, or has no table in it."""
    try:
        raw = read_bounded(path, EXPORT)
    except OSError as error:
        raise BadFile(f"{path} can't be read: {error.strerror or error}") from error
    text, encoding = decoded(raw, str(path))
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise BadFile(f"{path} is empty; it should hold a table such as\n{EXAMPLE}")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    told = lines[first].strip().lower()
    stated = told[4:] if told.startswith("sep=") and len(told) == 5 else None
    separator = stated if stated in SEPARATORS else _separator(lines[first : first + 50])
    rows = [row for row in _rows(text, separator, str(path)) if not (stated and row[0] == first + 1)]
    if len(rows) < 2:
        raise BadFile(f"{path} has no row below its head {_shown(rows[0][1]) if rows else ''}; it should look like\n{EXAMPLE}")
    return Table(str(path), tuple(rows), separator, encoding)


def decoded(raw: bytes, name: str) -> tuple[str, str]:
    """The text of a file and the encoding that it turned out to be in. Raises BadFile for what is no text."""
    for begin, what in _BINARY.items():
        if raw.startswith(begin):
            raise BadFile(f"{name} is {what}")
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return _strictly(raw, encoding, name)
    begin = raw[:4096]
    if len(begin) > 3 and b"\x00" in begin:
        evens, odds = begin[0::2].count(0), begin[1::2].count(0)
        if max(evens, odds) > len(begin) // 3:
            return _strictly(raw, "utf-16-le" if odds > evens else "utf-16-be", name)
    if b"\x00" in raw:
        line = raw[: raw.index(b"\x00")].count(b"\n") + 1
        raise BadFile(f"{name}, line {line}: there is a NUL byte, so this is no text; export the figures as CSV (UTF-8)")
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), "Windows-1252"


def _strictly(raw: bytes, encoding: str, name: str) -> tuple[str, str]:
    try:
        return raw.decode(encoding), "UTF-8" if encoding == "utf-8-sig" else "UTF-16"
    except UnicodeDecodeError as error:
        raise BadFile(f"{name} begins like {encoding} and is none (byte {error.start}); save it as CSV (UTF-8)") from error


def _separator(lines: Sequence[str]) -> str:
    """The separator that cuts the lines into the most columns, alike on most lines."""

    def rank(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator)]
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        return (widths.count(usual) * min(usual - 1, 1), usual)

    try:
        return max(SEPARATORS, key=rank)
    except csv.Error:
        return ","


def _rows(text: str, separator: str, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    begun = 1
    try:
        for row in reader:
            begun = reader.line_num + 1
            cells = tuple(map(_plain, row))
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        why = "a quote that begins there is never closed" if "end of data" in str(error) else str(error)
        raise BadFile(f"{name}, line {begun}: {why}; it should look like\n{EXAMPLE}") from error


def _plain(cell: str) -> str:
    """A cell without blanks around it, and without the apostrophe that keeps a spreadsheet from computing it."""
    cell = cell.strip(" \t\r\n\u00a0\ufeff")
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@" else cell


def _shown(cells: Sequence[str]) -> str:
    return ", ".join(repr(cell) for cell in cells[:12])
