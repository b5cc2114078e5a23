"""What could be behind each difference of one customer: every way of reckoning under which the two sides agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from metrics.reconcile.held import Held
from metrics.reconcile.rules import NO_RATE, RATE, ROUNDING, Cell, Rule, Share
from metrics.reconcile.views import MOST_PARTS, Money, Views

DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=31)
NONE: Final = timedelta(0)
OVER: Final = frozenset({"canceled", "incomplete", "incomplete_expired"})
"""What is left out for being over: that the other side still counts it is said last, since it may only be late."""
_SHIFTS: Final = (("a_day_earlier", -DAY), ("a_day_later", DAY))


@dataclass(frozen=True, slots=True)
class Way:
    """A way from ours to theirs: its rules, and how far-fetched it is (0 is a single policy choice)."""

    rules: tuple[Rule, ...]
    tier: int


Candidates = Mapping[Cell, Mapping[Way, tuple[Share, ...]]]
"""For each difference the ways that lead to the other side's amount, each with shares that add up to the difference."""


def candidates(cells: Sequence[Cell], views: Views, money: Money) -> Candidates:
    """All ways for one customer and currency. `cells` are all of its cells in order of day, those that agree too."""
    at = {cell.day: index for index, cell in enumerate(cells)}
    out: dict[Cell, dict[Way, tuple[Share, ...]]] = {}
    for cell in cells:
        if cell.agrees:
            continue
        found: dict[Way, tuple[Share, ...]] = {}
        for tier, rules, micros in _ways(cell, cells, at[cell.day], views, money):
            if rules and abs(cell.theirs_micros - micros[-1]) <= cell.tolerance_micros:
                found.setdefault(Way(rules, tier), _shares(cell, rules, micros))
        out[cell] = found
    return out


def _shares(cell: Cell, rules: tuple[Rule, ...], micros: tuple[int, ...]) -> tuple[Share, ...]:
    shares: list[Share] = []
    before = cell.ours_micros
    for rule, after in zip(rules, micros, strict=True):
        shares.append((rule, after - before))
        before = after
    if before != cell.theirs_micros:
        shares.append((ROUNDING, cell.theirs_micros - before))
    return tuple(shares)


_Found = Iterator[tuple[int, tuple[Rule, ...], tuple[int, ...]]]
"""Tier, rules, and what is shown after each of them."""


def _ways(cell: Cell, cells: Sequence[Cell], index: int, views: Views, money: Money) -> _Found:
    day = cell.day
    ways: list[tuple[int, tuple[Rule, ...], tuple[Held, ...]]] = [(0, (), (views.base,))]
    for switched, held in views.switched.items():
        # Of a pair the first rule takes what it changes alone, the second the rest.
        alone = [views.switched.get((each,), views.base) for each in switched[:-1]]
        ways.append((0 if len(switched) == 1 else 8, tuple(each.rule for each in switched), (*alone, held)))
    for tier, rules, helds in ways:
        held = helds[-1]
        value = money.worth(held, day, rate_day=day)
        steps = tuple(money.worth(each, day, rate_day=day) for each in helds) if rules else ()
        if rules:
            yield tier, rules, steps
        if money.expressed:
            rated = money.worth(held, day, rate_day=day, theirs=True)
            if rated != value:
                yield (4 if not rules else tier + 6), (*rules, _rate_rule(held, money, day)), (*steps, rated)
        yield from _shifted(cell, cells, index, held, money, tier, rules, steps)
    yield from _left_out(cell, views, money)


def _rate_rule(held: Held, money: Money, day: date) -> Rule:
    known = all(money.rate(c, day, theirs=False) for c in held.currencies if held.at(c, day))
    return RATE if known else NO_RATE


def _left_out(cell: Cell, views: Views, money: Money) -> _Found:
    day = cell.day
    for theirs in (False, True) if money.expressed else (False,):
        base = money.worth(views.base, day, rate_day=day, theirs=theirs)
        first: tuple[tuple[Rule, ...], tuple[int, ...]] = ((RATE,), (base,)) if base != cell.ours_micros else ((), ())
        for reason, held in views.excluded.items():
            more = money.worth(held, day, rate_day=day, theirs=theirs)
            if more:
                tier = 6 if reason in OVER else 1
                yield tier + 6 * bool(first[0]), (*first[0], Rule("excluded_here", reason)), (*first[1], base + more)
        if len(views.parts) <= MOST_PARTS:
            for kind, _, held in views.parts:
                less = money.worth(held, day, rate_day=day, theirs=theirs)
                if 0 < less < base:
                    yield 2 + 6 * bool(first[0]), (*first[0], Rule("excluded_there", kind)), (*first[1], base - less)
    unpriced = views.left_out_unpriced(day)
    if unpriced is not None and cell.delta_micros > 0:
        yield 1, (Rule("excluded_here", unpriced),), (cell.theirs_micros,)


def _shifted(
    cell: Cell,
    cells: Sequence[Cell],
    index: int,
    held: Held,
    money: Money,
    tier: int,
    rules: tuple[Rule, ...],
    steps: tuple[int, ...],
) -> _Found:
    """The same a day or up to a month apart. A change that is only late or early shows again where the other side has caught up."""
    day = cell.day
    here = steps[-1] if steps else cell.ours_micros
    further = 3 if not rules else tier + 7
    for name, shift in _SHIFTS:
        value = money.worth(held, day + shift, rate_day=day)
        if value != here:
            yield further, (*rules, Rule("timing", name)), (*steps, value)
    for name, low, high, beside in (("changes_later", -MONTH, NONE, index + 1), ("changes_earlier", DAY, MONTH + DAY, index - 1)):
        other = cells[beside] if 0 <= beside < len(cells) else None
        if other is not None and not _catches_up(other, held, money, low, high):
            continue
        for value in _values(held, money, day + low, day + high, day):
            if value != here and abs(value - cell.theirs_micros) <= cell.tolerance_micros:
                yield further + 2, (*rules, Rule("timing", name)), (*steps, value)
                break


def _catches_up(other: Cell, held: Held, money: Money, low: timedelta, high: timedelta) -> bool:
    """Whether the cell beside agrees, or is as late or early as this one."""
    if abs(money.worth(held, other.day, rate_day=other.day) - other.theirs_micros) <= other.tolerance_micros:
        return True
    moved = _values(held, money, other.day + low, other.day + high, other.day)
    return any(abs(value - other.theirs_micros) <= other.tolerance_micros for value in moved)


def _values(held: Held, money: Money, first: date, until: date, rate_day: date) -> Iterator[int]:
    """What is shown at the closings of the days [first, until)."""
    if not money.expressed:
        yield from held.between(money.currency, first, until)
        return
    days = {first}
    for currency in held.currencies:
        days |= {day for day in held.days(currency) if first <= day < until}
    for day in sorted(days):
        yield money.worth(held, day, rate_day=rate_day)
