"""Whether what was decoded can be counted with: no date that calendars don't have, no amount that 64 bits don't hold.

Everything behind this border computes with dates of a proleptic calendar and stores money as micros in 64 bits. One object beyond either
would stop all others, so it is set aside here, alone and by name. The limits are far from what anybody bills: 4.6 million million of the
currency's major unit, and dates from 2000 to 2200.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from integrations.stripe.decode.errors import Unusable
from metrics.evidence import Coupon, CurrencyOption, Discount, Instant, Price, ScheduledPhase
from metrics.money import MICROS_PER_MAJOR, MOST_MICROS, exponent
from metrics.pricing.amounts import Unpriceable, period_parts

T = TypeVar("T")

FIRST: Final = 946_684_800
"""2000-01-01T00:00:00Z."""
LAST: Final = 7_258_118_400
"""2200-01-01T00:00:00Z, the first moment that is too late."""
MOST_COUNTED: Final = MOST_MICROS // MICROS_PER_MAJOR
"""Of quantities and other counts."""
MOST_PERIODS: Final = 12_000
"""Of intervals in a billing period, and of months that a coupon lasts: Stripe allows three years."""

_AMOUNTS: Final = frozenset(
    {
        "unit",
        "flat",
        "amount",
        "amount_off",
        "inclusive_tax",
        "amount_paid",
        "other_amount",
        "total",
        "tax",
        "discount",
        "credits",
        "shipping",
    }
)
_PERIODS: Final = frozenset({"interval_count", "months"})
_PLAIN: Final = MOST_COUNTED
"""An amount up to here is within bounds in every currency, whatever its minor unit: nearly all are."""
_UNBOUNDED: Final = frozenset({"up_to"})
"""Where a tier ends is compared and never multiplied."""
_UNDATED: Final = frozenset({(Discount, "start"), (ScheduledPhase, "start")})
"""Where 0 stands for a date that isn't known."""


def bounded(value: T, currency: str = "") -> T:
    """`value`, when every date, amount and count in it can be counted with. Raises Unusable that names the field, never what it holds."""
    if not _plans[type(value)].is_plain(value):
        _check(value, currency)
    return value


def is_date(at: int) -> bool:
    """Whether a moment is one that a calendar has."""
    return FIRST <= at < LAST


def _check(value: Any, currency: str) -> None:
    plan = _plans[type(value)]
    currency = getattr(value, "currency", None) or currency
    for at in plan.dates(value):
        if at is not None and not FIRST <= at < LAST:
            _refuse_date(value, plan)
    for name in plan.numbers:
        number = getattr(value, name)
        if number is not None and number.__class__ is not bool and number:
            _check_number(value, name, number, currency)
    for name, pairs in plan.parts:
        part = getattr(value, name)
        if part:
            _check_part(part, currency, name, pairs=pairs)


def _check_part(part: Any, currency: str, name: str, *, pairs: bool) -> None:
    """A part that is evidence itself, several of them, or pairs of one (or of a currency) with an amount."""
    for each in part if isinstance(part, tuple) else (part,):
        if pairs:
            first, amount = each
            code = first if isinstance(first, str) else currency
            _within(amount, _most_minor(code), name)
            if is_dataclass(first):
                _check(first, currency)
        else:
            _check(each, currency)


def _check_number(value: Any, name: str, number: int | Decimal, currency: str) -> None:
    if name in _AMOUNTS:
        _within(number, _most_minor(currency), name)
    elif name == "percent_off":
        if not 0 <= number <= 100:
            raise Unusable("bad_amount", "percent_off is not between 0 and 100")
    else:
        _within(number, MOST_PERIODS if name in _PERIODS else MOST_COUNTED, name)
    if number < 0 and isinstance(value, Coupon):
        raise Unusable("bad_amount", f"{name} is below zero")


def _within(number: int | Decimal, most: int, name: str) -> None:
    if not -most <= number <= most:
        raise Unusable("out_of_bounds", f"{name} is larger than can be counted with")


@cache
def _most_minor(currency: str) -> int:
    minor: int = 10 ** exponent(currency)
    return MOST_MICROS * minor // MICROS_PER_MAJOR


