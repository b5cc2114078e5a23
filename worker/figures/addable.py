"""Before anything is added up: customers that are too large to be added to the others are left out, and named.

One absurd customer is bounded when it is derived. Many, or one whose worth is multiplied by an exchange rate, could still bring a sum out of
its 64 bits, which would come out as another number for everybody. What decides is the ledger alone, so that each roll-up decides the same.
"""

from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.facts import exchange_rates
from integrations.store.ledger import previous, weights
from integrations.store.ledger import write as write_ledger
from integrations.store.work import key_value
from metrics.exchange_rates import exchange
from metrics.ledger.together import MOST_TOGETHER, left_out, too_heavy
from worker.execution.log import logger

log = logger(__name__)

_LIGHT: Final = 2.0**58
"""Micros that all who are not looked at one by one may come to together."""


def leave_out(connection: Connection, basis: str, reporting: str | None, *, whole: bool) -> list[str]:
    """Leave the customers out that can't be added to the others, and say so. Gives who they are.

    `whole`: every customer was derived; else the bound that was found before is widened by those that were derived since.
    """
    rates = _rates(connection, reporting)
    if _fits(connection, basis, max([1.0, *rates.values()]), whole=whole):
        return []
    everybody = weights.bound(connection, basis)
    least = int(_LIGHT / max(everybody.rows, 1) / max([1.0, *rates.values()]))
    names = too_heavy(weights.above(connection, basis, least), rates)
    if names:
        ledgers = [left_out(weights.account_of(connection, basis, name), name) for name in names]
        write_ledger.replace_customers(connection, basis, names, ledgers)
        log.error("cannot_add_up", basis=basis, customers=len(names), first=names[:10])
        everybody = weights.bound(connection, basis)
    _remember(connection, basis, everybody)
    return names


def _fits(connection: Connection, basis: str, rate: float, *, whole: bool) -> bool:
    """Whether the largest amount for every row there is would still be no more than can be added up."""
    held = None if whole else key_value.get(connection, _name(basis))
    changed = None if held is None else sorted(previous.marks(connection, basis).times)
    found = weights.bound(connection, basis, changed)
    if held is not None:
        found = weights.Bound(found.rows + int(held["rows"]), max(found.most, int(held["most"])))
    if found.rows * found.most * rate > MOST_TOGETHER:
        return False
    _remember(connection, basis, found)
    return True


def _remember(connection: Connection, basis: str, found: weights.Bound) -> None:
    key_value.put(connection, _name(basis), {"rows": found.rows, "most": found.most})


def _name(basis: str) -> str:
    return f"addable:{basis}"


def _rates(connection: Connection, reporting: str | None) -> dict[str, float]:
    """The highest rate of each currency into the reporting one that is stored, its own among them; none without such a currency."""
    if reporting is None:
        return {}
    known = exchange(exchange_rates.of_source(connection), reporting).rates
    ratio = pl.col("numerator").cast(pl.Float64) / pl.col("denominator").cast(pl.Float64)
    highest = known.group_by("currency").agg(rate=ratio.max())
    return {reporting.lower(): 1.0, **{str(currency): float(rate) for currency, rate in highest.iter_rows()}}
