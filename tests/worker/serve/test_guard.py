"""Who is let in: names that are served, reading alone, and with a token those who know it; and what each answer lets a browser do."""

import pytest

from integrations.report.render import policy
from tests.worker.serve.conftest import Server, serving
from worker.serve.guard import COOKIE, host_name, hosts_of, is_loopback
from worker.serve.sessions import Sessions

TOKEN = "a-token-that-nobody-guesses"


def test_another_name_is_not_served(window: Server) -> None:
    """A name that was made to lead here (DNS rebinding), none, a doubled one and one with tricks: refused before anything is read."""
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "localhost:80:80", "[::1]evil", ""):
        got = window.get("/", {"Host": host})
        assert 421 == got.status, host
        assert b"Retention" not in got.body
    port = window.address.rpartition(":")[2]
    for host in (f"localhost:{port}", "LOCALHOST", "127.0.0.1", f"[::1]:{port}"):
        assert 200 == window.get("/runs", {"Host": host}).status, host


def test_only_reading_is_answered(window: Server) -> None:
    """Nothing can be sent, whatever the address."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        got = window.get("/", method=method, data=b"x=1" if method in ("POST", "PUT", "PATCH") else None)
        assert (405, "GET, HEAD") == (got.status, got.headers["allow"]), method
    assert 405 == window.get("/enter", data=b"token=x").status, "without a token there is no form"
    assert 200 == window.get("/runs", method="HEAD").status


def test_every_answer_has_the_rules_of_a_browser(window: Server) -> None:
    """Also those that are refused: nothing from elsewhere, no frame, no guessing of types, no referrer, no cache."""
    for path, host in (("/runs", "localhost"), ("/nothing", "localhost"), ("/?period=x", "localhost"), ("/", "evil.example")):
        headers = window.get(path, {"Host": host}).headers
        assert f"{policy(forms=True)}; frame-ancestors 'none'" == headers["content-security-policy"]
        assert "nosniff" == headers["x-content-type-options"]
        assert "no-referrer" == headers["referrer-policy"]
        assert "no-store" == headers["cache-control"]
        assert "same-origin" == headers["cross-origin-resource-policy"]
        assert headers["server"] is None or "uvicorn" in headers["server"]


def test_with_a_token_nothing_is_shown_before(seen: Sessions) -> None:
    """Every page asks for it; the right one is kept by the browser in a cookie that no script and no other site gets, and isn't the token."""
    with serving(seen, TOKEN) as server:
        for path in ("/", "/customers", "/customer?id=x", "/report.html", "/runs", "/nothing"):
            got = server.get(path)
            assert 401 == got.status, path
            assert b"MRR" not in got.body
        assert 401 == server.get("/enter", data=b"token=wrong").status
        assert 401 == server.get("/enter", data=b"token=" + b"x" * 10_000).status
        assert 401 == server.get("/enter", data=b"\xff\xfe").status
        entered = server.get("/enter", data=f"token={TOKEN}".encode())
        assert (303, "/") == (entered.status, entered.headers["location"])
        cookie = entered.headers["set-cookie"]
        assert TOKEN not in cookie
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
        kept = cookie.split(";")[0]
        assert 200 == server.get("/runs", {"Cookie": kept}).status
        assert 401 == server.get("/runs", {"Cookie": kept[:-1] + ("0" if kept[-1] != "0" else "1")}).status
        assert 401 == server.get("/runs", {"Cookie": f"{COOKIE}={TOKEN}"}).status
        assert 200 == server.get("/runs", {"Authorization": f"Bearer {TOKEN}"}).status
        assert 401 == server.get("/runs", {"Authorization": "Bearer "}).status


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("a.example", False),
    ],
)
def test_what_is_this_machine(host: str, *, local: bool) -> None:
    """Addresses that nobody else reaches."""
    assert local == is_loopback(host)


def test_names_of_hosts() -> None:
    """Without port and brackets; what isn't one is none."""
    assert ["a.example", "::1", "", "", ""] == [host_name(h) for h in ("A.example:80", "[::1]:8", "a:b", "[::1", "a:")]
    assert {"localhost", "127.0.0.1", "::1", "10.0.0.1", "numbers.example.com"} == hosts_of("10.0.0.1", ["Numbers.example.com"])
