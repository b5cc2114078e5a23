"""Gathering what a night's rules look at: stored figures, day totals, single movements, and the health of the data.

Everything is read from what is stored; nothing is decided here. `metrics.alerts.decide` judges it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.alerts import alerts as store
from integrations.store.facts import quarantine
from integrations.store.figures import snapshots
from integrations.store.ledger import bases as ledger_bases
from metrics.alerts.decide import Seen
from metrics.alerts.evaluate import REMEMBERED, Reading, Shelf, readings, system_reading
from metrics.alerts.inferred import InferredParts
from metrics.alerts.rules import DRIFT, FRESHNESS, IDENTITY, QUARANTINE, MovementRule, Rule, SystemRule, Watch
from metrics.alerts.states import Alert, SingleMovement
from metrics.alerts.usual import MOST
from metrics.exchange_rates import Exchange, rates_or_first
from metrics.ledger.basis import Basis
from metrics.retention.figures import Figures
from metrics.window_kinds import WINDOW_KINDS
from worker.figures import rollup
from worker.figures.adhoc import exchange_to
from worker.figures.inferred import inferred_days
from worker.figures.outside import METRIC as OUTSIDE_SHARE
from worker.figures.outside import beside
from worker.health import freshness

NAMED: Final = 12
"""Objects that are named in a message; the count is of all."""


def gather(
    connection: Connection,
    basis: Basis,
    watch: Watch,
    states: Mapping[tuple[str, str], Alert],
    through: date | None,
    reporting_currency: str | None = None,
) -> Seen:
    """What the rules see. `through` is the last day that is complete; None: only the health of the data is looked at.

    Amounts of rules on single movements are in the reporting currency, unless a rule names one.
    """
    health = _health(connection, basis, watch.system)
    looked = [system_reading(rule, *health[rule.name]) for rule in watch.system]
    if through is None:
        return Seen(looked)
    shelf = Shelf(figures_of(connection, basis, watch, through))
    rates = exchange_to(connection, reporting_currency, through)
    inferred = InferredParts(inferred_days(connection, basis.version, rates))
    found: list[Reading] = [reading for rule in watch.rules for reading in readings(rule, shelf, inferred)]
    movements, endings = movements_of(connection, basis, watch, states, through, reporting_currency)
    return Seen([*found, *looked], movements, endings)


def figures_of(
    connection: Connection, basis: Basis, watch: Watch, through: date, *, reach: timedelta = timedelta(0)
) -> Iterator[Figures]:
    """The figures that the rules read on the night after `through`; with `reach` also those that they read on so many nights before."""
    figures = _stored(connection, basis, watch, through - reach, through)
    return iter(beside(connection, figures)) if any(rule.metric == OUTSIDE_SHARE for rule in watch.rules) else figures


def _stored(connection: Connection, basis: Basis, watch: Watch, earliest: date, through: date) -> Iterator[Figures]:
    wanted = {(rule.window, dimension) for rule in watch.rules for dimension in {"", rule.dimension}}
    for kind, dimension in sorted(wanted):
        since = earliest - timedelta(days=_days_back(kind, watch.rules))
        if kind == "day":
            yield from _days(connection, basis, dimension, since, through)
        else:
            for row in store.figures_since(connection, basis.version, kind, dimension, since):
                yield Figures.from_row({**row, "policy": basis.policy.version})


def _days_back(kind: str, rules: Sequence[Rule]) -> int:
    """How far back the rules read windows of a kind: what is usual rests on more of them than a chart shows."""
    known = WINDOW_KINDS[kind]
    if known.months is None or not any(r.window == kind and r.change is not None and r.change.against == "usual" for r in rules):
        return known.days_back or 0
    return max(known.days_back or 0, 31 * (known.months * (MOST + REMEMBERED) + 12))


def _days(connection: Connection, basis: Basis, dimension: str, since: date, through: date) -> Iterator[Figures]:
    """What stood at the closing of each day, as figures of windows of one day."""
    until = through + timedelta(days=1)
    for row in snapshots.day_totals(connection, basis.version, first=since, until=until, dimension=dimension).iter_rows(named=True):
        day = row["day"]
        yield Figures(
            basis.policy.version,
            "day",
            day,
            day + timedelta(days=1),
            row["dimension"],
            row["segment"],
            row["currency"],
            opening=row["net_micros"],
            closing=row["net_micros"],
            opening_customers=row["customers"],
            closing_customers=row["customers"],
            retained_customers=row["customers"],
            companions={
                "list": row["list_micros"],
                "at_risk": row["at_risk_micros"],
                "scheduled": row["scheduled_micros"],
                "usage": row["usage_micros"],
            },
        )


# --- single movements ----------------------------------------------------------------------------------------------------------


def movements_of(
    connection: Connection,
    basis: Basis,
    watch: Watch,
    states: Mapping[tuple[str, str], Alert],
    through: date,
    reporting_currency: str | None,
    *,
    abroad: Exchange | None = None,
) -> tuple[dict[str, list[SingleMovement]], dict[tuple[str, str], str]]:
    """What each rule of movements sees, and how those that it saw before and doesn't any more have ended.

    `abroad` are rates that are read already, for whoever asks for many nights.
    """
    if not watch.movements:
        return {}, {}
    first = through - timedelta(days=watch.lookback_days - 1)
    rates = abroad or exchange_to(connection, reporting_currency, through + timedelta(days=1))
    worth = _worth(connection, basis, first, through, rates)
    found: dict[str, list[SingleMovement]] = {}
    endings: dict[tuple[str, str], str] = {}
    for rule in watch.movements:
        found[rule.name] = [
            _movement(each)
            for currency, (numerator, denominator) in worth.items()
            if rule.currency in (None, currency)
            for each in _large(connection, basis, rule, _least(rule, numerator, denominator), currency, first, through)
        ]
        here = {m.key for m in found[rule.name]}
        for key, alert in states.items():
            if key[0] == rule.name and key[1] not in here and alert.state == "firing":
                endings[key] = _ending(connection, basis, rule, alert, first, through)
    return found, endings


def _worth(
    connection: Connection, basis: Basis, first: date, through: date, exchange: Exchange | None
) -> dict[str, tuple[int, int]]:
    """What one unit of each currency that there is comes to in the reporting currency, as a ratio; 1 where there is no rate."""
    stands = snapshots.day_totals(connection, basis.version, first=through, until=through + timedelta(days=1))["currency"].to_list()
    currencies = sorted(
        {str(c) for c in stands if ":" not in str(c)}
        | set(store.flows(connection, basis.version, first, through + timedelta(days=1)))
    )
    if exchange is None or not currencies:
        return dict.fromkeys(currencies, (1, 1))
    asked = pl.DataFrame(
        {"currency": currencies, "day": [through] * len(currencies)}, schema={"currency": pl.String, "day": pl.Date}
    )
    rates = rates_or_first(exchange, asked).rows()
    return {c: (int(n), int(d)) if n and d else (1, 1) for c, (n, d) in zip(currencies, rates, strict=True)}


def _least(rule: MovementRule, numerator: int, denominator: int) -> int:
    """A rule's amount in a currency of which `numerator` ÷ `denominator` of the reporting currency is one."""
    return rule.above_micros if rule.currency is not None else rule.above_micros * denominator // numerator


