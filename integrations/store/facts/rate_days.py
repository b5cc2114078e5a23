"""The last exchange rates on or before a day, as rows: for whoever values a few amounts. All of them, as a frame: `exchange_rates`."""

from datetime import date

from sqlalchemy import Connection, and_, func, select

from integrations.store.facts.schema import rate as table

Quote = tuple[date, str, str, str]
"""day, unit, currency, rate: on that day one unit bought so much of the currency, an exact decimal as text."""


def last(connection: Connection, until: date | None = None) -> list[Quote]:
    """The last quote of each pair on or before `until` (the last of all, without it), in order of day, unit and currency."""
    pairs = select(table.c.unit, table.c.currency, func.max(table.c.day).label("day")).group_by(table.c.unit, table.c.currency)
    newest = (pairs if until is None else pairs.where(table.c.day <= until)).subquery()
    same = and_(*(newest.c[name] == table.c[name] for name in ("unit", "currency", "day")))
    query = select(table.c.day, table.c.unit, table.c.currency, table.c.rate).join(newest, same)
    return [
        (day, unit, code, rate) for day, unit, code, rate in connection.execute(query.order_by(*list(query.selected_columns)[:3]))
    ]
