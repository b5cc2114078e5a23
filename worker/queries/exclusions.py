"""What is left out of MRR, and why."""

from datetime import date

from integrations.store.ledger import read as read_ledger
from metrics.ledger.exclusion_totals import LeftOut, left_out
from metrics.periods import closing
from worker.queries.session import Session, ledger


def exclusions(session: Session, day: date) -> list[LeftOut]:
    """How much is left out at the closing of `day` (micros a month), how often and why, by reason and currency. Raises NothingDerived."""
    with ledger(session) as connection:
        found = read_ledger.exclusions(connection, session.basis.version)
    return list(left_out(found, closing(day, session.basis.timezone)))
