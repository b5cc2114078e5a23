"""Connections on which one answer may take so long and no longer, its head included.

A time limit of a socket is for each piece that arrives: a host that sends a byte a minute, or `100 Continue` for ever, would hold a
connection as long as it likes.
"""

import http.client
import io
import time
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_MOST_HEADS = 20
"""A host may say `100 Continue` before it answers, and not for ever."""


class _Until(io.RawIOBase):
    """What a socket gives, until an instant."""

    def __init__(self, raw: io.RawIOBase, over: Callable[[], bool], seconds: float) -> None:
        self._raw = raw
        self._over = over
        self._seconds = seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._over():
            raise TimeoutError(f"the answer was not complete after {self._seconds:g} seconds")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def within(
    pool: urllib3.PoolManager,
    seconds: float,
    monotonic: Callable[[], float] = time.monotonic,
    sent: Callable[[], None] = lambda: None,
) -> urllib3.PoolManager:
    """The same pool, on whose connections an answer is given up so long after it was asked for. `sent` is called when a request has gone out."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
            super().__init__(sock, *arguments, **named)
            until = monotonic() + seconds
            # The buffered reader that was made of the socket is given up: it would go on for as long as anything comes.
            raw = self.fp.detach() if isinstance(self.fp, io.BufferedReader) else None
            if raw is not None:
                self.fp = io.BufferedReader(_Until(raw, lambda: monotonic() > until, seconds))
            self._heads = 0

        def _read_status(self) -> Any:
            self._heads += 1
            if self._heads > _MOST_HEADS:
                raise http.client.BadStatusLine(f"{_MOST_HEADS} heads without an answer")
            return super()._read_status()  # type: ignore[misc]  # http.client's own, which its stubs leave out

    class Plain(HTTPConnection):
        response_class = Response

        def getresponse(self) -> Any:
            sent()
            return super().getresponse()

    class Secure(HTTPSConnection, Plain):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pool
