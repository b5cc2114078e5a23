"""A host on this machine that answers as it is told, faults included: what a client of Stripe's has to stand.

A `Reply` is one answer; `Host.serving` gives them out in order, the last one again and again. Every request is kept for the test to
look at. Nothing of the product is used here.
"""

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

NOW = 1_767_225_600
"""2026-01-01: what the host's clock says."""


@dataclass(frozen=True)
class Reply:
    """One answer. `fault` is what goes wrong: reset, cut (half the body), hang, drip (a byte at a time)."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    zipped: bool = False
    dated: bool = True


@dataclass(frozen=True)
class Request:
    """What was asked."""

    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]

    def params(self) -> dict[str, list[str]]:
        """The parameters with all their values."""
        out: dict[str, list[str]] = {}
        for name, value in self.query:
            out.setdefault(name, []).append(value)
        return out


Answering = Callable[[Request], Reply]


def listing(*objects: Any, has_more: bool = False, **headers: str) -> Reply:
    """A good answer of a list."""
    return Reply({"object": "list", "data": list(objects), "has_more": has_more, "url": "/v1/x"}, headers=headers)


def failing(status: int, message: str = "no", headers: dict[str, str] | None = None, **error: str) -> Reply:
    """An answer with Stripe's kind of error."""
    return Reply({"error": {"message": message, **error}}, status, headers or {})


@dataclass
class Host:
    """A running host: its address and the requests it has seen."""

    address: str
    requests: list[Request] = field(default_factory=list)

    def asked(self, path: str) -> list[Request]:
        """The requests for one path."""
        return [r for r in self.requests if r.path == path]


@contextmanager
def serving(*replies: Reply, answering: Answering | None = None) -> Iterator[Host]:
    """A host that gives `replies` in order and the last one again, or what `answering` says to each request."""
    host = Host("")
    lock = threading.Lock()
    left = list(replies)

    def next_reply(request: Request) -> Reply:
        with lock:
            host.requests.append(request)
            if answering is not None:
                return answering(request)
            return left.pop(0) if len(left) > 1 else left[0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            request = Request(parts.path, parse_qsl(parts.query, keep_blank_values=True), dict(self.headers.items()))
            _send(self, next_reply(request))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its base class calls it so
            """Tests say what matters themselves."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gives up is part of the test."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    host.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    if reply.fault == "reset":
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        handler.close_connection = True
        return
    if reply.fault == "hang":
        time.sleep(1.0)
    if reply.zipped:
        body = gzip.compress(body)
    handler.send_response_only(reply.status)
    if reply.dated:
        handler.send_header("Date", formatdate(NOW, usegmt=True))
    handler.send_header("Content-Length", str(len(body)))
    if reply.zipped:
        handler.send_header("Content-Encoding", "gzip")
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if reply.fault == "cut":
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True
    elif reply.fault == "drip":
        _drip(handler, body)
    else:
        handler.wfile.write(body)


def _drip(handler: BaseHTTPRequestHandler, body: Sequence[int]) -> None:
    for byte in body:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.02)
