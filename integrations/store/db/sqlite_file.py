"""The file under SQLite's name is the one that a connection has open, or the connection is given up.

Somebody may put another file in its place (a copy of last week's, moved over it) or remove it while processes run. The system goes on giving
those who have it open the old one, which nobody else sees any more: whoever reads would show old figures for ever, whoever writes would be
refused for ever, or would write into nothing. So each transaction begins by looking. Nor is a file made anew where one was: it would be empty, and
pass for a database without a schema.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

from integrations.private_files import private_file

_IDENTITY: Final = "nrr_file"


def watch(engine: Engine, *, make: bool) -> None:
    """Give up connections to a file that is no longer the one under its name, and make none where one was; at first only with `make`."""
    event.listen(engine, "do_connect", _Opening(make=make))
    event.listen(engine, "checkout", _still_there)


class _Opening:
    """How an engine's file is opened: made if need be at the first time, for its owner alone, and never again."""

    def __init__(self, *, make: bool) -> None:
        self._may_make = make

    def __call__(self, _dialect: Any, record: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
        """Change what is handed to sqlite3.connect."""
        path = arguments[0]
        if path == ":memory:" or parameters.get(
            "uri"
        ):  # nobody else's, or an address of SQLite's own, which says itself what is made
            return
        if self._may_make:
            with suppress(OSError):  # no such folder, or one that we may not write to: SQLite says so
                private_file(Path(path))
                self._may_make = False
        # Looked at before it is opened: were it replaced between the two, the connection is given up once too often, never once too seldom.
        record.info[_IDENTITY] = path, _identity(path)
        arguments[0] = f"file:{quote(path)}?mode=rw"
        parameters["uri"] = True


def _still_there(_connection: Any, record: Any, _proxy: Any) -> None:
    path, opened = record.info.get(_IDENTITY, ("", None))
    if path and opened != _identity(path):
        raise InvalidatePoolError


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
