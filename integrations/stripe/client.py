"""One question to Stripe and its answer: turns, attempts, errors.

It stands on the SDK's address, pinned API version and error classes, but reads bytes over a pool of its own: the SDK's objects cost
a hundred times what decoding into typed structs does, and its client neither retries a plain 429 nor heeds Retry-After. Only GET is
ever sent, so every fault of the server may be asked again. What the bytes mean is not known here, but an answer counts only once it
has been parsed: a body that is cut is a fault like any other.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Generic, TypeVar

import stripe
from tenacity import RetryCallState, Retrying, retry_if_exception

from integrations.outgoing import DIRECT, Outgoing
from integrations.stripe.decode.parsing import Garbled
from integrations.stripe.limits import Limiter
from integrations.stripe.transport import NoAnswer, Seconds, Transport
from integrations.stripe.verdicts import is_transient, kept_headers, retry_after, typed, verdict
from metrics.evidence import Instant
from metrics.periods import CLOCKS_AGREE_SECONDS

T = TypeVar("T")
Params = Sequence[tuple[str, str]]

DEFAULT_BASE: Final[str] = stripe.DEFAULT_API_BASE
API_VERSION: Final[str] = stripe.api_version


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one question is worth. Connecting and reading have their own seconds; attempts count the first one too."""

    attempts: int = 7
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 20.0
    longest_retry_after_seconds: float = 60.0
    seconds: Seconds = field(default_factory=Seconds)
    attempts_when_never_reached: int = 3
    """A host that has not answered once is more likely misspelt than busy."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, in the words that errors and limits use."""

    stream: str
    endpoint: str
    permission: str
    object_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A parsed answer, the moment at which Stripe gave it, and how long it took from the question to having read it."""

    value: T
    at: Instant
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a client has asked so far: requests sent, of them refused by a limit or asked again for another fault; bytes."""

    requests: int = 0
    throttled: int = 0
    retried: int = 0
    body_bytes: int = 0


