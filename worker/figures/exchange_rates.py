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
from integrations.store.ledger import totals
from integrations.store.work import audit_log
from worker.execution.operator import system_user
from worker.figures.rates_needed import is_needed

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


def keep(
    connection: Connection, basis: str, given: pl.DataFrame, source: str, reporting_currency: str, learnt_at: datetime
) -> Refreshed:
    """Store of the rates given what the ledger's currencies need, since before anything moved."""
    used = frozenset(totals.currencies(connection, basis))
    moved = totals.span(connection, basis)
    if moved is None:
        return Refreshed(0, None)
    quotes = needed(given, used | {reporting_currency.lower()})
    since = moved[0] - timedelta(days=BEFORE_DAYS)
    kept = quotes.filter(pl.col("day") >= since)
    through: date | None = kept["day"].max()  # type: ignore[assignment]  # of a column of days
    return Refreshed(exchange_rates.put(connection, kept, source_name(source), learnt_at), through)


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