class _Plan:
    """What is looked at in values of one class."""

    def __init__(self, kind: type) -> None:
        hints = get_type_hints(kind)
        self.kind = kind
        self.date_names = tuple(f.name for f in fields(kind) if _is(hints[f.name], Instant) and (kind, f.name) not in _UNDATED)
        self.undated = tuple(name for of, name in _UNDATED if of is kind)
        names = [f.name for f in fields(kind) if f.name not in _UNBOUNDED]
        self.numbers = tuple(n for n in names if _is(hints[n], int) or _is(hints[n], Decimal))
        held = ((n, _held(hints[n])) for n in names)
        self.parts = tuple((n, pairs) for n, pairs in held if pairs is not None)
        self.dates = self._reader()
        self.is_plain = self._written()

    def _reader(self) -> Callable[[Any], tuple[Any, ...]]:
        names = self.date_names
        if self.undated:
            return lambda value: tuple(getattr(value, n) or None for n in self.undated) + tuple(getattr(value, n) for n in names)
        if len(names) > 1:
            return attrgetter(*names)
        return (lambda value: (getattr(value, names[0]),)) if names else (lambda _: ())

    def _written(self) -> Callable[[Any], bool]:
        """Whether all in a value is plainly within bounds, as a function written out for its class: a third of the time of going through
        the names. What isn't plain is looked at name by name; so is what has bounds of its own."""
        own = _PERIODS | {"percent_off"}
        if issubclass(self.kind, Coupon) or own.intersection(self.numbers):
            return lambda _: False
        tests = [f"(at := v.{name}) is not None and not FIRST <= at < LAST" for name in self.date_names]
        tests += [f"(at := v.{name}) and not FIRST <= at < LAST" for name in self.undated]
        tests += [f"(n := v.{name}) is not None and not -_PLAIN <= n <= _PLAIN" for name in self.numbers]
        lines = [f"if {' or '.join(f'({test})' for test in tests)}: return False"] if tests else []
        for name, pairs in self.parts:
            lines.append(f"if (part := v.{name}) and not {'_are_plain_pairs' if pairs else '_are_plain'}(part): return False")
        body = "\n ".join([*lines, "return True"])
        made: dict[str, Any] = {}
        exec(f"def is_plain(v):\n {body}", globals(), made)  # noqa: S102  # of names of fields alone
        plain: Callable[[Any], bool] = made["is_plain"]
        return plain


def _are_plain(part: Any) -> bool:
    if part.__class__ is not tuple:
        return _plans[type(part)].is_plain(part)
    for each in part:  # noqa: SIM110  # half the time of `all`
        if not _plans[each.__class__].is_plain(each):
            return False
    return True


def _are_plain_pairs(part: Any) -> bool:
    for first, amount in part if isinstance(part, tuple) else (part,):
        if not -_PLAIN <= amount <= _PLAIN or (is_dataclass(first) and not _plans[type(first)].is_plain(first)):
            return False
    return True


class _Plans(dict[type, _Plan]):
    """Plans by class, each made once."""

    def __missing__(self, kind: type) -> _Plan:
        self[kind] = found = _Plan(kind)
        return found


_plans: Final = _Plans()


def _is(hint: Any, wanted: Any) -> bool:
    return hint is wanted or (get_origin(hint) in (Union, UnionType) and wanted in get_args(hint))


def _held(hint: Any) -> bool | None:
    """Whether a field holds pairs with an amount (True), evidence (False), or neither (None)."""
    for each in (hint, *get_args(hint)):
        if is_dataclass(each):
            return False
        inner = get_args(each)
        if inner[-1:] == (...,):
            each = inner[0]
            if is_dataclass(each):
                return False
            inner = get_args(each)
        if len(inner) == 2 and inner[1] is int:
            return True
    return None


def _refuse_date(value: Any, plan: _Plan) -> None:
    names = (*plan.date_names, *plan.undated)
    wrong = next(
        n for n in names if (at := getattr(value, n)) is not None and (n not in plan.undated or at) and not FIRST <= at < LAST
    )
    raise Unusable("bad_date", f"{wrong} is not between the years 2000 and 2200")


# --- a quantity of a price ----------------------------------------------------------------------------------------------------


def peak(price: Price) -> float:
    """The largest number of micros that one unit or flat part of a price is worth, in any currency."""
    options = (CurrencyOption(price.currency, price.unit, price.tiers), *price.options)
    worth = [0.0]
    for option in options:
        minor = MICROS_PER_MAJOR / 10 ** exponent(option.currency)
        amounts = [option.unit, *(a for tier in option.tiers or () for a in (tier.unit, tier.flat))]
        worth += [abs(float(a)) * minor for a in amounts if a is not None]
    return max(worth)


def affordable(price: Price, quantity: int, currency: str) -> None:
    """Raises Unusable when what `quantity` of a price comes to leaves what can be counted with."""
    try:
        amount = sum(abs(part.amount) for part in period_parts(price, currency, quantity))
    except Unpriceable:
        return
    if amount > _most_minor(currency):
        raise Unusable("out_of_bounds", "quantity times price is larger than can be counted with")
