"""The Stripe accounts of an installation and their readers: one key each, checked before anything is read for storing.

A key is good for one account in one mode. Which one is asked of Stripe once a process, and compared with what is stored under the
account's name: a key of another account or mode is refused while nothing has been written yet.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.facts.accounts import AccountRefused
from integrations.stripe.errors import Refused
from metrics.instants import Instant
from worker.execution.log import logger

if TYPE_CHECKING:
    from integrations.stripe.reader import Reader

log = logger(__name__)

A_MOMENT_SECONDS: Final = 10.0
"""So long a check of a key is good for the plan that follows it."""


@dataclass(frozen=True, slots=True)
class Source:
    """An account as configured: what the installation calls it, and which Stripe account it must be (None: not said)."""

    name: str
    stripe_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Bound:
    """Which stored account a reader's key was found to be of, when by Stripe's clock, and when by one of ours that only goes forward."""

    reader: "Reader"
    account: int
    told_at: Instant | None
    at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < A_MOMENT_SECONDS


class Sources:
    """Readers by account, made when they are first needed. Safe to use from many threads."""

    def __init__(self, engine: Engine, configured: Sequence[Source], make: "Callable[[str, bool | None], Reader]") -> None:
        """`make(name, livemode)` opens a reader; the mode is None until Stripe has told it."""
        self._engine = engine
        self._configured = {source.name: source for source in configured}
        self._make = make
        self._readers: dict[str, Reader] = {}
        self._checked: dict[int, Reader] = {}
        self._bound: dict[str, _Bound] = {}
        self._retired: list[Reader] = []
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The configured accounts, in order."""
        return tuple(self._configured)

    @property
    def configured(self) -> tuple[Source, ...]:
        """The same with what was said of them."""
        return tuple(self._configured.values())

    def named(self, name: str) -> "Reader":
        """The reader of a configured account, not checked against anything. For looking, not for storing."""
        with self._lock:
            if name not in self._readers:
                self._readers[name] = self._make(name, None)
            return self._readers[name]

    def bound(self, name: str) -> int:
        """As `bind`; where the key was checked a moment ago and is the same since, Stripe isn't asked once more."""
        reader = self.named(name)
        with self._lock:
            bound = self._bound.get(name)
            if bound is not None and bound.reader is reader and self._checked.get(bound.account) is reader and bound.is_fresh:
                return bound.account
        return self.bind(name)

    def told_at(self, name: str) -> Instant | None:
        """The Date of the answer by which the account's key was checked; None where that was longer than a moment ago, or had none."""
        with self._lock:
            bound = self._bound.get(name)
        return bound.told_at if bound is not None and bound.is_fresh else None

    def bind(self, name: str) -> int:
        """The id of the account in the store, bound at first sight. Raises AccountRefused before anything is written."""
        reader = self.named(name)
        try:
            told = reader.account()
        except Refused:
            if not self._renewed(name, reader):
                raise
            reader = self.named(name)
            told = reader.account()
        wanted = self._configured[name].stripe_id
        if wanted is not None and told.id != wanted:
            raise AccountRefused(
                f"the key for account {name!r} belongs to {told.id}, but the settings say that it is {wanted}; nothing was changed. "
                "Check which key is set for which account"
            )
        with begin(self._engine) as connection:
            account = accounts.bind(
                connection,
                name=name,
                stripe_id=told.id,
                livemode=told.livemode,
                country=told.country,
                default_currency=told.default_currency,
            )
        with self._lock:
            self._checked[account] = reader
            self._bound[name] = _Bound(reader, account, told.observed_at, time.monotonic())
        return account

    def renewed(self, account: int, refused: "Reader") -> bool:
        """Whether the key of a stored account, which Stripe has refused to this reader, is another one by now where it is kept.

        Then that is used from now on, once it is found to be of the same account.
        """
        with read(self._engine) as connection:
            name = next((row.name for row in accounts.everything(connection) if row.id == account), None)
        return name in self._configured and self._renewed(str(name), refused)

    def _renewed(self, name: str, refused: "Reader") -> bool:
        with self._lock:
            if self._readers.get(name) is not refused:
                return True  # somebody else has found it out
            fresh = self._make(name, None)
            if fresh.key_digest == refused.key_digest:
                if fresh is not refused:
                    fresh.close()
                return False
            self._readers[name] = fresh
            self._retired.append(refused)  # others may be in the middle of an answer of its
            self._checked = {account: reader for account, reader in self._checked.items() if reader is not refused}
        log.info("key_renewed", account=name)
        return True

    def of(self, account: int) -> "Reader":
        """The reader of a stored account, its key checked once. Raises AccountRefused when no key is configured for it."""
        found = self._checked.get(account)
        if found is not None:
            return found
        with read(self._engine) as connection:
            rows = {row.id: row for row in accounts.everything(connection)}
        row = rows.get(account)
        if row is None or row.name not in self._configured:
            known = row.name if row else str(account)
            raise AccountRefused(
                f"no key is set for the account {known!r}, which this database holds data of; nothing was read. Set its key, or run "
                "`nrr config show` to see which accounts are set"
            )
        self.bind(row.name)
        return self._checked[account]

    def close(self) -> None:
        """Close every reader."""
        with self._lock:
            for reader in (*self._readers.values(), *self._retired):
                reader.close()
            self._retired.clear()
            self._readers.clear()
            self._checked.clear()
