"""The exchange rates that are held."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from integrations.store.db.engine import read
from integrations.store.facts import exchange_rates
from metrics.exchange_rates import outdated as said_of
from metrics.exchange_rates import rates_on, worth
from worker.figures import adhoc
from worker.figures import exchange_rates as figures_rates
from worker.queries.session import Session, currency_of


def rates(session: Session) -> pl.DataFrame:
    """Every rate in order of pair and day: one `unit` buys `rate` (an exact decimal as text) of `currency` on `day`."""
    with read(session.engine) as connection:
        return exchange_rates.of_source(connection)


def worth_in(session: Session, day: date, amounts: Sequence[tuple[str, int]]) -> tuple[str, list[int | None]] | None:
    """Amounts (currency, micros) in the reporting currency at the rates of a day, None for what has no rate; None without such a currency."""
    home = currency_of(session)
    if home is None:
        return None
    with read(session.engine) as connection:
        abroad = adhoc.exchange_to(connection, home, day)
    assert abroad is not None, "there is a reporting currency"
    asked = pl.DataFrame(list(amounts), schema={"currency": pl.String, "micros": pl.Int64}, orient="row").with_columns(
        day=pl.lit(day)
    )
    priced = asked.hstack(rates_on(abroad, asked.select("currency", "day")))
    found = priced.select(worth(pl.col("micros"), pl.col("numerator"), pl.col("denominator")).alias("worth"))["worth"].to_list()
    return abroad.label, found


def outdated(session: Session, day: date | None = None) -> str | None:
    """What to say where the rates that figures of the whole book need are old today, or were for the closing of `day`; None where they are of
    these days, or none is needed."""
    home = currency_of(session)
    if home is None:
        return None
    with read(session.engine) as connection:
        newest = figures_rates.newest_needed(connection, session.basis.version, home)
    if day is None or day >= session.today:
        return said_of(newest, session.today, home)
    return said_of(newest, day, home, since=f"before {day}")


def pairs(session: Session) -> pl.DataFrame:
    """For each pair from when (`first`) to when (`last`) how many `rates` are held, and the latest `rate`, in order of unit and currency."""
    return (
        rates(session)
        .sort("day")
        .group_by("unit", "currency")
        .agg(first=pl.col("day").first(), last=pl.col("day").last(), rates=pl.len(), rate=pl.col("rate").last())
        .sort("unit", "currency")
    )
