"""One way out for everything: by a real proxy on loopback that lets through what it is asked for, and by authorities of one's own."""

import http.client
import http.server
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3.connection

from integrations.notify.mail import Mail, MailTarget
from integrations.outgoing import NoTunnel, Outgoing, is_loopback
from integrations.stripe.transport import NoAnswer, Seconds, Transport
from tests.integrations.notify.mail_server import MailServer
from tests.integrations.notify.samples import parcel


@dataclass
class Proxy:
    """Lets everybody through to one port of this machine, whatever host was asked for; remembers who was asked for, and the login."""

    to: int = 0
    refuse: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                proxy.asked.append((self.path, self.headers.get("Proxy-Authorization")))
                if proxy.refuse:
                    self.send_error(407)
                    return
                with socket.create_connection(("127.0.0.1", proxy.to), 5) as there:
                    self.send_response(200)
                    self.end_headers()
                    _join(self.connection, there)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its base class calls it so
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://nrr:p%40ss@127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def _join(here: socket.socket, there: socket.socket) -> None:
    pairs = {here: there, there: here}
    while True:
        ready, _, _ = select.select([here, there], [], [], 10)
        for each in ready:
            data = each.recv(65_536)
            if not data:
                return
            pairs[each].sendall(data)
        if not ready:
            return


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy that wants a login."""
    made = Proxy()
    yield made
    made.close()


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
def test_mail_goes_by_the_proxy(proxy: Proxy, tmp_path: Path, tls: Any) -> None:
    """The tunnel carries the greeting that comes with its own answer, and the certificate that is checked is the mail server's."""
    with MailServer(tmp_path, tls=tls, names=("mail.example.com",)) as server:
        proxy.to = server.port
        target = MailTarget("mail.example.com", "nrr@example.com", ("a@example.com",), 587, tls, allow_plain=True)
        way = Outgoing(proxy.address, server.ca_file)
        assert "sent" == Mail(target, lambda _seconds: None, timeout_seconds=5, outgoing=way).deliver(parcel()).end
    assert [("mail.example.com:587", "Basic bnJyOnBAc3M=")] == proxy.asked
    assert 1 == len(server.taken)


def test_a_proxy_that_lets_nobody_through_is_told_without_its_password(proxy: Proxy) -> None:
    """It may be tried again; nothing was taken."""
    proxy.refuse = True
    target = MailTarget("mail.example.com", "nrr@example.com", ("a@example.com",))
    done = Mail(target, lambda _seconds: None, timeout_seconds=5, outgoing=Outgoing(proxy.address)).deliver(parcel())
    assert "again" == done.end
    assert "407" in done.why
    assert "p@ss" not in done.why
    with pytest.raises(NoTunnel):
        Outgoing(proxy.address).connect("mail.example.com", 25, 5)


@pytest.mark.parametrize("opened_by", ["as this Python has it", "as every Python has it by itself"])
def test_stripe_is_asked_by_the_proxy_and_trusted_by_the_own_authority(
    proxy: Proxy, tmp_path: Path, opened_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key travels inside the tunnel; a host that the authority doesn't vouch for never sees it.

    For Pythons whose own way of opening a tunnel has a fault, urllib3 brings another; the login must arrive by either.
    """
    if opened_by == "as every Python has it by itself":
        monkeypatch.setattr(urllib3.connection.HTTPConnection, "_tunnel", http.client.HTTPConnection._tunnel, raising=False)  # type: ignore[attr-defined]  # http.client's own
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    heard: list[str | None] = []
    told = threading.Event()
    told_before_the_answer: list[bool] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization"))
            told_before_the_answer.append(told.wait(2))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("stripe.example").configure_cert(context)

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[Any, Any]:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that turns away is the point."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    proxy.to = server.server_port
    try:
        way = Outgoing(proxy.address, str(bundle))
        transport = Transport("rk_test_case", "https://stripe.example", "v", seconds=Seconds(5, 5, 5), outgoing=way)
        assert (200, b"{}") == transport.send("/v1/x", (), told.set)[:2]
        assert [True] == told_before_the_answer
        transport.close()
        assert [("stripe.example:443", "Basic bnJyOnBAc3M=")] == proxy.asked
        assert ["Bearer rk_test_case"] == heard
        stranger = Transport(
            "rk_test_case", "https://stripe.example", "v", seconds=Seconds(5, 5, 5), outgoing=Outgoing(proxy.address)
        )
        with pytest.raises(NoAnswer) as raised:
            stranger.send("/v1/x", ())
        assert "p@ss" not in str(raised.value)
        assert 1 == len(heard)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_this_machine_and_named_hosts_are_reached_without_the_proxy() -> None:
    """As NO_PROXY says; and a proxy's password doesn't show when the way out is printed."""
    way = Outgoing("http://nrr:hunter22@proxy.example:3128", direct="internal.example, .corp.example")
    for host in ("localhost", "127.0.0.1", "127.3.2.1", "::1", "internal.example", "a.internal.example", "mail.corp.example"):
        assert way.proxy_for(host) is None
    for host in ("api.stripe.com", "notinternal.example", "10.0.0.1"):
        assert way.proxy == way.proxy_for(host)
    assert Outgoing("http://proxy.example", direct="*").proxy_for("api.stripe.com") is None
    assert "hunter22" not in repr(way)
    assert not is_loopback("localhost.attacker.example")
