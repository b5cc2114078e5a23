"""Stripe's rate limits, in real seconds: so many requests a second for the account, so many for one endpoint."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from integrations.sandbox.errors import Problem


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second; None is no limit. `stripe()` are Stripe's own."""

    account: float | None = None
    endpoint: float | None = None

    @staticmethod
    def stripe(*, livemode: bool = True) -> "Limits":
        """A hundred for a live account, 25 for a test account; 25 for one endpoint."""
        return Limits(100.0 if livemode else 25.0, 25.0)


NO_LIMITS = Limits()


class Turnstile:
    """Counts requests against limits: a bucket of one second's worth for the account and for each endpoint."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        self.refused = 0

    def enter(self, endpoint: str) -> None:
        """Let a request through, or raise the Problem that says which limit it met."""
        with self._lock:
            now = self._clock()
            for name, rate, reason in (
                ("", self._limits.account, "global-rate"),
                (endpoint, self._limits.endpoint, "endpoint-rate"),
            ):
                if rate is None:
                    continue
                left, at = self._buckets.get(name, (rate, now))
                left = min(rate, left + (now - at) * rate)
                if left < 1:
                    self._buckets[name] = (left, now)
                    self.refused += 1
                    raise too_many(reason)
                self._buckets[name] = (left - 1, now)


def too_many(reason: str, retry_after: float | None = None) -> Problem:
    """A 429. Stripe sends no Retry-After by itself."""
    headers = {"Stripe-Rate-Limited-Reason": reason}
    if retry_after is not None:
        headers["Retry-After"] = f"{retry_after:g}"
    return Problem(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers=headers,
    )
