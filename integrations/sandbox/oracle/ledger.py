"""The oracle: what happened to each customer, told day by day, in the words that the product's ledger is compared in.

Each day on which anything is dated is looked at by itself: what the customer stood at when it closed. A movement is what two closings
differ by, and nothing else; so the days can't drift apart from what was done, however many things were done on one of them. Default
policy of the definitions: days of the reporting zone, a churn undone on the next day is none.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from integrations.sandbox.oracle.moments import Lived, Prices, View, Worth
from integrations.sandbox.simulator.business import Business

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Movement:
    """What one customer's MRR in one currency did on one reporting day."""

    customer: str
    day: date
    currency: str
    kind: str
    cause: str
    before_micros: int
    after_micros: int
    list_before_micros: int
    list_after_micros: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer stands at in one currency at the closing of a day on which any of it changed.

    Subscriptions are those worth more than nothing. Plan, product and interval are those of the item with the largest net MRR; of equal
    ones, that with the smallest id.
    """

    customer: str
    day: date
    currency: str
    net_micros: int
    list_micros: int
    at_risk_micros: int
    scheduled_micros: int
    subscriptions: int
    plan: str | None
    product: str | None
    interval: str | None


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that happened to one customer."""

    customer: str
    movements: tuple[Movement, ...]
    standings: tuple[Standing, ...]


class _Sum(NamedTuple):
    """What a customer's subscriptions in one currency come to."""

    net: int = 0
    listed: int = 0
    at_risk: int = 0
    scheduled: int = 0
    subscriptions: int = 0
    plan: str | None = None
    product: str | None = None
    interval: str | None = None


_NONE = _Sum()


class _Day(NamedTuple):
    """A day's closing by currency. `since` is an earlier day whose absence this one makes good."""

    day: date
    sums: dict[str, _Sum]
    since: date

    @property
    def there(self) -> bool:
        """Whether it closes with a customer."""
        return any(each.net > 0 for each in self.sums.values())


class _Change(NamedTuple):
    view: View
    at: int
    before: Worth
    after: Worth

    @property
    def delta(self) -> int:
        return self.after.net_micros - self.before.net_micros


def ledger(business: Business, now: int, timezone: str = "UTC") -> Iterator[Truth]:
    """What happened to each customer up to `now`, one at a time; those that never were worth anything have no movements."""
    prices = Prices(business.catalog)
    for _, life in business.lives(now):
        yield told(life.customer.id, [Lived(prices, life, sub, now) for sub in life.subscriptions], now, timezone)


def told(customer: str, views: Sequence[View], now: int, timezone: str = "UTC") -> Truth:
    """The ledger of a customer whose subscriptions look like `views`."""
    zone = ZoneInfo(timezone)
    edges = {at for view in views for at in view.edges() if at <= now}
    days = [_Day(day, _closing(views, min(_last_second(day, zone), now)), day) for day in sorted({_day(at, zone) for at in edges})]
    days = list(_without_short_absences(days))
    return Truth(customer, tuple(_movements(customer, days, views, edges, zone)), tuple(_standings(customer, days)))


def _day(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at, zone).date()


def _last_second(day: date, zone: ZoneInfo) -> int:
    following = day + _A_DAY
    return int(datetime(following.year, following.month, following.day, tzinfo=zone).timestamp()) - 1


def _closing(views: Iterable[View], at: int) -> dict[str, _Sum]:
    by_currency: dict[str, list[Worth]] = {}
    for view in views:
        by_currency.setdefault(view.currency, []).append(view.worth(at))
    return {currency: _sum(worths) for currency, worths in by_currency.items()}


def _sum(worths: Sequence[Worth]) -> _Sum:
    top = min((part for each in worths for part in each.parts), key=lambda part: (-part.net_micros, part.item), default=None)
    return _Sum(
        sum(each.net_micros for each in worths),
        sum(each.list_micros for each in worths),
        sum(each.net_micros for each in worths if each.at_risk),
        sum(each.net_micros for each in worths if each.scheduled),
        sum(each.net_micros > 0 for each in worths),
        *((None, None, None) if top is None else (top.price, top.product, top.interval)),
    )


def _without_short_absences(days: Sequence[_Day]) -> Iterator[_Day]:
    """The days without those that close with nobody between two that close with a customer, the second of them the very next day."""
    skipped: date | None = None
    for number, here in enumerate(days):
        was = number > 0 and days[number - 1].there
        back = number + 1 < len(days) and days[number + 1].there and days[number + 1].day - here.day == _A_DAY
        if was and not here.there and back:
            skipped = here.day
            continue
        yield here if skipped is None else here._replace(since=skipped)
        skipped = None


def _movements(customer: str, days: Sequence[_Day], views: Sequence[View], edges: set[int], zone: ZoneInfo) -> Iterator[Movement]:
    for number, here in enumerate(days):
        past = days[:number]
        before = past[-1].sums if past else {}
        ever, was, now = any(each.there for each in past), bool(past) and past[-1].there, here.there
        for currency in sorted({*before, *here.sums}):
            old, new = before.get(currency, _NONE), here.sums.get(currency, _NONE)
            if old.net == new.net:
                continue
            kind = "expansion" if new.net > old.net else "contraction"
            if not was:
                kind = "reactivation" if ever else "new"
            elif not now:
                kind = "churn"
            cause = "currency_switch"
            if not (was and now and currency in _switched(before, here.sums)):
                changes = list(_changes(views, [at for at in edges if here.since <= _day(at, zone) <= here.day]))
                cause = _cause(kind, currency, new.net - old.net, changes)
            yield Movement(customer, here.day, currency, kind, cause, old.net, new.net, old.listed, new.listed)


def _switched(before: dict[str, _Sum], after: dict[str, _Sum]) -> set[str]:
    """The currencies that a customer left and entered at once, if it did both."""
    left = {code for code, each in before.items() if each.net > 0 and after.get(code, _NONE).net == 0}
    entered = {code for code, each in after.items() if each.net > 0 and before.get(code, _NONE).net == 0}
    return left | entered if left and entered else set()


def _changes(views: Sequence[View], moments: Iterable[int]) -> Iterator[_Change]:
    for at in sorted(moments):
        for view in views:
            before, after = view.worth(at - 1), view.worth(at)
            if before != after:
                yield _Change(view, at, before, after)


def _cause(kind: str, currency: str, delta: int, changes: Sequence[_Change]) -> str:
    """The largest single change in the movement's own way, the earliest of equal ones; one that ends while another begins is a swap."""
    own = [each for each in changes if each.view.currency == currency] or list(changes)
    begun = {each.view.subscription for each in own if each.after.counts and not each.before.counts}
    ended = {each.view.subscription for each in own if each.before.counts and not each.after.counts}
    if kind in ("expansion", "contraction") and begun - ended and ended - begun:
        return "migration"
    ways = [each for each in own if each.delta * delta > 0] or own
    if not ways:
        return ""
    largest = max(abs(each.delta) for each in ways)
    first = min(each.at for each in ways if abs(each.delta) == largest)
    chosen = max((e for e in ways if abs(e.delta) == largest and e.at == first), key=lambda each: each.view.subscription)
    cause = chosen.view.cause(first)
    return "return" if kind == "reactivation" and cause == "start" else cause


def _standings(customer: str, days: Sequence[_Day]) -> Iterator[Standing]:
    before: dict[str, _Sum] = {}
    for here in days:
        for currency in sorted({*before, *here.sums}):
            new = here.sums.get(currency, _NONE)
            if new != before.get(currency, _NONE):
                yield Standing(customer, here.day, currency, *new)
        before = here.sums
