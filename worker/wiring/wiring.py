"""The one place where settings become things: engine, readers, limiters, clocks, the wish to stop.

Everything below is handed what it needs and reads neither environment nor clock. Nothing is opened before it is used, except that
the address of the database is looked at. Close a wiring when done; it may not be used after a fork, the child opens its own.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine

from integrations.store.db.engine import open_engine
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from worker.config.load import account_key, current
from worker.config.settings import BadSettings, Settings
from worker.execution import masking
from worker.execution.cores import cores
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.accounts import Source, Sources
from worker.ingest.pace import Pace
from worker.queries.session import Session
from worker.wiring.outgoing import outgoing

if TYPE_CHECKING:
    from integrations.stripe.limits import Ceilings, Limiter
    from integrations.stripe.reader import Reader

_NO_KEY = (
    "STRIPE_API_KEY is not set: put a restricted key with read access there (or its file into STRIPE_API_KEY_FILE, or the accounts into "
    "nrr.toml), then run `nrr doctor`. Without an account, `nrr demo` shows everything on a simulated one"
)

REQUESTS_OF_A_PROCESS: Final = 100.0
"""More requests a second than one process decodes the answers of: an account that may be asked for several times as many has several read it."""

MOST_PROCESSES: Final = 8
"""So many processes compute for one command at most, unless more are asked for: each takes some 200 MiB."""

DEFAULT_ACCOUNT = "default"
"""What the one account is called that STRIPE_API_KEY is the key of."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a process works with. `pretended` is the instant that `--now` gave as the current time, None for the real present."""

    engine: Engine
    sources: Sources
    clock: Callable[[], datetime]
    stop: Stop
    terms: Terms
    pace: Pace
    shards: int = 24
    processes: int = 1
    """So many compute for one command, this one included."""
    reading_processes: int = 1
    """So many read for one command, this one included."""
    pretended: datetime | None = None
    basis: Basis = field(default_factory=Basis)
    kept: tuple[Basis, ...] = ()
    """Further bases whose ledgers are kept up to date."""
    reporting_currency: str | None = None
    dimensions: tuple[str, ...] = ()
    settings: Settings | None = None

    @property
    def pretended_instant(self) -> Instant | None:
        """The same in whole seconds."""
        return None if self.pretended is None else Instant(int(self.pretended.timestamp()))

    @property
    def now(self) -> Instant:
        """The present, or what somebody says that it is."""
        return Instant(int((self.pretended or self.clock()).timestamp()))

    @property
    def session(self) -> Session:
        """What the read side reads from."""
        return Session(self.engine, self.basis, self.now, self.reporting_currency, self.dimensions)

    def allowed(self, *, livemode: bool) -> "Ceilings":
        """How many requests a second one account of that mode is asked at most."""
        return _allowed(self.settings, livemode=livemode)

    def under(self, basis: Basis) -> "Wiring":
        """The same with figures that rest on something else."""
        return replace(self, basis=basis)

    def close(self) -> None:
        """Close connections to Stripe and to the database."""
        self.sources.close()
        self.engine.dispose()


def present() -> datetime:
    """What time it is."""
    return datetime.now(UTC)


def open_wiring(
    settings: Settings, *, pretended: datetime | None = None, stop: Stop | None = None, threads: int | None = None
) -> Wiring:
    """Wire a process up. Raises BadSettings when a key's file can't be read; nothing is connected yet."""
    # Whoever is silent for longer than a lease lasts has lost the job, and must not keep others from it by its locks.
    engine = open_engine(
        settings.database, idle_seconds=settings.lease_seconds, address=lambda: current(settings).database, make=False
    )
    stop = stop or Stop()
    sources = Sources(engine, _configured(settings), _Readers(settings, stop, pretended))
    owner = f"{socket.gethostname()}:{os.getpid()}"
    # Each thread of SQLite's waits for the one writer, so more of them only wait more.
    most = min(settings.threads, 8) if engine.dialect.name == "sqlite" else settings.threads
    return Wiring(
        engine=engine,
        sources=sources,
        clock=present,
        stop=stop,
        terms=Terms(owner=owner, threads=threads or most, lease_seconds=settings.lease_seconds, attempts=settings.attempts),
        pace=Pace(settings.lag_seconds, settings.overlap_seconds),
        shards=settings.shards,
        processes=_processes(settings),
        reading_processes=_reading_processes(settings),
        pretended=pretended,
        basis=settings.basis(),
        kept=tuple(settings.basis(name) for name in settings.kept_policies if name != settings.chosen_policy().name),
        reporting_currency=settings.reporting_currency,
        dimensions=settings.dimensions,
        settings=settings,
    )


