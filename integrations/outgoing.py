"""How this installation reaches other machines: by which proxy, and whom it trusts. One value for Stripe, Slack, mail, webhooks and rates alike.

Nothing is read from the environment here, and nothing is sent but the request for a tunnel. This machine itself is never asked for by a
proxy.
"""

import base64
import ipaddress
import socket
import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit

_LONGEST_ANSWER: Final = 65_536


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class NoTunnel(OSError):
    """The proxy doesn't let us through; the text names neither its user nor its password."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The way out. `proxy` is http://HOST:PORT, with user and password if it wants them, and doesn't show when it is printed; `direct` names
    hosts that are reached without it, as NO_PROXY does (suffixes, separated by commas). `ca_file` is trusted besides the system's authorities.
    """

    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    direct: str = ""

    def proxy_for(self, host: str) -> str | None:
        """The proxy that a host is reached by; None for this machine, and for hosts that are reached without one."""
        if self.proxy is None or is_loopback(host):
            return None
        suffixes = [each.strip().lower().lstrip(".") for each in self.direct.split(",")]
        by_itself = any(each and (each == "*" or f".{host.lower()}".endswith(f".{each}")) for each in suffixes)
        return None if by_itself else self.proxy

    def context(self, *more: str | None) -> ssl.SSLContext:
        """What certificates are checked with: the system's authorities, `ca_file`, and `more` files. Raises OSError for a file that can't be
        read, and ssl.SSLError for one without certificates."""
        context = ssl.create_default_context()
        for each in (self.ca_file, *more):
            if each is not None:
                context.load_verify_locations(each)
        return context

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection to a host, by the proxy where there is one. Raises OSError."""
        proxy = self.proxy_for(host)
        if proxy is None:
            return socket.create_connection((host, port), timeout)
        parts = urlsplit(proxy)
        assert parts.hostname is not None, "checked when it was set"
        line = socket.create_connection((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), timeout)
        try:
            if parts.scheme == "https":
                line = self.context().wrap_socket(line, server_hostname=parts.hostname)
            _ask_for_tunnel(line, host, port, credentials(proxy))
        except BaseException:
            line.close()
            raise
        return line


DIRECT: Final = Outgoing()
"""Without a proxy, trusting the system's authorities."""


@cache
def credentials(proxy: str) -> str | None:
    """The value of Proxy-Authorization that a proxy's address asks for; None when it names no user."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(login.encode()).decode("ascii")


def _ask_for_tunnel(line: socket.socket, host: str, port: int, login: str | None) -> None:
    name = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    words = [f"CONNECT {name}:{port} HTTP/1.1", f"Host: {name}:{port}", *([f"Proxy-Authorization: {login}"] if login else [])]
    line.sendall("\r\n".join([*words, "", ""]).encode("ascii"))
    answer = bytearray()
    # One byte at a time: what comes behind the blank line is the other side's already.
    while not answer.endswith(b"\r\n\r\n"):
        piece = line.recv(1)
        if not piece or len(answer) > _LONGEST_ANSWER:
            raise NoTunnel("the proxy gave no answer that can be read")
        answer += piece
    status = answer.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    if len(status) < 2 or status[1] != "200":
        raise NoTunnel(f"the proxy lets nobody through to {host}:{port}: {' '.join(status[1:])[:100]}")
