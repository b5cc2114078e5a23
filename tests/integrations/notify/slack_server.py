"""Slack, as far as we talk to it: a real HTTP server on loopback that answers as a script says and keeps what it was sent."""

import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

Body = Mapping[str, Any] | str


@dataclass(frozen=True)
class Answer:
    """An answer: a status with a body and headers; `fault` instead of one: reset (no answer), cut (half of one), hang (none in time)."""

    status: int = 200
    body: Body = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True)
class Asked:
    """A request: its path, its body as data, and who asked by which token."""

    path: str
    body: Any
    token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""


class SlackServer:
    """The server. `script` is used up; after it everything is well."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: list[Answer] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def webhook(self) -> str:
        """A webhook's address, whose path is the secret."""
        return f"http://127.0.0.1:{self.port}/services/T000/B000/s3cr3tw0rd"

    @property
    def api(self) -> str:
        """Where the web API is."""
        return f"http://127.0.0.1:{self.port}/api/"

    def messages(self) -> list[Any]:
        """The messages that were posted."""
        return [a.body for a in self.asked if a.path.endswith(("s3cr3tw0rd", "chat.postMessage"))]

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        kind = handler.headers.get("Content-Type", "")
        body: Any = raw
        if "json" in kind:
            body = json.loads(raw)
        elif "urlencoded" in kind and not handler.path.startswith("/upload"):
            body = {k: v[0] for k, v in parse_qs(raw.decode()).items()}
        headers = dict(handler.headers.items())
        self.asked.append(Asked(handler.path, body, headers.get("Authorization"), headers, raw))
        answer = self.script.pop(0) if self.script else self._well(handler.path)
        self._answer(handler, answer)

    def _well(self, path: str) -> Answer:
        if path.endswith("chat.postMessage"):
            return Answer(body={"ok": True, "ts": f"17000.{len(self.messages())}", "channel": "C1"})
        if path.endswith("files.getUploadURLExternal"):
            return Answer(body={"ok": True, "upload_url": f"http://127.0.0.1:{self.port}/upload/1", "file_id": "F1"})
        if path.endswith("files.completeUploadExternal"):
            return Answer(body={"ok": True, "files": [{"id": "F1"}]})
        return Answer()

    def _answer(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        if answer.fault == "hang":
            threading.Event().wait(2.5)
            handler.close_connection = True
            return
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        data = text.encode()
        handler.send_response(answer.status)
        handler.send_header("Content-Type", "text/plain" if isinstance(answer.body, str) else "application/json")
        handler.send_header("Content-Length", str(len(data) + (50 if answer.fault == "cut" else 0)))
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
        handler.close_connection = True
