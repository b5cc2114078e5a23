"""What no line and no error may say: secrets, which are masked wherever they turn up."""

import re
from typing import Final

_KEY: Final = re.compile(r"\b((?:sk|rk|pk|ek|uk|whsec|xoxb|xoxp|xapp)[_-])[A-Za-z0-9_*-]{6,}")
_PASSWORD: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+(@)")
_SHORTEST: Final = 6
"""A shorter secret would mask words that have nothing to do with it."""
_WEBHOOK: Final = re.compile(r"(hooks\.slack\.com/services/)\S+")

_known: set[str] = set()
"""Secrets of this process, masked by their very value."""


def keep_secret(*values: str | None) -> None:
    """From now on these values show nowhere in this process's log lines, whatever they look like."""
    _known.update(value for value in values if value and len(value) >= _SHORTEST)


def masked(text: str) -> str:
    """`text` without anything that is known to be a secret, or looks like a key, a password in an address, or a webhook's address."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _KEY.sub(r"\1***", text)
    text = _PASSWORD.sub(r"\1***\2", text)
    return _WEBHOOK.sub(r"\1***", text)
