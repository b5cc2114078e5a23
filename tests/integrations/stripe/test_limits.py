"""How fast Stripe may be asked: by account and by endpoint, in one process and by all of them through Redis."""

import random
import threading
import time

import pytest
import redis

from integrations.stripe import limits
from integrations.stripe.limits import Ceilings, LocalLimiter, RequestPace, ceilings, limits_meant
from integrations.stripe.redis_limits import RedisLimiter
from tests.services.redis import RedisServer


class Clock:
    """A clock that goes on only when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """What it says."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it go on."""
        self.now += seconds


def local(account: float, endpoint: float) -> tuple[LocalLimiter, Clock]:
    """A limiter and its clock."""
    clock = Clock()
    return LocalLimiter(Ceilings(account, endpoint), clock=clock, sleep=clock.sleep), clock


# --- one process -------------------------------------------------------------------------------------------------------------------


def test_an_endpoint_gets_its_rate_and_no_more() -> None:
    """A hundred turns at twenty-five a second last four seconds, less the two that may be taken at once."""
    limiter, clock = local(1000.0, 25.0)
    for _ in range(100):
        limiter.acquire("/v1/invoices")
    assert (100 - limits.AHEAD) / 25.0 == pytest.approx(clock.now - 1000.0)


def test_endpoints_have_a_limit_each_and_the_account_one_for_all() -> None:
    """Two endpoints side by side get twice one's rate, five no more than the account's."""
    for endpoints, rate in ((2, 50.0), (5, 100.0)):
        limiter, clock = local(100.0, 25.0)
        for turn in range(40 * endpoints):
            limiter.acquire(f"/v1/{turn % endpoints}")
        assert rate == pytest.approx(40 * endpoints / (clock.now - 1000.0), rel=0.06)


def test_a_queue_at_one_endpoint_keeps_nobody_from_another() -> None:
    """Twenty wait for the invoices, the last one for most of a second; the first who wants customers waits for the account's turn only."""
    limiter = LocalLimiter(Ceilings(100.0, 25.0), clock=lambda: 1000.0, sleep=lambda _seconds: None)
    waits = [limiter.acquire("/v1/invoices") for _ in range(20)]
    assert waits[-1] >= 18 / 25
    assert limiter.acquire("/v1/customers") <= 20 / 100


def test_a_quiet_moment_saves_up_two_turns_and_no_more() -> None:
    """After a minute without a request two may go at once, the third waits its turn."""
    limiter, clock = local(1000.0, 10.0)
    limiter.acquire("/v1/x")
    clock.now += 60
    assert [0.0, 0.0, 0.1] == [pytest.approx(limiter.acquire("/v1/x")) for _ in range(3)]


def test_a_refusal_cuts_the_rate_which_grows_back() -> None:
    """By a third at once, quickly to just below where it was refused, slowly beyond; a burst of refusals is one."""
    limiter, clock = local(1000.0, 20.0)
    for _ in range(3):
        limiter.throttled("/v1/x", "endpoint-rate")
    assert 14.0 == pytest.approx(limiter.rate("/v1/x"))
    clock.now += 5
    assert 19.0 == pytest.approx(limiter.rate("/v1/x"))
    clock.now += 10
    assert 19.4 == pytest.approx(limiter.rate("/v1/x"))
    clock.now += 1000
    assert 20.0 == limiter.rate("/v1/x")
    assert 20.0 == limiter.rate("/v1/y")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("global-rate", (True, False)),
        ("global-concurrency", (True, False)),
        ("endpoint-rate", (False, True)),
        ("endpoint-concurrency", (False, True)),
        ("resource-specific", (False, False)),
        (None, (False, True)),
    ],
)
def test_the_reason_says_whose_limit_it_was(reason: str | None, expected: tuple[bool, bool]) -> None:
    """The account's, the endpoint's, or that of one object, which is none of ours."""
    assert expected == limits_meant(reason)


def test_nobody_goes_before_a_retry_after_is_over() -> None:
    """Of the limit that it was about; the others go on."""
    limiter, clock = local(1000.0, 25.0)
    limiter.throttled("/v1/x", "endpoint-rate", 3.0)
    assert 0.0 == limiter.acquire("/v1/y")
    limiter.acquire("/v1/x")
    assert clock.now >= 1003.0


def test_one_process_goes_close_to_what_stripe_allows_and_several_stay_a_tenth_below() -> None:
    """Ninety-six and twenty-four a second live, twenty-four in all in test mode; together ninety and twenty-two and a half."""
    assert (Ceilings(96.0, 24.0), Ceilings(24.0, 24.0)) == (ceilings(livemode=True), ceilings(livemode=False))
    assert Ceilings(90.0, 22.5) == ceilings(livemode=True, share=limits.SHARE_OF_MANY)


def test_threads_that_wake_late_never_go_in_one_burst() -> None:
    """Sixty sleep for their turns and all wake ten seconds late: no more than twenty-five of them ask the list within a second."""
    clock, late, asleep, mine = Clock(), threading.Event(), threading.Semaphore(0), threading.local()
    went: list[float] = []

    def sleep(seconds: float) -> None:
        if late.is_set():
            mine.more += seconds
        else:
            asleep.release()
            assert late.wait(60)

    def now() -> float:
        return clock.now + getattr(mine, "more", 0.0)

    limiter = LocalLimiter(Ceilings(1000.0, 24.0), clock=now, sleep=sleep)

    def ask() -> None:
        mine.more = 0.0
        limiter.acquire("/v1/invoices")
        went.append(now())

    ask()
    ask()  # the turns in hand
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(60)]
    for thread in threads:
        thread.start()
        assert asleep.acquire(timeout=60)
    clock.now += 10
    late.set()
    for thread in threads:
        thread.join(60)
    assert 62 == len(went)
    assert all(sum(at <= other < at + 1.0 for other in went) <= 25 for at in went)


