"""What the read side reads from: a database, the basis of the figures that are meant, and the instant that counts as the present.

Whoever wants numbers (command line, report, notebook, web page) opens a session, or is handed one, and gives it to the functions of this
folder. They read; nothing here derives into the database, writes to it or speaks to Stripe. `open_session` needs neither a key nor the
command line, and may work as a role that can only read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from integrations.store.db import clock
from integrations.store.db.engine import open_engine, read
from integrations.store.facts import accounts
from integrations.store.ledger import bases as ledger_bases
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.periods import day_of


@dataclass(frozen=True, slots=True)
class Session:
    """What the functions read from. `reporting_currency` and `dimensions` are what the settings say."""

    engine: Engine
    basis: Basis
    now: Instant
    reporting_currency: str | None = None
    dimensions: tuple[str, ...] = ()

    @property
    def today(self) -> date:
        """The reporting day of the present."""
        return day_of(self.now, self.basis.timezone)

    def under(self, basis: Basis) -> "Session":
        """The same for figures that rest on something else, such as another preset."""
        return replace(self, basis=basis)


@contextmanager
def open_session(
    *, config: Path | None = None, policy: str | None = None, now: datetime | None = None, **settings: Any
) -> Iterator[Session]:
    """A session on the database of the settings: those of the environment, of `config` (default: ./nrr.toml), or named here.

    `policy` is the name of a preset whose ledger is kept, in the place of the one that is set; `now` counts as the present (default: the
    database's clock). The database refuses every write of such a session. Raises BadSettings, UnknownChoice, BadDatabaseUrl, NotMigrated.
    """
    from integrations.store.migrate import require_current
    from worker.config.load import current, load

    loaded = load(settings, config=config).settings
    engine = open_engine(loaded.database, address=lambda: current(loaded).database, read_only=True)
    try:
        require_current(engine)
        with read(engine) as connection:
            moment = now or clock.now(connection)
        yield Session(
            engine, loaded.basis(policy), Instant(int(moment.timestamp())), loaded.reporting_currency, tuple(loaded.dimensions)
        )
    finally:
        engine.dispose()


def at_present(session: Session) -> Session:
    """The same session at what is the present by now, by the database's clock: for whoever keeps one open."""
    with read(session.engine) as connection:
        return replace(session, now=Instant(int(clock.now(connection).timestamp())))


@contextmanager
def ledger(session: Session) -> Iterator[Connection]:
    """A reading transaction on a ledger that is complete. Raises NothingDerived: an empty answer would look like one."""
    from worker.figures.derived import derived_until

    with read(session.engine) as connection:
        derived_until(connection, session.basis)
        yield connection


def has_ledger(session: Session) -> bool:
    """Whether there is a complete ledger under the session's basis."""
    with read(session.engine) as connection:
        found = ledger_bases.everything(connection).get(session.basis.version)
    return found is not None and found.derived_at is not None


def currency_of(session: Session) -> str | None:
    """The currency of the whole book: the one that is set, else the one that every account is paid out in; None if they differ."""
    return session.reporting_currency or common_currency(session.engine)


def common_currency(engine: Engine) -> str | None:
    """The currency that every account is paid out in, in lower case; None when they differ, or there is no account yet."""
    try:
        with read(engine) as connection:
            found = {row.default_currency for row in accounts.everything(connection)}
    except SQLAlchemyError:
        return None  # a database that isn't migrated yet is told by whoever needs it
    return found.pop() if len(found) == 1 else None
