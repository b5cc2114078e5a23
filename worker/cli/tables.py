"""Tables for people: whole in a pipe, and in a terminal of any width without losing a sign of what they say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from integrations.notify.sanitize import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_NAMING_WIDTH: Final = 24
"""The first column names the row: so many signs of it stand in a line however narrow the others are."""
_WORDS_WIDTHS: Final = (40, 24, 14)
"""Where a terminal is narrow words are broken into lines of so many signs, into shorter ones if all columns then have room, else as at first."""
_BETWEEN: Final = 3
_PIPE: Final = 220
"""Signs of a line where nobody looks at it in a terminal, and more if a table is wider."""
_LONGEST: Final = 2_000
"""Signs of a cell that are shown: what comes from outside may be as long as it likes."""


class Linked(str):
    """A text that leads somewhere in terminals that can show it; elsewhere the text alone."""

    __slots__ = ("address",)
    address: str | None

    def __new__(cls, text: str, address: str | None) -> Self:
        made = super().__new__(cls, text)
        made.address = address
        return made


def hyperlink(text: str, address: str | None) -> str:
    """A text for stdout that leads somewhere, in terminals that can (OSC 8)."""
    shown = console()
    if address is None or not shown.is_terminal or shown.is_dumb_terminal:
        return text
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


def console(*, stderr: bool = False) -> "Console":
    """A console of rich's; one that isn't a terminal is wide, so that nothing is cut in a pipe."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=_PIPE)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None, right: Sequence[str] = ()
) -> None:
    """Rows for people on stdout. Numbers are never cut: what a terminal is too narrow for goes below, beside the first columns again."""
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    shown = console()
    cells = [[plain(value, _LONGEST) for value in row] for row in rows]
    natural = [max(map(cell_len, (name, *(row[index] for row in cells)))) for index, name in enumerate(columns)]
    words = [max((cell_len(word) for row in cells for word in row[index].split()), default=0) for index in range(len(columns))]
    texts = [
        [_text(shown, said, cell) for said, cell in zip(line, row, strict=True)] for line, row in zip(cells, rows, strict=True)
    ]
    numbers = [name in right for name in columns]
    if not shown.is_terminal and shown.width == _PIPE:
        shown.width = max(_PIPE, sum(natural) + _BETWEEN * len(columns))
    beside = shown.width - _BETWEEN - max((width for width, number in zip(natural, numbers, strict=True) if number), default=0)
    fitted: tuple[list[int], list[list[int]]] | None = None
    for words_width in _WORDS_WIDTHS:
        most = [
            min(max(_NAMING_WIDTH if index == 0 else words_width, words[index]), max(1, beside)) for index in range(len(columns))
        ]
        least = [n if number else min(n, m) for n, m, number in zip(natural, most, numbers, strict=True)]
        # A word that is wider than what the first column leaves (an address, say) is folded there; else both would be cut.
        left = max(1, shown.width - least[0] - _BETWEEN)
        least = [w if number or not index else min(w, left) for index, (w, number) in enumerate(zip(least, numbers, strict=True))]
        blocks = _blocks(least, numbers.index(True) if True in numbers else len(numbers), shown.width)
        if fitted is None or len(blocks) == 1:
            fitted = least, blocks
        if len(blocks) == 1:
            break
    assert fitted is not None, "there are widths to try"
    least, blocks = fitted
    if title:
        shown.print(Text(title, style="table.title"))
    for number, block in enumerate(blocks):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        spare = shown.width - sum(least[index] + _BETWEEN for index in block) + _BETWEEN
        for index in block:
            # Each column is told its width: left to itself, a column may take so much that another one's words are broken in their middle.
            wider = max(0, min(natural[index] - least[index], spare))
            spare -= wider
            table.add_column(
                columns[index], justify="right" if numbers[index] else "left", width=least[index] + wider, overflow="fold"
            )
        for row in texts:
            table.add_row(*(row[index] for index in block))
        if number:
            shown.print()
        shown.print(table)


def _text(shown: "Console", said: str, cell: object) -> "Text":
    from rich.style import Style
    from rich.text import Text

    address = cell.address if isinstance(cell, Linked) and shown.is_terminal and not shown.is_dumb_terminal else None
    return Text(said, style=Style(link=address)) if address else Text(said)


def _blocks(widths: Sequence[int], words: int, room: int) -> list[list[int]]:
    """Columns, by number, in blocks that fit into `room`; each begins with the first ones, of the `words` that lead, that take up half of it."""
    key = [0]
    while len(key) < words and sum(widths[: len(key) + 1]) + _BETWEEN * len(key) <= room // 2:
        key.append(len(key))
    blocks, used = [list(key)], sum(widths[: len(key)]) + _BETWEEN * (len(key) - 1)
    begin = used
    for index in range(len(key), len(widths)):
        if used + _BETWEEN + widths[index] > room and len(blocks[-1]) > len(key):
            blocks.append(list(key))
            used = begin
        blocks[-1].append(index)
        used += _BETWEEN + widths[index]
    return blocks
