"""What each customer's MRR did, day by day. Amounts are micros (millionths of a major unit) of the movement's own currency."""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from integrations.store.ledger import read as read_ledger
from integrations.store.ledger import totals
from metrics.periods import months_between
from worker.figures.adhoc import exchange_to
from worker.figures.inferred import inferred_days
from worker.queries.session import Session, currency_of, ledger


def movements(
    session: Session, first: date | None = None, until: date | None = None, *, customer: str | None = None, beside: bool = False
) -> pl.DataFrame:
    """Movements of the days [first, until) in order of day and customer; all of them without bounds. Raises NothingDerived.

    One row for each movement: `customer`, `day`, `currency`, `kind` (new, reactivation, expansion, contraction, churn), `cause`,
    `before_micros`, `after_micros`, `delta_micros`, `list_before_micros`, `list_after_micros`, `inferred` (dated at the first evidence
    of it), `evidence` (a list of Stripe ids). `beside`: and `plan`, `account` (its number), `learnt_at` (UTC), as the view says them.
    """
    with ledger(session) as connection:
        return read_ledger.movements(connection, session.basis.version, first, until, customer, beside=beside)


def inferred(session: Session, first: date, until: date, currency: str) -> dict[str, int]:
    """What of the movements of the days [first, until) is inferred: dated at the first evidence, since nothing says when it happened.

    Amounts in micros by kind, positive, in `currency` (`all:usd` is the whole book at each day's rate); kinds without any are left out.
    """
    home = currency_of(session)
    with ledger(session) as connection:
        abroad = exchange_to(connection, home, until)
        found = inferred_days(connection, session.basis.version, abroad, first, until)
    out: dict[str, int] = {}
    for each in found:
        if each.currency == currency:
            out[each.kind] = out.get(each.kind, 0) + each.micros
    return out


def movements_by_month(
    session: Session, first: date | None = None, until: date | None = None, *, beside: bool = False
) -> Iterator[pl.DataFrame]:
    """The same a calendar month at a time, in one reading transaction, so that memory doesn't grow with the years.

    Months without a movement are left out; at least one frame comes, which is empty if nothing moved at all.
    """
    version = session.basis.version
    with ledger(session) as connection:
        span = totals.span(connection, version)
        low = first or (span[0] if span else session.today)
        high = until or (span[1] + timedelta(days=1) if span else low)
        written = False
        for window in months_between(low, high):
            frame = read_ledger.movements(connection, version, max(low, window.first), min(high, window.until), beside=beside)
            if len(frame) or not written:
                written = True
                yield frame


def span(session: Session) -> tuple[date, date] | None:
    """The first and the last day on which anything moved; None if nothing did. Raises NothingDerived."""
    with ledger(session) as connection:
        return totals.span(connection, session.basis.version)
