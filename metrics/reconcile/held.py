"""What a customer (or a book) held at the closing of any day, by currency, as steps: small enough to keep one for each way of reckoning."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from metrics.entries import CustomerLedger
from metrics.periods import day_of


class Held:
    """Amounts by currency that hold from the closing of a day on, added up over any number of ledgers, on top of `below` if there is one."""

    def __init__(self, below: "Held | None" = None) -> None:
        self._below = below
        self._moved: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        self._steps: dict[str, tuple[list[date], list[int]]] = {}

    def add(self, currency: str, day: date, micros: int) -> None:
        """From the closing of `day` on so much more."""
        self._moved[currency][day] += micros
        self._steps.pop(currency, None)

    def add_standings(self, ledger: CustomerLedger, sign: int = 1) -> None:
        """So much more (or less) as a customer stands at by its ledger."""
        before: dict[str, int] = {}
        for s in ledger.standings:
            self.add(s.currency, s.day, sign * (s.net_micros - before.get(s.currency, 0)))
            before[s.currency] = s.net_micros

    @property
    def currencies(self) -> tuple[str, ...]:
        """Those in which anything was ever held."""
        return tuple(sorted({*self._moved, *(self._below.currencies if self._below else ())}))

    def at(self, currency: str, day: date) -> int:
        """What is held at the closing of `day`."""
        days, micros = self._of(currency)
        index = bisect_right(days, day)
        return micros[index - 1] if index else 0

    def days(self, currency: str) -> list[date]:
        """The days from whose closings on something else is held."""
        return self._of(currency)[0]

    def between(self, currency: str, first: date, until: date) -> Iterator[int]:
        """Every amount that is held at a closing of the days [first, until)."""
        yield self.at(currency, first)
        days, micros = self._of(currency)
        for index in range(bisect_right(days, first), len(days)):
            if days[index] >= until:
                return
            yield micros[index]

    def _of(self, currency: str) -> tuple[list[date], list[int]]:
        found = self._steps.get(currency)
        if found is None:
            days: list[date] = []
            micros: list[int] = []
            total = 0
            moved = dict(self._moved.get(currency, {}))
            if self._below is not None:
                before = 0
                for day, held in zip(*self._below._of(currency), strict=True):
                    moved[day] = moved.get(day, 0) + held - before
                    before = held
            for day in sorted(moved):
                total += moved[day]
                days.append(day)
                micros.append(total)
            found = self._steps[currency] = days, micros
        return found


def excluded(ledger: CustomerLedger, timezone: str) -> Iterator[tuple[str, str, date, date | None, int | None]]:
    """What is left out of a ledger: reason, currency, the days [first, until) at whose closings it is, micros (none: nobody knows)."""
    for e in ledger.exclusions:
        yield e.reason, e.currency, day_of(e.since, timezone), None if e.until is None else day_of(e.until, timezone), e.mrr_micros


def parts(ledger: CustomerLedger, timezone: str) -> Iterator[tuple[str, str, Held]]:
    """What each subscription and each product holds: (subscription or product, its id, what it holds)."""
    products: dict[str, Held] = defaultdict(Held)
    for timeline in ledger.timelines:
        alone, before = Held(), 0
        by_product: dict[str, int] = defaultdict(int)
        for step in timeline.steps:
            day = day_of(step.at, timezone)
            alone.add(step.currency, day, step.net_micros - before)
            before = step.net_micros
            now: dict[str, int] = defaultdict(int)
            for item in step.items:
                now[item.product or ""] += item.net_micros if step.net_micros else 0
            for product in {*now, *by_product}:
                products[product].add(step.currency, day, now[product] - by_product[product])
            by_product = now
        yield "subscription", timeline.subscription, alone
    if len(products) > 1:
        for product, held in products.items():
            yield "product", product, held
