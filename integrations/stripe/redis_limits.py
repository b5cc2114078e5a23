"""The limiter that all workers of an installation share, in Redis.

One short script takes the turn: it reads Redis's own clock, so that workers whose clocks differ agree, keeps the pace and the due
time of the account and of the endpoint in one hash each, and answers how long to wait. The law is that of `limits.RequestPace`, written
down once more in Lua because it has to run where the state is. When Redis can't be reached, this process goes on by its own
`LocalLimiter` and looks again after a while: several processes may then go too fast together, which Stripe answers with 429 and
every one of them slows down.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import redis

from integrations.stripe import limits
from integrations.stripe.limits import Ceilings, LocalLimiter

_FORGET_MILLISECONDS: Final = 3_600_000
_AGAIN_SECONDS: Final = 5.0
_ACCOUNT: Final = 1
_ENDPOINT: Final = 2
"""Which of a script's keys is whose pace."""

CLOCK: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""
_PACE: Final = """
local ahead, cut, plateau_share, quick, slow, hold, least_rate =
    tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local forget = ARGV[8]
local ceiling = { tonumber(ARGV[9]), tonumber(ARGV[10]) }
local longest = 3700

local function load(index)
    local h = redis.call('HMGET', KEYS[index], 'due', 'cut_at', 'after_cut', 'plateau')
    local due, cut_at = tonumber(h[1] or '0'), tonumber(h[2] or '')
    -- No turn is ever so far away: Redis's clock was set back since, and nobody waits for the old one.
    if due > now + longest then due = 0 end
    if cut_at and cut_at > now + 1 then cut_at = now end
    return { due = due, cut_at = cut_at, after_cut = tonumber(h[3] or '0'),
             plateau = tonumber(h[4] or '0'), ceiling = ceiling[index], key = KEYS[index] }
end

local function rate(pace)
    if not pace.cut_at then return pace.ceiling end
    local since = math.max(0, now - pace.cut_at)
    local grown = pace.after_cut + since * quick * pace.ceiling
    if grown <= pace.plateau then return grown end
    local reached = math.max(0, pace.plateau - pace.after_cut) / (quick * pace.ceiling)
    return math.min(pace.ceiling, math.max(pace.plateau, pace.after_cut) + (since - reached) * slow * pace.ceiling)
end

local function save(pace)
    redis.call('HSET', pace.key, 'due', string.format('%.6f', pace.due))
    if pace.cut_at then
        redis.call('HSET', pace.key, 'cut_at', string.format('%.6f', pace.cut_at),
                   'after_cut', string.format('%.9f', pace.after_cut), 'plateau', string.format('%.9f', pace.plateau))
    end
    redis.call('PEXPIRE', pace.key, forget)
end
"""
ACQUIRE: Final = (
    _PACE
    + """
local pace = load(tonumber(ARGV[11]))
local at = math.max(now, pace.due - (ahead - 1) / rate(pace))
pace.due = math.max(at, pace.due) + 1 / rate(pace)
save(pace)
return string.format('%.6f', at - now)
"""
)
REFUSED: Final = (
    _PACE
    + """
local meant = { ARGV[11] == '1', ARGV[12] == '1' }
local retry_after = tonumber(ARGV[13])
for index = 1, 2 do
    if meant[index] then
        local pace = load(index)
        if not (pace.cut_at and now - pace.cut_at < hold) then
            local before, least = rate(pace), math.min(least_rate, pace.ceiling)
            pace.cut_at = now
            pace.after_cut = math.max(least, before * cut)
            pace.plateau = math.max(least, before * plateau_share)
        end
        if retry_after > 0 then pace.due = math.max(pace.due, now + retry_after + (ahead - 1) / rate(pace)) end
        save(pace)
    end
end
return 0
"""
)


class RedisLimiter:
    """Turns for all processes that name the same `account` on the same Redis. It never raises for Redis's sake."""

    def __init__(
        self,
        client: "redis.Redis",
        account: str,
        allowed: Ceilings,
        *,
        prefix: str = "nrr",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        redis_clock: str = CLOCK,
    ) -> None:
        self._allowed = allowed
        # The braces keep the two keys of one call on one node of a cluster.
        self._keys = f"{prefix}:pace:{{{account}}}:"
        self._acquire: Any = client.register_script(redis_clock + ACQUIRE)
        self._refused: Any = client.register_script(redis_clock + REFUSED)
        self._local = LocalLimiter(allowed, clock=clock, sleep=sleep)
        self._clock = clock
        self._sleep = sleep
        self._away_until = float("-inf")
        self._lock = threading.Lock()

    def acquire(self, endpoint: str) -> float:
        """Wait for a turn at `endpoint`; returns the seconds waited."""
        waited = 0.0
        for which in (_ACCOUNT, _ENDPOINT):  # one after the other, as within one process
            answer = self._run(self._acquire, endpoint, which)
            if answer is None:
                return waited + self._local.acquire(endpoint)
            wait = float(answer)
            if wait > 0:
                self._sleep(wait)
            waited += wait
        return waited

    def sent(self, endpoint: str) -> None:
        """Count a request from when it is sent, where this process goes by its own limiter; what is shared stays far enough below the limit."""
        self._local.sent(endpoint)

    def background(self) -> float:
        """Wait for a turn of what nobody waits for; returns the seconds waited."""
        answer = self._run(self._acquire, "background", _ENDPOINT, ceiling=self._allowed.account * limits.BACKGROUND)
        if answer is None:
            return self._local.background()
        wait = float(answer)
        if wait > 0:
            self._sleep(wait)
        return wait

    def throttled(self, endpoint: str, reason: str | None, retry_after_seconds: float | None = None) -> None:
        """Slow down the limit that was met, for every worker."""
        account, of_endpoint = limits.limits_meant(reason)
        if self._run(self._refused, endpoint, int(account), int(of_endpoint), retry_after_seconds or 0.0) is None:
            self._local.throttled(endpoint, reason, retry_after_seconds)

    @property
    def is_shared(self) -> bool:
        """Whether the last look at Redis succeeded."""
        return self._clock() >= self._away_until

    def _run(self, script: Any, endpoint: str, *extra: float, ceiling: float | None = None) -> Any:
        if not self.is_shared:
            return None
        law = (limits.AHEAD, limits.CUT, limits.PLATEAU, limits.QUICK, limits.SLOW, limits.HOLD_SECONDS)
        arguments = [*law, limits.LEAST_PER_SECOND, _FORGET_MILLISECONDS, self._allowed.account, ceiling or self._allowed.endpoint]
        try:
            return script(keys=[self._keys + "account", self._keys + endpoint], args=[*arguments, *extra])
        except redis.RedisError:
            with self._lock:
                self._away_until = self._clock() + _AGAIN_SECONDS
            return None
