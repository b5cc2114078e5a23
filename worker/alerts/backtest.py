"""When the rules would have rung in the past: the stored figures and the ledger, replayed night by night through the real evaluation.

Reads alone. Rules on the health of the data aren't replayed: how old the data was on a night of long ago is not kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Engine

from integrations.store.db.engine import read
from metrics.alerts.inferred import InferredParts
from metrics.alerts.replay import Ring, SeenMovements, Suggestion, replay, suggest
from metrics.alerts.rules import Watch
from metrics.alerts.states import Alert
from metrics.ledger.basis import Basis
from metrics.periods import add_months, day_of
from worker.alerts.gather import figures_of, movements_of
from worker.figures.adhoc import exchange_to
from worker.figures.derived import complete_until
from worker.figures.inferred import inferred_days

YEAR_NIGHTS: Final = 365


@dataclass(frozen=True, slots=True)
class Backtest:
    """Every alarm and note of the nights [first, last], in order; `suggested` where limits were asked for."""

    first: date
    last: date
    rings: tuple[Ring, ...]
    suggested: tuple[Suggestion, ...] = ()

    @property
    def years(self) -> float:
        """How many years of nights there are."""
        return ((self.last - self.first).days + 1) / YEAR_NIGHTS


def backtest(
    engine: Engine,
    basis: Basis,
    watch: Watch,
    months: int,
    *,
    reporting_currency: str | None = None,
    budget: float | None = None,
) -> Backtest:
    """Replay the rules of `watch` over the nights of the last `months` months, as far as there are figures.

    With `budget` (false alarms a year that are allowed) limits that keep it are looked for. Raises NothingDerived.
    """
    with read(engine) as connection:
        through = day_of(complete_until(connection, basis), basis.timezone) - timedelta(days=1)
        last = through + timedelta(days=1)
        # The night of the same day of the month, or the last of a shorter one.
        begin = add_months(last, -months) + timedelta(days=last.day - 1)
        figures = list(figures_of(connection, basis, watch, through, reach=last - begin))
        known = [f.until for f in figures if f.dimension == ""]
        first = max(begin, min(known)) if known else begin
        nights = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        grace = basis.policy.grace_days
        abroad = exchange_to(connection, reporting_currency, last)
        inferred = InferredParts(inferred_days(connection, basis.version, abroad))

        def looks(states: Mapping[tuple[str, str], Alert], night: date) -> SeenMovements:
            return movements_of(connection, basis, watch, states, night - timedelta(days=1), reporting_currency, abroad=abroad)

        rings = replay(watch, figures, nights, grace_days=grace, looks=looks, inferred=inferred)
        suggested = (
            []
            if budget is None
            else [
                suggest(watch, rule, figures, nights, int(budget * len(nights) / YEAR_NIGHTS), grace_days=grace, inferred=inferred)
                for rule in watch.rules
            ]
        )
    return Backtest(first, last, tuple(rings), tuple(suggested))


def only(watch: Watch, name: str | None) -> Watch:
    """The watch with nothing but the rule of this name; all that can be replayed without one."""
    if name is None:
        return replace(watch, system=())
    return replace(
        watch,
        rules=tuple(rule for rule in watch.rules if rule.name == name),
        movements=tuple(rule for rule in watch.movements if rule.name == name),
        system=(),
    )
