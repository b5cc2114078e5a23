"""HTTP around a desk: keys, versions, limits, faults, and the control of the clock under /_sandbox.

A thread a connection, which is enough for what is asked of it. What is answered is the desk's business, what goes wrong on purpose is
said by `faults`; here both meet the wire.
"""

import base64
import json
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from integrations.sandbox.api.api import Desk
from integrations.sandbox.api.control import Controls, Traffic, controlled
from integrations.sandbox.api.faults import CONNECTION, Fault, Faults, changed
from integrations.sandbox.api.params import read
from integrations.sandbox.api.rate_limits import Turnstile, too_many
from integrations.sandbox.api_versions import UnknownVersion, generation
from integrations.sandbox.errors import Problem, unknown_address

_PERMISSIONS: Final = {
    "account": "rak_accounts_kyc_basic_read",
    "customers": "rak_customer_read",
    "products": "rak_product_read",
    "prices": "rak_plan_read",
    "coupons": "rak_coupon_read",
    "promotion_codes": "rak_promotion_code_read",
    "subscriptions": "rak_subscription_read",
    "subscription_items": "rak_subscription_read",
    "subscription_schedules": "rak_subscription_read",
    "invoices": "rak_invoice_read",
    "invoiceitems": "rak_invoice_read",
    "events": "rak_event_read",
    "credit_notes": "rak_credit_note_read",
}
_PAGE: Final = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """Serves a desk at a loopback address until it is closed."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, desk: Desk, key: str, faults: Faults, turnstile: Turnstile, port: int, latency_seconds: float) -> None:
        self.desk = desk
        self.key = key
        self.faults = faults
        self.turnstile = turnstile
        self.latency_seconds = latency_seconds
        self.traffic = Traffic()
        self.controls = Controls(desk, faults, turnstile, self.traffic)
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that closing ends it."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """End every connection and stop serving."""
        self.closing.set()
        self.shutdown()
        with self._lock:
            held = list(self._open)
        for each in held:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has gone by itself
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a question."""
        parts = urlsplit(self.path)
        if parts.path.startswith("/_sandbox"):
            self._control(parts.path, b"")
            return
        path = unquote(parts.path)
        striking = self.server.faults.striking(path)
        wire = next((each for each in striking if each.kind in CONNECTION), None)
        if wire is not None and wire.kind in ("reset", "hang"):
            self._break(wire)
            return
        if self.server.latency_seconds:
            time.sleep(self.server.latency_seconds)
        try:
            answer = self._answer(path, parts.query, striking, wire)
        except Problem as problem:
            answer = Answer(problem.status, msgspec.json.encode(problem.body()), problem.headers)
        self.server.traffic.note(_endpoint(path), answer.status)
        self._send(answer, wire)

    def do_POST(self) -> None:
        """Control the sandbox; nothing of Stripe's can be changed."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path.startswith("/_sandbox"):
            self._control(path, body)
            return
        said = "This sandbox is read only: it lives by its own story. Move its clock under /_sandbox/clock."
        self._send(Answer(400, msgspec.json.encode(Problem(400, said).body())), None)

    do_DELETE = do_POST  # noqa: N815  # http.server's way to name a method

    # --- answers -----------------------------------------------------------------------------------------------------------------

    def _answer(self, path: str, query: str, striking: list[Fault], wire: Fault | None) -> Answer:
        server = self.server
        if not path.startswith("/v1/"):
            raise unknown_address("GET", path)
        name = path.removeprefix("/v1/").strip("/")
        if wire is not None:
            self._raise_for(wire, name)
        self._check_key()
        server.turnstile.enter(_endpoint(path))
        try:
            shape = generation(self.headers.get("Stripe-Version") or server.desk.business.api_version)
        except UnknownVersion as unknown:
            raise Problem(400, f"Invalid Stripe API version: {unknown}") from None
        answer = server.desk.answer(name, read(query), shape)
        poisoned = False
        for fault in striking:
            if fault.kind not in CONNECTION:
                answer = changed(fault, answer)
                poisoned = poisoned or fault.kind == "poison"
        body = json.dumps(answer).encode() if poisoned else msgspec.json.encode(answer)
        return Answer(200, body, {"Stripe-Version": shape.version})

    def _check_key(self) -> None:
        given = self.headers.get("Authorization") or ""
        kind, _, word = given.partition(" ")
        if kind.lower() == "basic":
            word = base64.b64decode(word, validate=False).decode("utf-8", "replace").partition(":")[0]
        if not word:
            raise Problem(
                401,
                "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.",
            )
        if not secrets.compare_digest(word.encode(), self.server.key.encode()):
            raise Problem(401, f"Invalid API Key provided: {word[:8]}{'*' * max(0, len(word) - 12)}{word[-4:]}")

    def _raise_for(self, fault: Fault, name: str) -> None:
        stem = name.partition("/")[0]
        match fault.kind:
            case "rate_limit":
                raise too_many(fault.reason, fault.retry_after)
            case "unauthorized":
                raise Problem(401, "Expired API Key provided: sk_test_***", code="api_key_expired")
            case "forbidden":
                needed = _PERMISSIONS.get(stem, f"rak_{stem}_read")
                raise Problem(
                    403,
                    f"The provided key 'rk_test_*********' does not have the required permissions for this endpoint on account "
                    f"'{self.server.desk.business.account}'. Having the '{needed}' permission would allow this request to continue.",
                )
            case "error":
                headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
                raise Problem(fault.status, "An unknown error occurred", headers=headers)

    # --- the wire ----------------------------------------------------------------------------------------------------------------

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        body, kind, status = answer.body, "application/json", answer.status
        trouble = fault.kind if fault is not None else ""
        if trouble == "html":
            body, kind, status = _PAGE, "text/html; charset=utf-8", 200
        elif trouble == "cut_json":
            body = body[: len(body) // 2]
        if trouble == "slow" and fault is not None:
            self.server.closing.wait(fault.seconds)
        self.send_response_only(status)
        self.send_header("Server", "nginx")
        self.send_header("Date", formatdate(self.server.desk.now, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{secrets.token_hex(7)}")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if trouble == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif trouble == "drip" and fault is not None:
            self._drip(body, fault.seconds)
        else:
            self.wfile.write(body)
        self.wfile.flush()

    def _drip(self, body: bytes, seconds: float) -> None:
        pieces = 20
        step = max(1, len(body) // pieces)
        for first in range(0, len(body), step):
            self.wfile.write(body[first : first + step])
            self.wfile.flush()
            if self.server.closing.wait(seconds / pieces):
                return

    def _break(self, fault: Fault) -> None:
        self.server.traffic.note(_endpoint(self.path), 0)
        if fault.kind == "hang":
            self.server.closing.wait(fault.seconds)
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _control(self, path: str, body: bytes) -> None:
        try:
            self._check_key()
            status, told = controlled(self.server.controls, self.command, path, body)
        except Problem as problem:
            status, told = problem.status, problem.body()
        self._send(Answer(status, msgspec.json.encode(told)), None)


def _endpoint(path: str) -> str:
    """The endpoint that a limit counts: the address without ids."""
    parts = urlsplit(path).path.removeprefix("/v1/").split("/")
    return "/".join("{id}" if number == 1 else part for number, part in enumerate(parts[:3]))
