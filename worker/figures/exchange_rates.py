"""Bringing the stored exchange rates up to date with where they come from, as far as the ledger needs them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.rates.files import load
from integrations.rates.quotes import ECB, needed
from integrations.store.db.clock import now
from integrations.store.db.engine import begin
from integrations.store.facts import exchange_rates
from integrations.store.ledger import read as read_ledger
from integrations.store.work import audit_log
from worker.execution.operator import system_user

BEFORE_DAYS: Final = 40
"""Rates are kept from so many days before anything moved: the first opening needs one of a day before it."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a look at the source came to: rates that are new or different, and the last day that it knows."""

    changed: int
    through: date | None


def refresh(connection: Connection, basis: str, source: str, reporting_currency: str, learnt_at: datetime) -> Refreshed:
    """Store what `source` (ecb, or a file) says of the ledger's currencies. Raises BadRates; nothing is stored then.

    Where nothing is paid in another currency, nothing is looked up.
    """
    if not is_needed(connection, basis, reporting_currency):
        return Refreshed(0, None)
    return keep(connection, basis, load(source), source, reporting_currency, learnt_at)


def is_needed(connection: Connection, basis: str, reporting_currency: str) -> bool:
    """Whether anything is paid in another currency than the one that is reported in."""
    used = read_ledger.currencies(connection, basis)
    return not set(used) <= {reporting_currency.lower()} and read_ledger.span(connection, basis) is not None


def keep(
    connection: Connection, basis: str, given: pl.DataFrame, source: str, reporting_currency: str, learnt_at: datetime
) -> Refreshed:
    """Store of the rates given what the ledger's currencies need, since before anything moved."""
    used = frozenset(read_ledger.currencies(connection, basis))
    moved = read_ledger.span(connection, basis)
    if moved is None:
        return Refreshed(0, None)
    quotes = needed(given, used | {reporting_currency.lower()})
    since = moved[0] - timedelta(days=BEFORE_DAYS)
    kept = quotes.filter(pl.col("day") >= since)
    through: date | None = kept["day"].max()  # type: ignore[assignment]  # of a column of days
    return Refreshed(exchange_rates.put(connection, kept, source_name(source), learnt_at), through)


def newest_needed(connection: Connection, basis: str, reporting_currency: str) -> date | None:
    """The last day of which a rate of every currency of the ledger is held, in the one pair that it has; None where none is needed or held."""
    if not is_needed(connection, basis, reporting_currency):
        return None
    held = exchange_rates.of_source(connection)
    used = [code for code in {*read_ledger.currencies(connection, basis), reporting_currency.lower()} if code]
    last = [
        held.filter((pl.col("unit") == code) | (pl.col("currency") == code))["day"].max()
        for code in used
        if held.filter((pl.col("unit") == code) | (pl.col("currency") == code)).height
    ]
    return min(last) if last else None  # type: ignore[type-var, return-value]  # days, where there are rows


def load_file(engine: Engine, file: str) -> tuple[int, int]:
    """Store the rates of a file of one's own, one of the same day and pair in the place of what was held.

    Gives how many there are in the file, and how many of them are new or different. Raises BadRates; nothing is stored then.
    """
    quotes = load(file)
    with begin(engine) as connection:
        changed = exchange_rates.put(connection, quotes, source_name(file), now(connection))
        audit_log.write(connection, system_user(), "rates load", source_name(file), rates=len(quotes), changed=changed)
        return len(quotes), changed


def source_name(source: str) -> str:
    """What rates of a source are kept under: `ecb`, or the file's name."""
    return source if source == ECB else Path(source).name
