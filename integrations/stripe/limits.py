"""How fast Stripe may be asked: a turn for every request, by account and by endpoint.

Stripe allows an account 100 requests a second (25 in test mode) and each endpoint 25, and answers 429 past that. We stay below, because an
answer that is refused costs a turn, brings nothing, and slows down what follows for seconds. One process comes close to the limit, since it
knows when its own requests really went, late ones too; several can't, and stay a tenth below. Where the real limit is lower, a 429 says which
one it was: the rate of that limit is cut, grows back quickly to just below where it was refused, and slowly beyond. A limit on concurrency
is met the same way, since fewer requests a second are fewer at once.

`Limiter` is what the client needs; `LocalLimiter` serves the threads of one process, `redis_limits.RedisLimiter` all workers of an
installation. Both follow `RequestPace`. Nothing here knows what is asked for.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

ACCOUNT_PER_SECOND: Final = 100.0
TEST_ACCOUNT_PER_SECOND: Final = 25.0
ENDPOINT_PER_SECOND: Final = 25.0
SHARE: Final = 0.96
"""The part of Stripe's limit that one process uses by itself."""
SHARE_OF_MANY: Final = 0.9
"""The part of it that processes use together."""

BACKGROUND: Final = 0.25
"""The part of an account's limit that goes to what nobody waits for, such as a nightly audit."""

AHEAD: Final = 2
"""Turns that may be taken at once after a quiet moment, so that a thread that wakes late loses none."""
CUT: Final = 0.7
PLATEAU: Final = 0.95
"""Parts of the rate that was refused: what remains of it, and up to where it grows back quickly. Who stays below the known limit met it by
a hair, so that a third less is enough; where the real limit is far lower, some more refusals a second apart find it."""
QUICK: Final = 0.05
SLOW: Final = 0.002
"""Growth of the rate each second, as parts of the ceiling: up to the plateau, and beyond it."""
HOLD_SECONDS: Final = 1.0
"""Refusals of one burst count once."""
LEAST_PER_SECOND: Final = 0.5
WATCHED_SECONDS: Final = 1.04
"""Within so many seconds no more requests go than the limit allows in one, however late threads woke: a second, and what the way to Stripe may
differ from one request to the next."""
MOST_WATCHED: Final = 10_000
"""A ceiling above this is none."""


class Limiter(Protocol):
    """Gives out turns. It may be used by many threads at once."""

    def acquire(self, endpoint: str) -> float:
        """Wait for a turn at `endpoint`; returns the seconds waited."""

    def sent(self, endpoint: str) -> None:
        """The request of a turn at `endpoint` is on its way only now, however long ago its turn was, or will not go any more."""

    def background(self) -> float:
        """Wait for a turn of BACKGROUND of the account's limit, before one at an endpoint; returns the seconds waited."""

    def throttled(self, endpoint: str, reason: str | None, retry_after_seconds: float | None = None) -> None:
        """Stripe refused a request: `reason` is its Stripe-Rate-Limited-Reason, if it gave one."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most requests a second that we ask for."""

    account: float
    endpoint: float


def ceilings(*, livemode: bool, share: float = SHARE) -> Ceilings:
    """What an account of that mode allows by default, less our distance from it."""
    account = ACCOUNT_PER_SECOND if livemode else TEST_ACCOUNT_PER_SECOND
    return Ceilings(account * share, ENDPOINT_PER_SECOND * share)


@dataclass(frozen=True, slots=True)
class RequestPace:
    """The rate of one limit over time: `ceiling` until the first refusal, then cut and growing back. Times are seconds of any clock."""

    ceiling: float
    cut_at: float | None = None
    after_cut: float = 0.0
    plateau: float = 0.0

    def rate(self, now: float) -> float:
        """Requests a second at `now`."""
        if self.cut_at is None:
            return self.ceiling
        since = max(0.0, now - self.cut_at)
        quick = self.after_cut + since * QUICK * self.ceiling
        if quick <= self.plateau:
            return quick
        reached = max(0.0, self.plateau - self.after_cut) / (QUICK * self.ceiling)
        return min(self.ceiling, max(self.plateau, self.after_cut) + (since - reached) * SLOW * self.ceiling)

    def refused(self, now: float) -> "RequestPace":
        """The pace after a refusal at `now`; refusals within the hold of the last cut change nothing."""
        if self.cut_at is not None and now - self.cut_at < HOLD_SECONDS:
            return self
        rate = self.rate(now)
        least = min(LEAST_PER_SECOND, self.ceiling)
        return replace(self, cut_at=now, after_cut=max(least, rate * CUT), plateau=max(least, rate * PLATEAU))


