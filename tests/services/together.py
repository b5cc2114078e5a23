"""Which tests one worker runs: those of files that share what is dear to make, and each other test wherever there is room.

Whatever a file makes for its module, or several files for a session, would else be made by each worker. What belongs together is handed out first, so that the workers end
together. (xdist's own groups go by a name that it adds to a test's, which pytest no longer takes.)
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

ROOT: Final = Path(__file__).parents[2]
APART: Final = ("tests/lives/test_dropping.py", "tests/lives/test_histories.py")
"""Where what takes long is run, nearly all of their time is that of single tests, which share little."""
ASKED_FOR: Final = {
    "concern": ("concern: Concern",),
    "installed": ("installed: Installation", "parsed: Parsed", "seen: Sessions", "window: Server"),
}
"""Fixtures of a session that take seconds to make, and how a test asks for each or for what stands on it."""


@cache
def shared(file: str) -> str | None:
    """What the tests of a file, named from the top, have in common: the file, where it makes something for its module by a fixture or by a
    function that remembers; the fixture of the session that they ask for; or nothing."""
    path = ROOT / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if 'scope="module"' in text or "\n@cache\n" in text:
        return file
    return next((name for name, asked in ASKED_FOR.items() if any(each in text for each in asked)), None)


def scope_of(test: str, *, at_length: bool = False) -> str:
    """What a test, named as pytest names it, is run together with."""
    file = test.partition("::")[0]
    common = shared(file)
    return test if common is None or (at_length and file in APART) else common


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Hands tests out."""

    def _split_scope(self, nodeid: str) -> str:
        asked: Any = self.config.getoption("markexpr")
        return scope_of(nodeid, at_length=any(word in asked and f"not {word}" not in asked for word in ("slow", "long")))