def _processes(settings: Settings) -> int:
    return settings.processes or min(cores(), MOST_PROCESSES)


def _reading_processes(settings: Settings) -> int:
    """How many processes of a command read: Stripe's own limits leave enough to do for one, those that Stripe has raised for more. SQLite has
    one writer, whom they would wait for."""
    if settings.database.startswith("sqlite"):
        return 1
    return max(1, min(_processes(settings), int((settings.requests_per_second or 0) // REQUESTS_OF_A_PROCESS)))


def standing(wiring: Wiring, name: str) -> Wiring:
    """The same for one of the processes of a worker called `name`, which is watched."""
    return replace(wiring, terms=replace(wiring.terms, owner=name, standing=True))


def _configured(settings: Settings) -> list[Source]:
    if settings.accounts:
        return [Source(name, table.stripe_id) for name, table in sorted(settings.accounts.items())]
    return [Source(DEFAULT_ACCOUNT)] if settings.stripe_api_key is not None else []


def require_key(settings: Settings) -> None:
    """Raises BadSettings when no account has a key."""
    if not settings.accounts and settings.stripe_api_key is None:
        raise BadSettings([_NO_KEY])


class _Readers:
    """Makes the reader of an account, with a limiter that all workers of the installation share where there is Redis."""

    def __init__(self, settings: Settings, stop: Stop, pretended: datetime | None) -> None:
        self._settings = settings
        self._stop = stop
        self._pretended = pretended

    def _clock(self) -> float:
        """Our own time, which no answer is dated after; who says that it is later reads a host that lives then."""
        return time.time() if self._pretended is None else max(time.time(), self._pretended.timestamp())

    def __call__(self, name: str, livemode: bool | None) -> "Reader":
        from integrations.stripe.client import Client
        from integrations.stripe.reader import Reader

        settings = current(self._settings)
        masking.keep_secret(*settings.secrets())
        table = settings.accounts.get(name)
        if table is None:
            require_key(settings)
            assert settings.stripe_api_key is not None
        key = account_key(name, table) if table is not None else settings.stripe_api_key.get_secret_value()  # type: ignore[union-attr]
        masking.keep_secret(key)
        base = (table.api_base if table else None) or settings.stripe_api_base
        live = livemode if livemode is not None else "_live_" in key
        client = Client(
            key,
            limiter=self._limiter(name, _allowed(settings, livemode=live)),
            base=base,
            allow_plain_http=settings.allow_plain_http,
            outgoing=outgoing(settings),
            connections=max(16, settings.threads),
            sleep=self._stop.sleep,  # a wait for the next attempt ends when somebody wants to stop
            clock=self._clock,
        )
        return Reader(client, payloads=settings.keep_payloads, people=settings.store_names, name=name)

    def _limiter(self, account: str, allowed: "Ceilings") -> "Limiter":
        from integrations.stripe.limits import LocalLimiter

        if self._settings.redis_url is None:
            # Processes that read side by side know nothing of one another's requests: each has its part of what is allowed.
            parts = _reading_processes(self._settings)
            each = replace(allowed, account=allowed.account / parts, endpoint=allowed.endpoint / parts)
            return LocalLimiter(each, sleep=self._stop.sleep)
        import redis

        from integrations.stripe.redis_limits import RedisLimiter

        client = redis.Redis.from_url(self._settings.redis_url.get_secret_value(), socket_timeout=5, socket_connect_timeout=2)
        return RedisLimiter(client, account, allowed, prefix=self._settings.redis_prefix, sleep=self._stop.sleep)


def _allowed(settings: Settings | None, *, livemode: bool) -> "Ceilings":
    from integrations.stripe.limits import SHARE, SHARE_OF_MANY, ceilings

    alone = settings is None or settings.redis_url is None
    allowed = ceilings(livemode=livemode, share=SHARE if alone else SHARE_OF_MANY)
    per_second = settings.requests_per_second if settings is not None else None
    return allowed if per_second is None else replace(allowed, account=per_second, endpoint=per_second)
