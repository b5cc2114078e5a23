"""The exchange rates that are held."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from integrations.store.db.engine import read
from integrations.store.facts import rate_days
from metrics.day_rates import outdated as said_of
from metrics.day_rates import rates_of_day, worth
from metrics.money import BookCurrency
from worker.figures import rates_needed
from worker.queries.session import Session, currency_of

if TYPE_CHECKING:
    import polars as pl


def rates(session: Session) -> "pl.DataFrame":
    """Every rate in order of pair and day: one `unit` buys `rate` (an exact decimal as text) of `currency` on `day`."""
    from integrations.store.facts import exchange_rates

    with read(session.engine) as connection:
        return exchange_rates.of_source(connection)


def worth_in(session: Session, day: date, amounts: Sequence[tuple[str, int]]) -> tuple[str, list[int | None]] | None:
    """Amounts (currency, micros) in the reporting currency at the rates of a day, None for what has no rate; None without such a currency."""
    home = currency_of(session)
    if home is None:
        return None
    with read(session.engine) as connection:
        known = rates_of_day(((unit, code, rate) for _, unit, code, rate in rate_days.last(connection, day)), home)
    found = [worth(micros, known[currency]) if currency in known else None for currency, micros in amounts]
    return str(BookCurrency(home.lower(), whole_book=True)), found


def outdated(session: Session, day: date | None = None) -> str | None:
    """What to say where the rates that figures of the whole book need are old today, or were for the closing of `day`; None where they are of
    these days, or none is needed."""
    home = currency_of(session)
    if home is None:
        return None
    with read(session.engine) as connection:
        newest = rates_needed.newest_needed(connection, session.basis.version, home)
    if day is None or day >= session.today:
        return said_of(newest, session.today, home)
    return said_of(newest, day, home, since=f"before {day}")


def pairs(session: Session) -> "pl.DataFrame":
    """For each pair from when (`first`) to when (`last`) how many `rates` are held, and the latest `rate`, in order of unit and currency."""
    import polars as pl

    return (
        rates(session)
        .sort("day")
        .group_by("unit", "currency")
        .agg(first=pl.col("day").first(), last=pl.col("day").last(), rates=pl.len(), rate=pl.col("rate").last())
        .sort("unit", "currency")
    )
