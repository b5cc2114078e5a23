"""Figures that nobody has stored: any window and segment, straight from the ledger in the database (a day's MRR: `worker.figures.standing`).

Reads a shard of the customers at a time, so memory doesn't grow with the book; everything is read in one transaction, so that it is of
one moment. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.store.db.engine import read
from integrations.store.facts import exchange_rates
from integrations.store.ledger import read as read_ledger
from integrations.store.ledger import totals
from metrics.dimensions import PER_CUSTOMER
from metrics.exchange_rates import Exchange, exchange, rates_on, worth
from metrics.ledger.basis import Basis
from metrics.periods import Window, day_of
from metrics.retention import aggregate, segments
from metrics.retention.figures import Figures
from metrics.retention.spans import Book
from worker.figures.derived import complete_until, derived_until

STANDINGS_A_SHARD: Final = 50_000
"""So many rows of standings are worked on at once at most: some hundred windows of them take about half a gibibyte."""
WORTH_HALVING: Final = 15_000
"""More than so many are worked on in two halves, side by side: that takes less time, and no more memory."""


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
    mine = (pl.col("dimension") == PER_CUSTOMER) & (pl.col("currency") == currency)
    amounts = {"gained": pl.col("expansion"), "lost": pl.col("contraction") + pl.col("churn")}
    for some in shards(connection, basis.version, segments.attribute_keys([PER_CUSTOMER])):
        made = aggregate.partials(some, [window], dimensions=[PER_CUSTOMER], exchange=abroad, timezone=basis.timezone)
        sums = made.sums.filter(mine)
        for name, amount in amounts.items():
            moved = sums.select(amount.alias("amount"))["amount"]
            count, micros = found[name]
            found[name] = (count + int((moved > 0).sum()), micros + int(moved.sum() or 0))
    return found


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
    held = totals.standings_held(connection, basis)
    return max(-(-held // STANDINGS_A_SHARD), 2 if held > WORTH_HALVING else 1)


def shards(connection: Connection, basis: str, keys: Sequence[str], *, abroad_from: str | None = None) -> Iterator[Book]:
    """The whole ledger of a basis, or of those who have anything in another currency than `abroad_from`, some customers at a time."""
    count = shard_count(connection, basis)
    for index in range(count):
        yield read_ledger.book(connection, basis, shard=(index, count), keys=keys, abroad_from=abroad_from)
