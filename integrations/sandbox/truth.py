"""The sandbox's own ledger of what it did: the oracle that the product's is compared with.

From each subscription's worth (see `worth`) to the movements and standings of its customer, under the default policy of the
definitions: one movement a customer, currency and reporting day; a churn undone on the same or the next day is none. Written from
the definitions alone. A customer at a time, so a ledger of any size is a stream.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from integrations.sandbox.business import Business
from integrations.sandbox.records import Life
from integrations.sandbox.worth import Valuer, Worth

GRACE = timedelta(days=1)


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

    Plan, product and interval are those of the item with the largest net MRR; of equal ones, that with the smallest id.
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


@dataclass(frozen=True, slots=True)
class _Change:
    """A subscription's worth before and after; without a difference in net it may still be one of labels."""

    before: Worth | None
    after: Worth

    @property
    def delta(self) -> int:
        return self.after.net_micros - (self.before.net_micros if self.before else 0)

    @property
    def starts(self) -> bool:
        return self.after.counts and not (self.before and self.before.counts)

    @property
    def ends(self) -> bool:
        return self.before is not None and self.before.counts and not self.after.counts


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


_Book = dict[str, _Sum]
"""By currency."""
_NOTHING = _Sum()


@dataclass(slots=True)
class _Day:
    day: date
    book: _Book
    changes: list[_Change] = field(default_factory=list)

    @property
    def worth(self) -> bool:
        return any(each.net > 0 for each in self.book.values())


def ledger(business: Business, now: int, timezone: str = "UTC") -> Iterator[Truth]:
    """What happened to each customer up to `now`, one at a time; those that never were worth anything have no movements."""
    valuer = Valuer(business.catalog)
    for _, life in business.lives(now):
        yield customer_truth(life, valuer, now, timezone)


def customer_truth(life: Life, valuer: Valuer, now: int, timezone: str = "UTC") -> Truth:
    """What happened to one customer up to `now`."""
    lines = [valuer.moments(life, sub, now) for sub in life.subscriptions]
    return told(life.customer.id, lines, timezone)


def told(customer: str, lines: Iterable[Sequence[Worth]], timezone: str) -> Truth:
    """The ledger of a customer whose subscriptions were worth `lines`, each in order of time."""
    days = _held_through_grace(list(_days(lines, ZoneInfo(timezone))))
    return Truth(customer, tuple(_movements(customer, days)), tuple(_standings(customer, days)))


def _days(lines: Iterable[Sequence[Worth]], zone: ZoneInfo) -> Iterator[_Day]:
    changes = []
    for line in lines:
        before: Worth | None = None
        for worth in line:
            changes.append(_Change(before, worth))
            before = worth
    changes.sort(key=lambda each: (each.after.at, each.after.subscription))
    current: dict[str, Worth] = {}
    open_day: _Day | None = None
    for change in changes:
        day = datetime.fromtimestamp(change.after.at, zone).date()
        if open_day is not None and open_day.day != day:
            yield open_day
            open_day = None
        open_day = open_day or _Day(day, {})
        current[change.after.subscription] = change.after
        open_day.changes.append(change)
        open_day.book = _book(current.values())
    if open_day is not None:
        yield open_day


def _book(held: Iterable[Worth]) -> _Book:
    by_currency: dict[str, list[Worth]] = defaultdict(list)
    for each in held:
        by_currency[each.currency].append(each)
    return {currency: _sum(worths) for currency, worths in by_currency.items()}


def _sum(worths: Sequence[Worth]) -> _Sum:
    parts = sorted((part for each in worths for part in each.parts), key=lambda part: (-part.net_micros, part.item))
    top = parts[0] if parts else None
    return _Sum(
        sum(each.net_micros for each in worths),
        sum(each.list_micros for each in worths),
        sum(each.net_micros for each in worths if each.at_risk),
        sum(each.net_micros for each in worths if each.scheduled),
        sum(each.counts for each in worths),
        top.price if top else None,
        top.product if top else None,
        top.interval if top else None,
    )


def _held_through_grace(days: list[_Day]) -> list[_Day]:
    """Days on which the customer was at nothing, and back on the same day's successor, are part of the day of the return."""
    out: list[_Day] = []
    waiting: list[_Day] = []
    for day in days:
        if waiting:
            if day.worth and day.day - waiting[0].day <= GRACE:
                day.changes = [change for each in (*waiting, day) for change in each.changes]
                waiting = []
            elif day.worth or day.day - waiting[0].day > GRACE:
                out += waiting
                waiting = []
        if waiting or (not day.worth and out and out[-1].worth):
            waiting.append(day)
        else:
            out.append(day)
    return out + waiting


def _movements(customer: str, days: Sequence[_Day]) -> Iterator[Movement]:
    before: _Book = {}
    ever = was = False
    for day in days:
        for currency in sorted({*before, *day.book}):
            old, new = before.get(currency, _NOTHING), day.book.get(currency, _NOTHING)
            if old.net == new.net:
                continue
            kind = _kind(old.net, new.net, was=was, now=day.worth, ever=ever)
            switched = was and day.worth and _switched(before, day.book, currency)
            cause = "currency_switch" if switched else _cause(kind, currency, new.net - old.net, day.changes)
            yield Movement(customer, day.day, currency, kind, cause, old.net, new.net, old.listed, new.listed)
        before, was = day.book, day.worth
        ever = ever or was


def _kind(old: int, new: int, *, was: bool, now: bool, ever: bool) -> str:
    if not was:
        return "reactivation" if ever else "new"
    if not now:
        return "churn"
    return "expansion" if new > old else "contraction"


def _switched(before: _Book, after: _Book, currency: str) -> bool:
    """Whether the customer left one currency and entered another, and this is one of the two."""
    left = {c for c, held in before.items() if held.net > 0 and after.get(c, _NOTHING).net == 0}
    entered = {c for c, held in after.items() if held.net > 0 and before.get(c, _NOTHING).net == 0}
    return bool(left and entered) and currency in left | entered


def _cause(kind: str, currency: str, delta: int, changes: Sequence[_Change]) -> str:
    own = [each for each in changes if each.after.currency == currency] or list(changes)
    begun = {each.after.subscription for each in own if each.starts}
    ended = {each.after.subscription for each in own if each.ends}
    if kind in ("expansion", "contraction") and begun - ended and ended - begun:
        return "migration"
    ways = [each for each in own if each.delta * delta > 0] or own
    largest = max(abs(each.delta) for each in ways)
    chosen = sorted((each for each in ways if abs(each.delta) == largest), key=lambda each: each.after.at)
    earliest = max((each for each in chosen if each.after.at == chosen[0].after.at), key=lambda each: each.after.subscription)
    cause = earliest.after.cause
    return "return" if kind == "reactivation" and cause == "start" else cause


def _standings(customer: str, days: Sequence[_Day]) -> Iterator[Standing]:
    before: _Book = {}
    for day in days:
        for currency in sorted({*before, *day.book}):
            new = day.book.get(currency, _NOTHING)
            if new != before.get(currency, _NOTHING):
                yield Standing(customer, day.day, currency, *new)
        before = day.book
