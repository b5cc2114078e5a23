"""Exchange rates as they were given: exact decimals, each with its source."""

from datetime import date, datetime

import polars as pl
from sqlalchemy import Connection, func, select

from integrations.store.db.columns import require_zone
from integrations.store.db.engine import insert_into
from integrations.store.db.frames import read_frame
from integrations.store.facts.schema import rate as table
from metrics.exchange_rates import QUOTES


def put(connection: Connection, quotes: pl.DataFrame, source: str, learnt_at: datetime) -> int:
    """Keep rates (a frame of `metrics.exchange_rates.QUOTES`); one given before is replaced. Gives how many are new or different."""
    require_zone(learnt_at)
    rows = quotes.select(list(QUOTES)).unique(["unit", "currency", "day"], keep="last").sort("unit", "currency", "day").to_dicts()
    if not rows:
        return 0
    known = {(r["unit"], r["currency"], r["day"]): r["rate"] for r in of_source(connection).to_dicts()}
    fresh = [
        r | {"source": source, "learnt_at": learnt_at} for r in rows if known.get((r["unit"], r["currency"], r["day"])) != r["rate"]
    ]
    statement = insert_into(connection, table)
    new = statement.excluded
    replaced = {"rate": new.rate, "source": new.source, "learnt_at": new.learnt_at}
    upsert = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=replaced)
    if fresh:
        connection.execute(upsert, fresh)
    return len(fresh)


def of_source(connection: Connection, source: str | None = None) -> pl.DataFrame:
    """All rates, or those of one source, as `metrics.exchange_rates.QUOTES` in order of currency and day."""
    query = select(*(table.c[name] for name in QUOTES)).order_by(table.c.unit, table.c.currency, table.c.day)
    return read_frame(connection, query if source is None else query.where(table.c.source == source), QUOTES)


def latest(connection: Connection, source: str) -> date | None:
    """The last day that a source gave a rate for."""
    found: date | None = connection.execute(select(func.max(table.c.day)).where(table.c.source == source)).scalar_one()
    return found
