"""A running sandbox: the door of the package for demo, tests and benchmarks.

    with Sandbox(Business(customers=60, months=12), now="2024-06-01") as stripe:
        ...  # stripe.url, stripe.key
        stripe.set_now("2024-07-01")

Nothing outside of it is touched: it listens on a loopback address and keeps its files in a temporary directory of its own.
"""

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from integrations.sandbox.api.api import Desk
from integrations.sandbox.api.control import Traffic
from integrations.sandbox.api.faults import Faults
from integrations.sandbox.api.rate_limits import NO_LIMITS, Limits, Turnstile
from integrations.sandbox.api.server import Server
from integrations.sandbox.oracle.ledger import Truth, ledger
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import When, moment

DEMO = Business(customers=300, months=24, seed=7)
"""A few hundred customers over two years, of every kind: what is there unless something else is asked for."""


class Sandbox:
    """A business behind a local address that answers as Stripe does. `now` is the end of its months unless told otherwise.

    `latency_seconds` delays every answer; `limits` are none unless given (`Limits.stripe()` are Stripe's).
    """

    def __init__(
        self,
        business: Business = DEMO,
        *,
        now: When | None = None,
        port: int = 0,
        key: str | None = None,
        limits: Limits = NO_LIMITS,
        latency_seconds: float = 0.0,
    ) -> None:
        self.business = business
        self.key = key or f"sk_test_sandbox{business.tag}000000000000"
        self.faults = Faults()
        self._desk = Desk(business, business.end if now is None else moment(now))
        self._server = Server(self._desk, self.key, self.faults, Turnstile(limits), port, latency_seconds)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address to use as STRIPE_API_BASE."""
        return self._server.url

    @property
    def now(self) -> int:
        """The instant that it pretends it is: the Date of its answers."""
        return self._desk.now

    @property
    def traffic(self) -> Traffic:
        """What was asked of it."""
        return self._server.traffic

    @property
    def throttled(self) -> int:
        """How many requests its limits refused."""
        return self._server.turnstile.refused

    def set_now(self, now: When) -> None:
        """Move the clock, either way."""
        self._desk.set_now(moment(now))

    def ledger(self, timezone: str = "UTC") -> Iterator[Truth]:
        """What really happened to each customer up to now, by the sandbox's own knowledge."""
        return ledger(self.business, self._desk.now, timezone)

    def start(self) -> Self:
        """Begin to answer."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop answering and let go of everything."""
        if self._thread is not None:
            self._server.close()
            self._thread.join()
            self._thread = None
        else:
            self._server.server_close()
        self._desk.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