def test_a_request_counts_from_when_it_was_sent() -> None:
    """One that was held up for longer than the distance between two goes out with those after it: no more than twenty-five within a second."""
    limiter, clock = local(1000.0, 24.0)
    sent: list[float] = []

    def ask(*, held_up: bool = False) -> None:
        limiter.acquire("/v1/invoices")
        if not held_up:
            limiter.sent("/v1/invoices")
            sent.append(clock.now)

    for _ in range(30):
        ask()
    ask(held_up=True)
    clock.now += 0.045
    limiter.sent("/v1/invoices")
    sent.append(clock.now)
    for _ in range(60):
        ask()
    assert all(sum(at <= other < at + 1.0 for other in sent) <= 25 for at in sent)


# --- all processes, through Redis ----------------------------------------------------------------------------------------------------


def shared(url: str, allowed: Ceilings, **options: object) -> RedisLimiter:
    """What one worker has."""
    return RedisLimiter(redis.Redis.from_url(url, socket_timeout=5), "acct", allowed, **options)  # type: ignore[arg-type]  # as its own


def test_two_workers_share_one_limit(redis_url: str) -> None:
    """Eighty turns of two processes' limiters at two hundred a second last as long as those of one."""
    workers = [shared(redis_url, Ceilings(1000.0, 200.0)) for _ in range(2)]
    began = time.monotonic()

    def take(limiter: RedisLimiter) -> None:
        for _ in range(40):
            limiter.acquire("/v1/invoices")

    threads = [threading.Thread(target=take, args=(limiter,)) for limiter in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= (80 - limits.AHEAD) / 200.0 - 0.02


def test_a_refusal_of_one_slows_the_other(redis_url: str) -> None:
    """What one worker is told holds for all."""
    one, other = (shared(redis_url, Ceilings(1000.0, 20.0)) for _ in range(2))
    one.throttled("/v1/invoices", "endpoint-rate")
    began = time.monotonic()
    for _ in range(limits.AHEAD + 4):
        other.acquire("/v1/invoices")
    assert time.monotonic() - began >= 3 / 10.5


@pytest.mark.parametrize("seed", range(4))
def test_the_law_in_redis_is_that_of_one_process(redis_url: str, seed: int) -> None:
    """The same turns and refusals at the same moments give the same waits, whoever keeps the pace."""
    clock = Clock()
    waits: list[float] = []
    client = redis.Redis.from_url(redis_url)
    told = shared(
        redis_url, Ceilings(50.0, 20.0), sleep=waits.append, redis_clock="local now = tonumber(redis.call('GET', 'test:now'))\n"
    )
    reference = LocalLimiter(Ceilings(50.0, 20.0), clock=clock, sleep=lambda _seconds: None)
    chance = random.Random(seed)
    for _ in range(300):
        clock.now += chance.choice([0.0, 0.01, 0.05, 0.3, 2.0])
        client.set("test:now", repr(clock.now))
        endpoint = chance.choice(["/v1/invoices", "/v1/customers"])
        if chance.random() < 0.05:
            refused = endpoint, chance.choice(["global-rate", "endpoint-rate", None]), chance.choice([None, 0.5])
            told.throttled(*refused)
            reference.throttled(*refused)
        assert reference.acquire(endpoint) == pytest.approx(told.acquire(endpoint), abs=2e-4)


def test_a_clock_of_redis_that_was_set_back_makes_nobody_wait(redis_url: str) -> None:
    """Turns and refusals of tomorrow hold nobody up today, and the rate grows back from now on."""
    client = redis.Redis.from_url(redis_url)
    waits: list[float] = []
    told = shared(
        redis_url, Ceilings(50.0, 20.0), sleep=waits.append, redis_clock="local now = tonumber(redis.call('GET', 'test:now'))\n"
    )
    for now in (200_000.0, 100_000.0, 100_060.0):
        client.set("test:now", repr(now))
        if now == 200_000.0:
            told.throttled("/v1/invoices", "endpoint-rate", 30.0)
        for _ in range(limits.AHEAD):
            told.acquire("/v1/invoices")
            told.background()
    assert 30.0 <= max(waits) < 32.0
    waits.clear()
    told.acquire("/v1/invoices")
    assert sum(waits) < 1.0


def test_what_nobody_waits_for_gets_a_quarter() -> None:
    """However many ask, and without slowing an endpoint down by itself."""
    limiter, clock = local(100.0, 25.0)
    began = clock.now
    for _ in range(100 + limits.AHEAD):
        limiter.background()
    assert 3.99 <= clock.now - began <= 4.1
    assert 0.0 == limiter.acquire("/v1/invoices")


def test_without_redis_each_goes_on_alone_and_comes_back(redis_server: RedisServer) -> None:
    """A limiter never fails for Redis's sake: it keeps the pace by itself, and looks again after a while."""
    clock = Clock()
    limiter = shared(redis_server.url, Ceilings(1000.0, 25.0), clock=clock, sleep=clock.sleep)
    limiter.acquire("/v1/invoices")
    assert limiter.is_shared
    redis_server.stop()
    for _ in range(50):
        limiter.acquire("/v1/invoices")
    assert not limiter.is_shared
    assert (50 - limits.AHEAD) / 25.0 == pytest.approx(clock.now - 1000.0, abs=0.1)


def test_a_pace_never_stops() -> None:
    """However often it is refused, a request every other second is left."""
    pace, now = RequestPace(25.0), 0.0
    for _ in range(100):
        now += 2 * limits.HOLD_SECONDS
        pace = pace.refused(now)
    assert limits.LEAST_PER_SECOND <= pace.rate(now)
