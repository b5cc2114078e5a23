"""Where the numbers come from: which accounts, up to when they were read, and when the ledger was derived from what was read."""

from dataclasses import dataclass
from datetime import datetime

from integrations.store.db.engine import read
from integrations.store.facts import accounts
from integrations.store.facts.accounts import AccountRow
from integrations.store.figures import rollups
from integrations.store.ledger import bases as ledger_bases
from metrics.instants import Instant
from worker.figures.derived import complete_until, derived_until
from worker.queries.session import Session


@dataclass(frozen=True, slots=True)
class Provenance:
    """`derived_at` is when the ledger was derived, `derived_until` as of which instant, `complete_until` up to when every account was read.

    `known_at` is when the last of it was learnt: figures as known at that instant are those of now.
    """

    accounts: tuple[AccountRow, ...]
    derived_at: datetime
    derived_until: Instant
    complete_until: Instant
    known_at: datetime


def provenance(session: Session) -> Provenance:
    """Where the numbers of a session come from. Raises NothingDerived."""
    with read(session.engine) as connection:
        until = derived_until(connection, session.basis)
        at = ledger_bases.everything(connection)[session.basis.version].derived_at
        assert at is not None, "a ledger that was derived was derived at some time"
        learnt = rollups.last_learnt(connection, session.basis.version) or at
        moment = complete_until(connection, session.basis)
        return Provenance(tuple(accounts.everything(connection)), at, until, moment, max(at, learnt))
