"""No test speaks to another machine: names of others aren't found, whatever asks for them in the process of a test."""

import socket
from typing import Any, Final

_OURS: Final = ("localhost", "127.", "::1", "0.0.0.0")
_find: Final = socket.getaddrinfo


def only_loopback() -> None:
    """From now on this process finds no host but this machine, as if it had no network."""
    socket.getaddrinfo = _ours


def _ours(host: Any, *arguments: Any, **named: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name and not name.startswith(_OURS):
        raise socket.gaierror(socket.EAI_NONAME, f"tests know no other machine than this one, and so not {name}")
    return _find(host, *arguments, **named)
