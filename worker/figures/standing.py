"""What the book stands at at the closing of a day, in each currency and in the reporting currency.

The database adds up, and what is paid in other currencies is valued amount by amount in whole numbers: a few rows, without frames, since
somebody waits for the answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, Engine

from integrations.store.db.engine import read
from integrations.store.facts import rate_days
from integrations.store.ledger import totals
from integrations.store.ledger.totals import AMOUNTS
from metrics.day_rates import Ratio, rates_of_day, worth
from metrics.ledger.basis import Basis
from metrics.money import BookCurrency
from metrics.periods import closing
from worker.figures.derived import complete_until


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
        incomplete = closing(day, basis.timezone) > complete_until(connection, basis)
        sums = totals.sums_at(connection, basis.version, day)
        by_currency = tuple(Standing(currency, **amounts) for currency, amounts in sums.items())
        if reporting_currency is None:
            return DayStanding(day, by_currency, None, incomplete=incomplete)
        rates = rates_of_day(((unit, code, rate) for _, unit, code, rate in rate_days.last(connection, day)), reporting_currency)
        rated = [each for each in by_currency if each.currency in rates]
        together = _together(connection, basis, day, rated, rates, str(BookCurrency(reporting_currency.lower(), whole_book=True)))
    apart = tuple(each for each in by_currency if each.currency not in rates)
    findings = tuple(missing_rate(each.currency, reporting_currency.lower(), day) for each in apart)
    return DayStanding(day, by_currency, together, apart, incomplete, findings)


def _together(
    connection: Connection, basis: Basis, day: date, rated: Sequence[Standing], rates: dict[str, Ratio], label: str
) -> Standing:
    """The standings of several currencies in one: each customer's amounts are valued and rounded, then added up."""
    sums = dict.fromkeys(AMOUNTS, 0)
    customers = 0
    for each in rated:
        if rates[each.currency] == (1, 1):  # the reporting currency itself
            customers += each.customers
            _add(sums, (getattr(each, name) for name in AMOUNTS))
            continue
        for count, amounts in totals.amounts_at(connection, basis.version, day, each.currency):
            valued = [worth(micros, rates[each.currency]) for micros in amounts]
            customers += count if valued[0] > 0 else 0
            _add(sums, (count * micros for micros in valued))
    if len(rated) > 1:  # who pays in several currencies is one customer
        for nets in totals.in_several_currencies(connection, basis.version, day).values():
            alive = sum(worth(net, rates[currency]) > 0 for currency, net in nets.items() if currency in rates)
            customers -= max(0, alive - 1)
    return Standing(label, customers, **sums, subscriptions=sum(each.subscriptions for each in rated))


def _add(sums: dict[str, int], amounts: Iterable[int]) -> None:
    for name, micros in zip(AMOUNTS, amounts, strict=True):
        sums[name] += micros


def missing_rate(currency: str, reporting: str, day: date) -> str:
    """The finding that a currency has no rate, as a sentence with what to do about it."""
    return (
        f"there is no exchange rate of {currency.upper()} to {reporting.upper()} on or before {day}: what is paid in it is shown "
        f"apart and is in no figure in {reporting.upper()}. Give a rate: nrr rates load FILE.csv"
    )
