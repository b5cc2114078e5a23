"""Figures that nobody has stored: any window, segment and day, straight from the ledger in the database.

Reads a shard of the customers at a time, so memory doesn't grow with the book; everything is read in one transaction, so that it is of
one moment. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.store.db.engine import read
from integrations.store.facts import exchange_rates
from integrations.store.ledger import read as read_ledger
from metrics.exchange_rates import Exchange, exchange, rates_on, worth
from metrics.ledger.basis import Basis
from metrics.periods import Window, closing, day_of
from metrics.retention import aggregate, segments
from metrics.retention.figures import Figures
from metrics.retention.spans import Book
from worker.figures.derived import complete_until, derived_until

STANDINGS_A_SHARD: Final = 50_000
"""So many rows of standings are worked on at once: some hundred windows of them take about half a gibibyte."""
_AMOUNTS: Final = ("net_micros", "list_micros", "at_risk_micros", "scheduled_micros", "usage_micros", "subscriptions")


def figures_now(
    engine: Engine,
    basis: Basis,
    windows: Sequence[Window],
    dimensions: Sequence[str] = (),
    *,
    reporting_currency: str | None = None,
    bands: segments.Bands = segments.BANDS,
    gaps: Sequence[tuple[date, date]] = (),
) -> list[Figures]:
    """The figures of `windows` as a whole and by each of `dimensions` (`plan,country` is one), in order of window, dimension, segment.

    With `reporting_currency` those of the whole book in it too (`currency` is then `all:CODE`). Raises NothingDerived.
    """
    if not windows:
        return []
    with read(engine) as connection:
        moment = complete_until(connection, basis)
        abroad = exchange_to(connection, reporting_currency, day_of(derived_until(connection, basis), basis.timezone))
        parts = [
            aggregate.partials(some, windows, dimensions=dimensions, exchange=abroad, bands=bands, timezone=basis.timezone)
            for some in shards(connection, basis.version, segments.attribute_keys(dimensions))
        ]
    added = aggregate.combine(parts)
    return list(aggregate.finish(added, basis.policy, complete_until=moment, timezone=basis.timezone, gaps=gaps))


def members_behind(
    connection: Connection, basis: Basis, window: Window, currency: str, *, reporting_currency: str | None = None
) -> dict[str, tuple[int, int]]:
    """How many of the opening cohort make a window's expansion, and how many its losses, each with their sum in micros: `gained`, `lost`.

    By end points, as the window's figures are; in memory a shard of the customers at a time. Raises NothingDerived.
    """
    abroad = exchange_to(connection, reporting_currency, day_of(derived_until(connection, basis), basis.timezone))
    found = {"gained": (0, 0), "lost": (0, 0)}
    mine = (pl.col("dimension") == segments.PER_CUSTOMER) & (pl.col("currency") == currency)
    amounts = {"gained": pl.col("expansion"), "lost": pl.col("contraction") + pl.col("churn")}
    for some in shards(connection, basis.version, segments.attribute_keys([segments.PER_CUSTOMER])):
        made = aggregate.partials(some, [window], dimensions=[segments.PER_CUSTOMER], exchange=abroad, timezone=basis.timezone)
        sums = made.sums.filter(mine)
        for name, amount in amounts.items():
            moved = sums.select(amount.alias("amount"))["amount"]
            count, micros = found[name]
            found[name] = (count + int((moved > 0).sum()), micros + int(moved.sum() or 0))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """What the book stood at in one currency at a day's closing, in micros. `committed` is the net less what is scheduled to end."""

    currency: str
    customers: int
    net_micros: int
    list_micros: int
    at_risk_micros: int
    scheduled_micros: int
    usage_micros: int
    subscriptions: int

    @property
    def committed_micros(self) -> int:
        """MRR less scheduled churn."""
        return self.net_micros - self.scheduled_micros


@dataclass(frozen=True, slots=True)
class DayStanding:
    """The book at the closing of a day: in each currency, and in the reporting currency if one was asked for.

    `apart` is what has no exchange rate yet on that day and is not in `together`. `incomplete`: the data doesn't reach the closing.
    """

    day: date
    by_currency: tuple[Standing, ...]
    together: Standing | None
    apart: tuple[Standing, ...] = ()
    incomplete: bool = False
    findings: tuple[str, ...] = field(default=())


