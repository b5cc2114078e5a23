"""Which exchange rates the ledger needs, and how new those are that are held."""

from datetime import date

from sqlalchemy import Connection

from integrations.store.facts import rate_days
from integrations.store.ledger import totals


def is_needed(connection: Connection, basis: str, reporting_currency: str) -> bool:
    """Whether anything is paid in another currency than the one that is reported in."""
    used = totals.currencies(connection, basis)
    return not set(used) <= {reporting_currency.lower()} and totals.span(connection, basis) is not None


def newest_needed(connection: Connection, basis: str, reporting_currency: str) -> date | None:
    """The last day of which a rate of every currency of the ledger is held, in the one pair that it has; None where none is needed or held."""
    if not is_needed(connection, basis, reporting_currency):
        return None
    used = {*totals.currencies(connection, basis), reporting_currency.lower()}
    newest: dict[str, date] = {}
    for day, unit, currency, _ in rate_days.last(connection):
        for code in used & {unit, currency}:
            newest[code] = max(day, newest.get(code, day))
    return min(newest.values(), default=None)