def _large(
    connection: Connection, basis: Basis, rule: MovementRule, least_micros: int, currency: str, first: date, through: date
) -> list[store.Large]:
    if rule.kind == "scheduled":
        return store.large_scheduled(connection, basis.version, least_micros, through, currency)
    until = through + timedelta(days=1)
    return store.large_movements(connection, basis.version, rule.kind, least_micros, first, until, currency)


def _movement(found: store.Large) -> SingleMovement:
    return SingleMovement(
        found.kind, found.customer, found.day, found.currency, found.before_micros, found.after_micros, found.cause
    )


def _ending(connection: Connection, basis: Basis, rule: MovementRule, alert: Alert, first: date, through: date) -> str:
    """`undone` for a cancellation that was withdrawn or a movement that is no longer in the ledger, else `past`."""
    if rule.kind == "scheduled":
        customer, currency = str(alert.shown.get("customer", "")), str(alert.shown.get("currency", ""))
        stands = store.standing_micros(connection, basis.version, customer, currency, through)
        return "undone" if stands > 0 else "past"
    return "undone" if alert.fired_until is not None and first <= alert.fired_until <= through else "past"


# --- the health of the data -------------------------------------------------------------------------------------------------------


def _health(connection: Connection, basis: Basis, system: Sequence[SystemRule] = ()) -> dict[str, tuple[int | None, list[str]]]:
    """A value and details for each system rule; None for what was never looked at."""
    found = freshness.look(connection)
    age = None if found.sync_age_seconds is None else int(found.sync_age_seconds)
    future = freshness.from_the_future(found)
    if future:  # no age can be trusted, and a negative one least of all
        age = 1 + max([abs(age or 0), *(rule.limit for rule in system if rule.name == FRESHNESS)])
    drift = sum(found.drift.values()) if found.drift else None
    kept_out = (
        [f"{q.kind} {q.object_id}: {q.reason}" for q in quarantine.everything(connection, NAMED)] if found.quarantined else []
    )
    underived = [f"customer {name}: {why}" for name, why in ledger_bases.underived(connection, NAMED)]
    made = rollup.outcome(connection, basis)
    return {
        FRESHNESS: (age, future),
        DRIFT: (drift, [f"{account}: {number}" for account, number in sorted(found.drift.items()) if number]),
        QUARANTINE: (found.quarantined + found.underived, kept_out + underived),
        IDENTITY: (None, []) if made is None else (made.broken, list(made.breaks[:NAMED])),
    }