class Client:
    """Asks Stripe with one key. Safe to use from many threads; close it when done."""

    def __init__(
        self,
        key: str,
        *,
        limiter: Limiter,
        base: str = DEFAULT_BASE,
        version: str = API_VERSION,
        patience: Patience = Patience(),
        allow_plain_http: bool = False,
        outgoing: Outgoing = DIRECT,
        connections: int = 64,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport = Transport(
            key,
            base,
            version,
            seconds=patience.seconds,
            allow_plain_http=allow_plain_http,
            outgoing=outgoing,
            connections=connections,
        )
        self._limiter = limiter
        self._patience = patience
        self._clock = clock
        self._counts = _Counts()
        self._reached = False
        self._clock_apart_seconds = 0
        self._retrying = Retrying(
            retry=retry_if_exception(is_transient), stop=self._enough, wait=self._wait, sleep=sleep, reraise=True
        )

    def __repr__(self) -> str:
        return f"Client(base={self.base!r}, key='***')"

    @property
    def key_can_write(self) -> bool:
        """Whether the key is a secret one, which can do everything; what a restricted one may do beside reading can't be seen by reading."""
        return self._transport.key.startswith("sk_")

    @property
    def livemode_by_key(self) -> bool | None:
        """Whether the key is one of live mode, as far as it says so itself."""
        key = self._transport.key
        return True if "_live_" in key else False if "_test_" in key else None

    @property
    def base(self) -> str:
        """The address of the API."""
        return self._transport.base

    @property
    def usage(self) -> Usage:
        """What has been asked so far."""
        return self._counts.usage()

    @property
    def key_digest(self) -> str:
        """A digest of the key."""
        return blake2b(self._transport.key.encode(), digest_size=16).hexdigest()

    @property
    def clock_apart_seconds(self) -> int:
        """How far the host's clock was ahead of ours in the last answer; negative when it was behind."""
        return self._clock_apart_seconds

    def wait_in_background(self) -> float:
        """Wait for a turn of what nobody waits for, before one of the endpoint's; returns the seconds waited."""
        return self._limiter.background()

    def now(self) -> Instant:
        """This machine's own time, for what no answer dates."""
        return Instant(int(self._clock()))

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()

    def get(self, asked: Asked, path: str, params: Params, parse: Callable[[bytes], T]) -> Answer[T]:
        """The parsed answer to a GET of `path`.

        `parse` raises Garbled for a body that isn't what was asked for. Raises a `ReadError`: Transient when no attempt brought
        an answer, another one when asking again can't help.
        """
        attempts = 0

        def attempt() -> Answer[T]:
            nonlocal attempts
            attempts += 1
            return self._attempt(asked, path, params, parse)

        try:
            return self._retrying(attempt)
        except stripe.StripeError as error:
            failed: stripe.StripeError = error
        raise typed(failed, asked.stream, asked.permission, self.base, attempts, of_object=asked.object_id) from failed

    def _attempt(self, asked: Asked, path: str, params: Params, parse: Callable[[bytes], T]) -> Answer[T]:
        self._limiter.acquire(asked.endpoint)
        self._counts.asked()
        answer, reason = self._judged(path, params, parse, lambda: self._limiter.sent(asked.endpoint))
        if isinstance(answer, Answer):
            return answer
        limited = isinstance(answer, stripe.RateLimitError) and answer.code != "lock_timeout"
        self._counts.failed(limited=limited, transient=is_transient(answer))
        if limited:
            self._limiter.throttled(asked.endpoint, reason, self._asked_pause(answer))
        raise answer

    def _judged(
        self, path: str, params: Params, parse: Callable[[bytes], T], sent: Callable[[], None]
    ) -> tuple[Answer[T] | stripe.StripeError, str | None]:
        """The answer, or the SDK's error for it with the reason of a limit.

        The error isn't raised here: a host may echo the key, and no frame of a traceback is to hold such a body.
        """
        asked = time.monotonic()
        try:
            status, body, headers = self._transport.send(path, params, sent)
        except NoAnswer as error:
            return stripe.APIConnectionError(str(error)), None  # type: ignore[no-untyped-call]  # untyped in the SDK
        self._reached = True
        failure = verdict(status, body, headers, self._transport.key)
        if failure is not None:
            return failure, headers.get("stripe-rate-limited-reason")
        try:
            value = parse(body)
        except Garbled as garbled:
            kept = kept_headers(headers, self._transport.key)
            return stripe.APIError(f"HTTP {status}, but {garbled}", None, status, None, kept), None
        self._counts.answered(len(body))
        return Answer(value, self._dated(headers), time.monotonic() - asked), None

    def _dated(self, headers: Mapping[str, str]) -> Instant:
        """Stripe's own clock; ours where the host has none, or one that is ahead of ours by more than minutes.

        What is dated in a future that never was would rule over all that comes until then.
        """
        at, ours = _http_date(headers.get("date", "")), self.now()
        if at is None:
            return ours
        self._clock_apart_seconds = at - ours
        return ours if at - ours > CLOCKS_AGREE_SECONDS else at

    # --- when to stop and how long to wait ---------------------------------------------------------------------------------

    def _enough(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        if isinstance(error, stripe.APIConnectionError) and not self._reached:
            return state.attempt_number >= self._patience.attempts_when_never_reached
        if error is not None and (retry_after(error) or 0.0) > self._patience.longest_retry_after_seconds:
            return True
        return state.attempt_number >= self._patience.attempts

    def _wait(self, state: RetryCallState) -> float:
        """Doubling from the first wait, half of it by chance so that workers that failed together don't return together."""
        patience = self._patience
        ceiling = min(patience.longest_wait_seconds, patience.first_wait_seconds * 2 ** (state.attempt_number - 1))
        jittered: float = ceiling * random.uniform(0.5, 1.0)
        error = _error_of(state)
        asked = retry_after(error) if error is not None else None
        return jittered if asked is None else asked + jittered * 0.5

    def _asked_pause(self, error: stripe.StripeError) -> float | None:
        asked = retry_after(error)
        return None if asked is None else min(asked, self._patience.longest_retry_after_seconds)


@lru_cache(maxsize=64)
def _http_date(text: str) -> Instant | None:
    try:
        return Instant(int(parsedate_to_datetime(text).timestamp()))
    except ValueError:
        return None


def _error_of(state: RetryCallState) -> stripe.StripeError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, stripe.StripeError) else None


class _Counts:
    """The running figures behind `Usage`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._throttled = self._retried = self._bytes = 0

    def asked(self) -> None:
        with self._lock:
            self._requests += 1

    def answered(self, body_bytes: int) -> None:
        with self._lock:
            self._bytes += body_bytes

    def failed(self, *, limited: bool, transient: bool) -> None:
        with self._lock:
            self._throttled += limited
            self._retried += transient and not limited

    def usage(self) -> Usage:
        with self._lock:
            return Usage(self._requests, self._throttled, self._retried, self._bytes)
