"""Text from outside (customers' names, segments, metadata) made harmless: it can say anything, but it can't do anything.

Control characters, line ends within a line and marks that turn the direction of writing are taken out; everything else stays readable.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

_TURNING: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSTEADY: Final = re.compile(
    "(\x1b\\[[0-9;]*m|\x1b]8;;(?:https://dashboard\\.stripe\\.com/[!-~]*)?\x1b\\\\)"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff" + "".join(sorted(_TURNING)) + "]"
)
"""What is kept of what a terminal obeys (our own colours and links), and what goes."""
_NO_WIDTH: Final = frozenset("\u200b\u2060\ufeff\u00ad")


def plain(text: object, limit: int = 500) -> str:
    """One harmless line of at most `limit` characters; what was cut ends in an ellipsis."""
    kept = []
    for character in str(text):
        kind = unicodedata.category(character)
        if character in "\t\n\r\v\f\u0085\u2028\u2029":
            kept.append(" ")
        elif kind in ("Cc", "Cs") or character in _TURNING or character in _NO_WIDTH:
            continue
        else:
            kept.append(character)
    line = " ".join("".join(kept).split(" ")).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def steady(text: str) -> str:
    """Text for a terminal or a log as it is, line ends, tabs, colours and links to Stripe's dashboard included, without any other sign that could
    steer a terminal or turn the direction of writing."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSTEADY.sub(lambda found: found.group(1) or "", text)


def slack(text: object, limit: int = 500) -> str:
    """The same for Slack's own markup: no mention, link or formatting can come out of it."""
    line = plain(text, limit).replace("`", "'")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cleaned(content: Any) -> Any:
    """Everything in a message's content as harmless lines, keeping its shape."""
    if isinstance(content, Mapping):
        return {str(key): cleaned(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [cleaned(value) for value in content]
    return plain(content) if isinstance(content, str) else content


def without(text: str, secrets: Iterable[str | None]) -> str:
    """`text` in which no secret is left, for errors and logs."""
    for secret in secrets:
        if secret and len(secret) >= 4:
            text = text.replace(secret, "***")
    return text
