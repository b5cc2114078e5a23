"""Logging as a command or a worker sets it up.

Lines go to stderr, so that stdout is data. What makes them (`log_lines`) is loaded when there is a first one: most commands log nothing, and
whoever only looks should not wait for it.
"""

import logging
import sys
from typing import Any, Final, TextIO


def level_of(setting: str, *, standing: bool = False) -> str:
    """The level that a setting means: of `auto`, info for processes that stand by themselves, where nobody looks on, and warning for commands."""
    if setting != "auto":
        return setting
    return "info" if standing else "warning"


class Logger:
    """What a module logs through: `logger(__name__).warning("event", account=3)`, a constant event with keyword data."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        _make_ready()
        import structlog

        return getattr(structlog.get_logger(self._name), method)


logger: Final = Logger


def configure(*, style: str = "auto", level: str = "warning") -> None:
    """Set logging up for this process; the last call counts. `style` is auto (console on a terminal, else JSON), json or console."""
    root = logging.getLogger()
    root.handlers[:] = [_UntilFirstLine(style, level, sys.stderr)]
    root.setLevel(level.upper())
    # Requests are counted and told by the reader itself; these libraries would log one line for each.
    for name in ("urllib3", "stripe", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _UntilFirstLine(logging.Handler):
    """Stands where lines will be written, and makes room for what writes them when there is one to write, whoever it comes from."""

    def __init__(self, style: str, level: str, stream: TextIO | None) -> None:
        super().__init__()
        self._style, self._level, self._stream = style, level, stream

    def make_ready(self) -> None:
        """Have lines written from now on."""
        from worker.execution import log_lines

        log_lines.configure(self._style, self._level, self._stream)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the first line on."""
        self.make_ready()
        for handler in logging.getLogger().handlers:
            handler.handle(record)


def _make_ready() -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _UntilFirstLine):
            handler.make_ready()
