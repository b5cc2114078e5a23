"""What the book stands at at the closing of a day, and how far the data is complete.

Apart from the figures of windows, which load more: who only asks for MRR waits for none of it.
"""

from datetime import UTC, date, datetime, timedelta

from metrics.periods import day_of
from worker.figures import derived
from worker.figures.standing import DayStanding
from worker.figures.standing import mrr_at as standing_at
from worker.queries.session import Session, currency_of, ledger


def mrr_at(session: Session, day: date) -> DayStanding:
    """What the book stands at at the closing of `day`: in each currency, and in the reporting currency. Raises NothingDerived."""
    return standing_at(session.engine, session.basis, day, reporting_currency=currency_of(session))


def complete_through(session: Session) -> date:
    """The last reporting day that is complete: derived, and read of every account. Raises NothingDerived."""
    with ledger(session) as connection:
        moment = derived.complete_until(connection, session.basis)
    return day_of(moment, session.basis.timezone) - timedelta(days=1)


def complete_until(session: Session) -> datetime:
    """The instant up to which the data is complete, in UTC. Raises NothingDerived."""
    with ledger(session) as connection:
        return datetime.fromtimestamp(derived.complete_until(connection, session.basis), UTC)
