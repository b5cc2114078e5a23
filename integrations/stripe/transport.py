"""Bytes to and from Stripe: a pool of connections, the key in the headers, whole bodies or an error.

It knows nothing of JSON, of retries or of what is asked for. The address is checked (`credentials`), because the key goes to it with each
request: only by https, or to this very machine, and no redirect is followed. The key is held so that no message, repr, log or
traceback shows it.
"""

import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3

from integrations.outgoing import DIRECT, Outgoing, credentials
from integrations.stripe.credentials import checked_base, what_key
from integrations.stripe.errors import Refused, redacted
from integrations.stripe.patience import within

_AT_ONCE: Final = 1 << 20
LARGEST_BODY: Final = 64 << 20
"""A page has a hundred objects; an answer past this many bytes is none of Stripe's."""


class Hidden(str):
    """A text that goes out with the request and shows nowhere else: http.client encodes it, everybody else sees stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"


class _ProxyLogin(Hidden):
    """What a proxy is told: http.client puts the head of a CONNECT together by a format string, and what it formats must be the login itself."""

    __slots__ = ()

    def __format__(self, format_spec: str) -> str:
        return str.__str__(self)


class NoAnswer(Exception):
    """No whole answer came; the text says what happened to the connection."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long the parts of one answer may take; `answer` is for all of it, however slowly it drips."""

    connect: float = 10.0
    read: float = 60.0
    answer: float = 120.0


class _Asking(threading.local):
    """Whom a thread tells that its request has gone out."""

    sent: Callable[[], None] | None = None

    def has_gone(self) -> None:
        """Tell it, once for each request."""
        sent, self.sent = self.sent, None
        if sent is not None:
            sent()


class Transport:
    """Sends GET requests with one key to one host. Safe to use from many threads; close it when done."""

    def __init__(
        self,
        key: str,
        base: str,
        version: str,
        *,
        seconds: Seconds,
        allow_plain_http: bool = False,
        outgoing: Outgoing = DIRECT,
        connections: int = 64,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = Hidden(_checked_key(key))
        self.base = checked_base(base, allow_plain_http=allow_plain_http)
        self._seconds = seconds
        self._monotonic = monotonic
        self._headers = {
            "Authorization": Hidden("Bearer " + key),
            "Stripe-Version": version,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "nrr",
        }
        timeout = urllib3.Timeout(connect=seconds.connect, read=seconds.read)
        pool: dict[str, Any] = {"maxsize": connections, "retries": False, "timeout": timeout}
        if self.base.startswith("https:"):
            pool["ssl_context"] = outgoing.context()
        self._asking = _Asking()
        self._pool = within(
            _by_proxy(outgoing, urlsplit(self.base).hostname or "", pool), seconds.answer, monotonic, self._asking.has_gone
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def send(
        self, path: str, params: Sequence[tuple[str, str]], sent: Callable[[], None] = lambda: None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, whole body and headers of the answer, whatever the status. Raises NoAnswer.

        `sent` is called once, when the request has gone out and nothing of the answer has been waited for, or when it can't go.
        """
        url = self.base + path + ("?" + urlencode(params) if params else "")
        response = None
        self._asking.sent = sent
        try:
            response = self._pool.request("GET", url, headers=self._headers, redirect=False, preload_content=False)
            return response.status, self._body(response), response.headers
        except (urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            # The exception itself is dropped: its frames hold the request.
            problem = _plain(error)
        except NoAnswer as error:
            problem = str(error)
        finally:
            self._asking.has_gone()
        if response is not None:
            response.close()
        raise NoAnswer(redacted(problem, self.key))

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        until = self._monotonic() + self._seconds.answer
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(_AT_ONCE, decode_content=False):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_BODY:
                raise NoAnswer(f"the answer is larger than {LARGEST_BODY >> 20} MiB")
            if self._monotonic() > until:
                raise NoAnswer(f"the answer was not complete after {self._seconds.answer:g} seconds")
        body = b"".join(pieces)
        return _unzipped(body) if response.headers.get("content-encoding", "").lower() == "gzip" else body


def _unzipped(body: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    out = reader.decompress(body, LARGEST_BODY)
    if reader.unconsumed_tail:
        raise NoAnswer(f"the answer is larger than {LARGEST_BODY >> 20} MiB")
    if not reader.eof:
        raise NoAnswer("the compressed answer was cut")
    return out


def _by_proxy(outgoing: Outgoing, host: str, pool: dict[str, Any]) -> urllib3.PoolManager:
    proxy = outgoing.proxy_for(host)
    if proxy is None:
        return urllib3.PoolManager(**pool)
    login = credentials(proxy)
    headers = {"Proxy-Authorization": _ProxyLogin(login)} if login else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, proxy_ssl_context=outgoing.context(), **pool)


def _checked_key(key: str) -> str:
    wrong = what_key(key)
    if wrong is not None:
        raise Refused("account", f"{wrong}. Set STRIPE_API_KEY, then run `nrr doctor`")
    return key


def _plain(error: Exception) -> str:
    """What happened to the connection, in a few words and without the address of an object."""
    root = error
    while root.__cause__ is not None or root.__context__ is not None:
        root = root.__cause__ or root.__context__  # type: ignore[assignment]  # one of them is there
    text = getattr(root, "strerror", None) or str(root) or type(root).__name__
    return f"{type(error).__name__}: {text}"