def limits_meant(reason: str | None) -> tuple[bool, bool]:
    """Which limits a refusal speaks of: (the account's, the endpoint's).

    One about a single object is no limit of ours. Without a reason it is taken for the endpoint's, which is the lower one; if it
    was the account's after all, every endpoint meets it and slows down.
    """
    if reason is None:
        return False, True
    if reason.startswith("global"):
        return True, False
    return False, reason.startswith("endpoint")


class _Turns:
    """One limit's pace and when its next turn is due: with AHEAD turns in hand a request may go that much before its due time.

    `went` are the moments at which the last requests went, as many as may go within a second. The first `known` of them are when they were
    really sent, the rest when they had their turn: a thread may have to wait for the interpreter in between.
    """

    __slots__ = ("due", "known", "pace", "went")

    def __init__(self, ceiling: float) -> None:
        self.pace = RequestPace(ceiling)
        self.due = float("-inf")
        self.went: deque[float] = deque(maxlen=int(ceiling) + 1 if ceiling < MOST_WATCHED else 1)
        self.known = 0

    def go(self, now: float) -> float:
        """Seconds until whoever has a turn may really go: threads that woke late and those that are on time must not go in one burst."""
        full = len(self.went) == self.went.maxlen and len(self.went) > 1
        wait = max(0.0, self.went[0] + WATCHED_SECONDS - now) if full else 0.0
        if len(self.went) == self.went.maxlen:
            self.known = max(0, self.known - 1)
        self.went.append(now + wait)
        return wait

    def sent(self, now: float) -> None:
        """One of the requests that had their turn is sent. Whose it is doesn't matter: it is the moments that are counted."""
        if self.known < len(self.went):
            self.went[self.known] = now
            self.known += 1

    def earliest(self, now: float) -> float:
        return self.due - (AHEAD - 1) / self.pace.rate(now)

    def take(self, at: float, now: float) -> None:
        self.due = max(at, self.due) + 1 / self.pace.rate(now)

    def refuse(self, now: float, retry_after_seconds: float) -> None:
        self.pace = self.pace.refused(now)
        if retry_after_seconds:
            self.due = max(self.due, now + retry_after_seconds + (AHEAD - 1) / self.pace.rate(now))


class LocalLimiter:
    """Turns for the threads of one process."""

    def __init__(
        self,
        limits: Ceilings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._account = _Turns(limits.account)
        self._background = _Turns(limits.account * BACKGROUND)
        self._endpoints: dict[str, _Turns] = {}

    def acquire(self, endpoint: str) -> float:
        """Wait for a turn at `endpoint`; returns the seconds waited."""
        # One after the other: a turn of the account that is taken for a moment yet to come would keep everybody else from all before it.
        # The endpoint's comes last, so that its requests go out as evenly as its limit, which is the one that is met, wants them.
        waited = self._wait(self._account)
        with self._lock:
            turns = self._turns(endpoint)
        return waited + self._wait(turns)

    def sent(self, endpoint: str) -> None:
        """Count the request of a turn at `endpoint` from now on, when it is sent."""
        with self._lock:
            now = self._clock()
            self._account.sent(now)
            self._turns(endpoint).sent(now)

    def background(self) -> float:
        """Wait for a turn of what nobody waits for; returns the seconds waited."""
        return self._wait(self._background)

    def _wait(self, turns: _Turns) -> float:
        with self._lock:
            now = self._clock()
            at = max(now, turns.earliest(now))
            turns.take(at, now)
        if at > now:
            self._sleep(at - now)
        with self._lock:
            more = turns.go(self._clock())
        if more:
            self._sleep(more)
        return at - now + more

    def throttled(self, endpoint: str, reason: str | None, retry_after_seconds: float | None = None) -> None:
        """Slow down the limit that was met; with a Retry-After nobody goes before it is over."""
        account, of_endpoint = limits_meant(reason)
        with self._lock:
            now = self._clock()
            for turns, meant in ((self._account, account), (self._turns(endpoint), of_endpoint)):
                if meant:
                    turns.refuse(now, retry_after_seconds or 0.0)

    def rate(self, endpoint: str) -> float:
        """Requests a second that `endpoint` gets now, the account's limit apart."""
        with self._lock:
            return self._turns(endpoint).pace.rate(self._clock())

    def _turns(self, endpoint: str) -> _Turns:
        turns = self._endpoints.get(endpoint)
        if turns is None:
            turns = self._endpoints[endpoint] = _Turns(self._limits.endpoint)
        return turns
