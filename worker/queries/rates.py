"""The exchange rates that are held."""

import polars as pl

from integrations.store.db.engine import read
from integrations.store.facts import exchange_rates
from metrics.exchange_rates import outdated as said_of
from worker.figures import exchange_rates as figures_rates
from worker.queries.session import Session, currency_of


def rates(session: Session) -> pl.DataFrame:
    """Every rate in order of pair and day: one `unit` buys `rate` (an exact decimal as text) of `currency` on `day`."""
    with read(session.engine) as connection:
        return exchange_rates.of_source(connection)


def outdated(session: Session) -> str | None:
    """What to say where the rates that figures of the whole book need are old; None where they are of these days, or none is needed."""
    home = currency_of(session)
    if home is None:
        return None
    with read(session.engine) as connection:
        newest = figures_rates.newest_needed(connection, session.basis.version, home)
    return said_of(newest, session.today, home)


def pairs(session: Session) -> pl.DataFrame:
    """For each pair from when (`first`) to when (`last`) how many `rates` are held, and the latest `rate`, in order of unit and currency."""
    return (
        rates(session)
        .sort("day")
        .group_by("unit", "currency")
        .agg(first=pl.col("day").first(), last=pl.col("day").last(), rates=pl.len(), rate=pl.col("rate").last())
        .sort("unit", "currency")
    )
