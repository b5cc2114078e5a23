"""Where in nrr.toml each key of `[alerts]` and `[[alerts.rules]]` stands, so that a fault can be told with its line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_HEADER: Final = re.compile(r"""^\s*(\[\[?)\s*([A-Za-z0-9_."' -]+?)\s*\]""")
_KEY: Final = re.compile(r"""^\s*["']?([A-Za-z0-9_-]+)["']?\s*[=.]""")


@dataclass
class Places:
    """Where in the file a key stands: `place(None, "drift")`, `place(0, "metric")`. TOML's reader doesn't say, so lines are looked through."""

    name: str
    lines: Mapping[tuple[int | None, str], int] = field(default_factory=dict)

    def place(self, rule: int | None, key: str) -> str:
        line = self.lines.get((rule, key)) or self.lines.get((rule, ""))
        return f"{self.name}:{line}" if line else self.name


def places_in(text: str, name: str) -> Places:
    """Where each key of `[alerts]` stands in `text`, the whole of the file `name`."""
    found: dict[tuple[int | None, str], int] = {}
    rule, inside = -1, False
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header[2].replace(" ", "")
            inside = table in ("alerts", "alerts.rules")
            if table == "alerts.rules":
                rule += 1
            if inside:
                found.setdefault((rule if table == "alerts.rules" else None, ""), number)
            where = rule if table == "alerts.rules" else None
        elif inside and (key := _KEY.match(line)):
            found.setdefault((where, key[1]), number)
    return Places(name, found)