def mrr_at(engine: Engine, basis: Basis, day: date, *, reporting_currency: str | None = None) -> DayStanding:
    """What the book stands at at the closing of `day`. Raises NothingDerived."""
    with read(engine) as connection:
        moment = complete_until(connection, basis)
        abroad = exchange_to(connection, reporting_currency, day)
        found = read_ledger.as_of(connection, basis.version, day)
    by_currency = tuple(_standings(found))
    incomplete = closing(day, basis.timezone) > moment
    if abroad is None:
        return DayStanding(day, by_currency, None, incomplete=incomplete)
    priced = _priced(found, abroad, day)
    without = {currency for (currency,) in priced.filter(pl.col("numerator").is_null()).select("currency").unique().iter_rows()}
    money = [name for name in _AMOUNTS if name != "subscriptions"]
    rated = priced.filter(pl.col("numerator").is_not_null()).with_columns(
        *(worth(pl.col(name), pl.col("numerator"), pl.col("denominator")).alias(name) for name in money),
        currency=pl.lit(abroad.label),
    )
    together = next(_standings(rated), Standing(abroad.label, 0, *[0] * len(_AMOUNTS)))
    return DayStanding(
        day,
        by_currency,
        together,
        tuple(each for each in by_currency if each.currency in without),
        incomplete,
        tuple(missing_rate(currency, abroad.reporting, day) for currency in sorted(without)),
    )


def net_of_customers(
    engine: Engine, basis: Basis, day: date, *, reporting_currency: str | None = None
) -> tuple[dict[str, int], str | None]:
    """Each customer's net MRR at the closing of `day` in micros, and its currency: the reporting one, else the only one that there is.

    Nothing and None where there are several currencies and none to report in; what has no rate is left out. Raises NothingDerived.
    """
    with read(engine) as connection:
        derived_until(connection, basis)
        abroad = exchange_to(connection, reporting_currency, day)
        found = read_ledger.as_of(connection, basis.version, day)
    if abroad is None:
        codes = found["currency"].unique().to_list()
        if len(codes) != 1:
            return {}, None
        return dict(found.select("customer", "net_micros").iter_rows()), str(codes[0])
    rated = _priced(found, abroad, day).filter(pl.col("numerator").is_not_null())
    net = worth(pl.col("net_micros"), pl.col("numerator"), pl.col("denominator"))
    return dict(rated.group_by("customer").agg(net.sum()).iter_rows()), abroad.label


def _priced(found: pl.DataFrame, abroad: Exchange, day: date) -> pl.DataFrame:
    """Standings with the rates of a day beside them, null where there is none."""
    dated = found.with_columns(pl.lit(day).alias("day"))
    return dated.hstack(rates_on(abroad, dated.select("currency", "day")))


def missing_rate(currency: str, reporting: str, day: date) -> str:
    """The finding that a currency has no rate, as a sentence with what to do about it."""
    return (
        f"there is no exchange rate of {currency.upper()} to {reporting.upper()} on or before {day}: what is paid in it is shown "
        f"apart and is in no figure in {reporting.upper()}. Give a rate: nrr rates load FILE.csv"
    )


def _standings(found: pl.DataFrame) -> Iterator[Standing]:
    live = pl.col("customer").filter(pl.col("net_micros") > 0)
    summed = found.group_by("currency").agg(customers=live.n_unique(), **{name: pl.col(name).sum() for name in _AMOUNTS})
    for row in summed.sort("currency").iter_rows(named=True):
        yield Standing(**row)


# --- shared with the stored figures ------------------------------------------------------------------------------------------


def exchange_to(connection: Connection, reporting_currency: str | None, until: date) -> Exchange | None:
    """The stored rates of the days up to `until` to the reporting currency; None when there is no such currency.

    A window that reaches further is valued at the last of them: what a rate will be is not known, whoever pretends that it is then.
    """
    return None if reporting_currency is None else exchange(quotes_until(connection, until), reporting_currency)


def quotes_until(connection: Connection, until: date) -> pl.DataFrame:
    """The stored rates of the days up to `until`, that day's too."""
    return exchange_rates.of_source(connection).filter(pl.col("day") <= until)


def shard_count(connection: Connection, basis: str) -> int:
    """How many shards the customers of a basis are worked on in."""
    return max(1, -(-read_ledger.standings_held(connection, basis) // STANDINGS_A_SHARD))


def shards(connection: Connection, basis: str, keys: Sequence[str], *, abroad_from: str | None = None) -> Iterator[Book]:
    """The whole ledger of a basis, or of those who have anything in another currency than `abroad_from`, some customers at a time."""
    count = shard_count(connection, basis)
    for index in range(count):
        yield read_ledger.book(connection, basis, shard=(index, count), keys=keys, abroad_from=abroad_from)
