"""Who is let in and what a browser may do with an answer: for every request, before anything is looked up.

A page on another site can make a browser ask an address of this machine, and a name of its own can be made to lead here (DNS rebinding):
so the Host header must be one that is served. On loopback nobody logs in; anywhere else a token is asked for, once for each browser.
Only GET and HEAD are answered, but for the token's form. Nothing here looks at the database.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.report.content import Document, Field, Section, Text
from integrations.report.render import page, policy

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
COOKIE: Final = "nrr-window"
_ENTER: Final = "/enter"
_LONGEST: Final = 4_096
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty for one that is none."""
    text = header.strip().lower()
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        return name if bracket and (not port or (port[1:].isdigit() and port[0] == ":")) else ""
    name, colon, port = text.partition(":")
    return name if not colon or port.isdigit() else ""


@dataclass(frozen=True, slots=True)
class Guard:
    """In front of an application: `hosts` are the names that it is reached by, `token` what is asked for, if anything is."""

    app: ASGIApp
    hosts: frozenset[str]
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by itself, or hand on."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(n, v) for n, v in message["headers"] if n.decode("latin-1").lower() not in _HEADERS]
                rules = f"{policy(forms=True)}; frame-ancestors 'none'"
                own = {**_HEADERS, "content-security-policy": rules}
                message = {**message, "headers": [*kept, *((n.encode(), v.encode()) for n, v in own.items())]}
            await send(message)

        answer = await self._answer(scope, headers, receive)
        await (answer or self.app)(scope, receive, guarded)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> Response | None:
        """What to say in the place of the application; None to let it speak."""
        hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
        if len(hosts) != 1 or host_name(headers.get("host", "")) not in self.hosts:
            return PlainTextResponse("This name is not served here.\n", 421)
        method, path = scope["method"], scope["path"]
        if method == "POST" and path == _ENTER and self.token is not None:
            return await self._enter(headers, receive)
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("Only reading is possible here.\n", 405, {"allow": "GET, HEAD"})
        if self.token is None or self._knows(headers):
            return None
        return HTMLResponse(asked(), 401)

    def _knows(self, headers: Mapping[str, str]) -> bool:
        assert self.token is not None, "asked only where there is one"
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), _sign(self.token).encode())

    async def _enter(self, headers: Mapping[str, str], receive: Receive) -> Response:
        """The token's form: right, and the browser is known from then on."""
        assert self.token is not None, "asked only where there is one"
        given = parse_qs((await _body(receive)).decode("utf-8", "replace")).get("token", [""])[0]
        if not hmac.compare_digest(given.strip().encode(), self.token.encode()):
            return HTMLResponse(asked(wrong=True), 401)
        answer = RedirectResponse("/", 303)
        secure = headers.get("x-forwarded-proto", "") == "https" or headers.get("origin", "").startswith("https:")
        answer.set_cookie(COOKIE, _sign(self.token), httponly=True, samesite="strict", secure=secure, path="/")
        return answer


def asked(*, wrong: bool = False) -> str:
    """The page that asks for the token."""
    words = ("That was not the token.",) if wrong else ()
    text = (*words, "The token is what NRR_SERVE_TOKEN says where this window was started. It is asked for once in each browser.")
    return page(
        Document(
            "Token",
            "nrr",
            (),
            (Section("token", "Before you can look", (Text(text),)),),
            form=(Field("token", "Token", "", kind="password"),),
            form_action=_ENTER,
            form_sends="post",
            button="Enter",
        )
    )


def _sign(token: str) -> str:
    """What a browser keeps: it follows from the token, which doesn't follow from it."""
    return hmac.new(token.encode(), b"nrr serve", hashlib.sha256).hexdigest()


async def _body(receive: Receive) -> bytes:
    out = b""
    while len(out) <= _LONGEST:
        message = await receive()
        out += bytes(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return out[:_LONGEST]
    return b""


def hosts_of(host: str, more: Sequence[str]) -> frozenset[str]:
    """The names that a window is reached by: this machine's, the address that it listens on, and those that were named."""
    return LOOPBACK | {name.strip().strip("[]").lower() for name in (host, *more)}
