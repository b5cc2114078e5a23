"""A host on this machine that answers as the European Central Bank's does, or otherwise."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from zipfile import ZipFile


def history(last: date, days: int = 60, usd: str = "1.1") -> bytes:
    """A packed history of some days up to `last`, of dollars and yen."""
    rows = [f"{last - timedelta(days=back)},{usd},160.5,N/A," for back in range(days)]
    packed = BytesIO()
    with ZipFile(packed, "w") as file:
        file.writestr("eurofxref-hist.csv", "\n".join(["Date,USD,JPY,CYP,", *rows]) + "\n")
    return packed.getvalue()


@dataclass
class Host:
    """Where it is, what it answers (status and body, one after another, the last one for ever), and what it was asked."""

    address: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(*answers: tuple[int, bytes]) -> Iterator[Host]:
    """A host for as long as the block lasts."""
    host = Host(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            status, body = host.answers.pop(0) if len(host.answers) > 1 else host.answers[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            """Nothing is written to stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    host.address = f"http://127.0.0.1:{server.server_port}/hist.zip"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)
