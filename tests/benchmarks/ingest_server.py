"""A server for the ingest benchmark: the lists of one account, out of memory, as fast as one process can, or as limited as Stripe.

Every object is bytes before the first request, so the server costs little beside what is measured. `python -m
tests.benchmarks.ingest_server --customers N [--limited]` prints its port, then one line of JSON with its counts when stdin closes.
"""

import argparse
import asyncio
import bisect
import json
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.benchmarks import ingest_account as account

ACCOUNT_PER_SECOND: Final = 100
ENDPOINT_PER_SECOND: Final = 25
ANSWER_SECONDS: Final = 0.5


@dataclass
class Listing:
    """One list: ids and bodies from the newest to the oldest; `keys` are the negated creation instants, ascending."""

    path: str
    keys: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str, found: list[tuple[int, str, bytes]]) -> "Listing":
        """The list of (created, id, body)."""
        found.sort(key=lambda each: (-each[0], each[1]))
        made = cls(path, [-created for created, _, _ in found], [key for _, key, _ in found], [body for _, _, body in found])
        made.places = {key: place for place, key in enumerate(made.ids)}
        return made

    def page(self, query: dict[str, list[str]]) -> bytes:
        """The page that a request asks for."""
        limit = int(query.get("limit", ["10"])[0])
        low = bisect.bisect_left(self.keys, 1 - int(query["created[lt]"][0])) if "created[lt]" in query else 0
        high = bisect.bisect_right(self.keys, -int(query["created[gte]"][0])) if "created[gte]" in query else len(self.keys)
        if "starting_after" in query:
            low = max(low, self.places[query["starting_after"][0]] + 1)
        end = min(low + limit, high)
        more = b"true" if end < high else b"false"
        data = b",".join(self.bodies[low:end])
        return b'{"object":"list","data":[' + data + b'],"has_more":' + more + b',"url":"' + self.path.encode() + b'"}'


class Served:
    """The lists of an account of so many customers, and what was asked of them."""

    def __init__(self, customers: int, *, limited: bool) -> None:
        self.limited = limited
        self.requests = self.refused = self.bytes = 0
        self.first = self.last = 0.0
        self._recent: dict[str, deque[float]] = {}
        plans = list(account.plans(customers))
        products, prices = account.catalog()
        subscriptions = [(p.start, f"sub_{p.number:014d}", account.subscription(p), p.ended) for p in plans]
        invoices = [
            (p.period(n)[0], f"in_{p.number:012d}{n:02d}", account.invoice(p, n)) for p in plans for n in range(account.MONTHS)
        ]
        before = account.NOW - 6 * 365 * account.DAY
        self.lists = {
            "/v1/products": Listing.of("/v1/products", [(before, f"prod_{n:02d}", b) for n, b in enumerate(products)]),
            "/v1/prices": Listing.of("/v1/prices", [(before, f"price_{n:02d}", b) for n, b in enumerate(prices)]),
            "/v1/coupons": Listing("/v1/coupons"),
            "/v1/events": Listing("/v1/events"),
            "/v1/customers": Listing.of(
                "/v1/customers", [(p.start - 600, f"cus_{p.number:014d}", account.customer(p)) for p in plans]
            ),
            "/v1/subscriptions": Listing.of("/v1/subscriptions", [each[:3] for each in subscriptions]),
            "/v1/subscriptions canceled": Listing.of("/v1/subscriptions", [each[:3] for each in subscriptions if each[3]]),
            "/v1/invoices": Listing.of("/v1/invoices", invoices),
        }
        self.date = formatdate(account.NOW, usegmt=True).encode()

    async def answer(self, target: str) -> tuple[int, bytes, bytes]:
        """Status, further headers and body for a request."""
        parts = urlsplit(target)
        now = time.monotonic()
        self.requests += 1
        self.first = self.first or now
        if self.limited:
            reason = self._over(parts.path, now)
            if reason:
                self.refused += 1
                return (
                    429,
                    b"Stripe-Rate-Limited-Reason: " + reason,
                    b'{"error":{"type":"invalid_request_error","code":"rate_limit"}}',
                )
            await asyncio.sleep(ANSWER_SECONDS)
        if parts.path == "/v1/account":
            body = b'{"id":"acct_bench","object":"account","country":"US","default_currency":"usd"}'
        else:
            query = parse_qs(unquote(parts.query))
            canceled = parts.path == "/v1/subscriptions" and query.get("status") == ["canceled"]
            # A list that this account has nothing in is empty: without an answer the product would wait for it until its patience ends.
            listing = self.lists.get(parts.path + (" canceled" if canceled else "")) or Listing(parts.path)
            body = listing.page(query)
        self.last = time.monotonic()
        self.bytes += len(body)
        return 200, b"X-Served: 1", body

    def _over(self, path: str, now: float) -> bytes | None:
        """Which limit this request is beyond, if any; a refused one counts for neither."""
        limits = ((path, ENDPOINT_PER_SECOND, b"endpoint-rate"), ("", ACCOUNT_PER_SECOND, b"global-rate"))
        for key, most, reason in limits:
            recent = self._recent.setdefault(key, deque())
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= most:
                return reason
        for key, _, _ in limits:
            self._recent[key].append(now)
        return None


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, GET only: just enough for a client that is well-behaved."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request, or part of one."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line = self._buffer[: self._buffer.index(b"\r\n")]
            self._buffer = self._buffer[end + 4 :]
            task = asyncio.ensure_future(self._reply(line.split(b" ")[1].decode()))
            task.add_done_callback(lambda done: done.exception())

    async def _reply(self, target: str) -> None:
        status, header, body = await self._served.answer(target)
        assert self._transport is not None
        head = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nDate: %b\r\n%b\r\nContent-Length: %d\r\n\r\n" % (
            status,
            self._served.date,
            header,
            len(body),
        )
        self._transport.writelines((head, body))


async def serve(customers: int, *, limited: bool) -> None:
    """Serve until stdin closes, then say what was asked."""
    served = Served(customers, limited=limited)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(served), "127.0.0.1", 0, backlog=256)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    told = {
        "requests": served.requests,
        "refused": served.refused,
        "bytes": served.bytes,
        "seconds": round(served.last - served.first, 3),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--limited", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.customers, limited=arguments.limited))
