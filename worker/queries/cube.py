"""The customer cube, and movements as the whole book counts them. Amounts are micros."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from integrations.store.ledger import read as read_ledger
from metrics.exchange_rates import Exchange
from metrics.money import BookCurrency
from metrics.periods import day_of
from metrics.retention import cube as cubes
from metrics.retention.cube import Cube
from metrics.retention.reporting_currency import exchanged
from worker.figures import adhoc
from worker.figures.derived import derived_until
from worker.queries.session import Session, ledger


def cube(session: Session, days: Sequence[date], *, currency: str) -> Cube:
    """MRR of every customer at the closings of `days` (ascending): of what is billed in `currency`, or, for `all:usd`, of the whole book in USD.

    Read some customers at a time, in one transaction. Raises NothingDerived.
    """
    meant = BookCurrency.of(currency)
    with ledger(session) as connection:
        until = day_of(derived_until(connection, session.basis), session.basis.timezone)
        abroad = adhoc.exchange_to(connection, meant.code if meant.whole_book else None, until)
        books = adhoc.shards(connection, session.basis.version, [cubes.COUNTRY])
        parts = [cubes.part_of(book, days, currency=None if meant.whole_book else meant.code, exchange=abroad) for book in books]
    return cubes.cube(parts, days)


def book_movements(session: Session, first: date, until: date, *, currency: str) -> pl.DataFrame:
    """Movements of the days [first, until) as `movements` has them, with `book_micros` and `book_kind`: what they are in the figures of `currency`.

    Of one currency those that are billed in it; for `all:usd` all of them, at their own day's rate. Raises NothingDerived.
    """
    meant = BookCurrency.of(currency)
    with ledger(session) as connection:
        found = read_ledger.movements(connection, session.basis.version, first, until)
        abroad: Exchange | None = adhoc.exchange_to(connection, meant.code if meant.whole_book else None, until)
    if abroad is None:
        return found.filter(pl.col("currency") == meant.code).with_columns(book_micros="delta_micros", book_kind="kind")
    priced = exchanged(found, abroad)
    return found.hstack(priced.select(book_micros="delta_micros", book_kind="kind"))
