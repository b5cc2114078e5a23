"""What each customer stood at at the closings of months. Amounts are micros of the row's own currency."""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from integrations.store.figures import snapshots
from integrations.store.ledger import totals
from metrics.periods import months_between
from worker.queries.session import Session, ledger


def closing(session: Session, day: date) -> pl.DataFrame:
    """MRR of each customer at the closing of `day`, in order of customer and currency, zeros left out. Raises NothingDerived.

    One row for each customer and currency: `day`, `customer`, `currency`, `account`, `net_micros`, `list_micros`, `at_risk_micros`,
    `scheduled_micros`, `usage_micros`, `subscriptions`, and the `plan`, `product` and `interval` of the largest part.
    """
    with ledger(session) as connection:
        return snapshots.month_end(connection, session.basis.version, day)


def month_ends(session: Session, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """The same for each month end in [first, until), from the first movement to today without bounds, in one reading transaction.

    At least one frame comes: that of the first day, where no month ends in the range.
    """
    version = session.basis.version
    with ledger(session) as connection:
        span = totals.span(connection, version)
        low = first or (span[0] if span else session.today)
        high = until or session.today + timedelta(days=1)
        written = False
        for window in months_between(low, high):
            day = window.until - timedelta(days=1)
            if low <= day < high:
                written = True
                yield snapshots.month_end(connection, version, day)
        if not written:
            yield snapshots.month_end(connection, version, low)
