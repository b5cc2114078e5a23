"""Sentences for people in a terminal: broken between words where it ends, and never within a command that somebody would copy."""

import os
import re
from textwrap import wrap
from typing import Final, TextIO

_COMMAND: Final = re.compile(r"\bnrr(?: [\w=@.:/-]+){1,5}")
_BULLET: Final = re.compile(r"\s*(?:[-·✓✗] )?")
_KEPT: Final = "\N{NO-BREAK SPACE}"
_ESCAPE: Final = "\x1b"
_NARROWEST: Final = 20


def fitted(text: str, stream: TextIO) -> str:
    """`text` in lines of the terminal that `stream` is; as it is in a pipe or a file, and where a line has colours or links in it."""
    width = _width(stream)
    return text if width is None else "\n".join(_broken(line, width) for line in text.split("\n"))


def _width(stream: TextIO) -> int | None:
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return None
    return width if width >= _NARROWEST else None


def _broken(line: str, width: int) -> str:
    if len(line) <= width or _ESCAPE in line or _KEPT in line:
        return line
    whole = _COMMAND.sub(lambda command: command.group().replace(" ", _KEPT), line)
    begin = _BULLET.match(line)
    parts = wrap(
        whole,
        width,
        subsequent_indent=" " * (begin.end() if begin else 0),
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return "\n".join(parts).replace(_KEPT, " ")
