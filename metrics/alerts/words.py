"""How alerts say amounts, rates, windows and metrics: short, exact enough not to contradict themselves, without locale or markup.

Everything is plain text here; escaping belongs to whoever puts it into a message (`integrations.notify`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from metrics.alerts.rules import FACTORS
from metrics.money import MICROS_PER_MAJOR, BookCurrency, exponent
from metrics.retention.figures import METRICS, UNITS

CAUSES: Final[Mapping[str, str]] = {
    "canceled_voluntary": "cancelled by the customer",
    "canceled_involuntary": "lost to failed payment",
    "canceled_by_policy": "cancelled by a policy",
    "trial": "free while on trial",
    "status_unknown": "status unknown",
    "unpaid": "unpaid",
    "past_due": "past due",
    "plan": "change of plan",
    "quantity": "change of quantity",
    "price": "change of price",
    "addon": "product added",
    "removed_product": "product removed",
    "discount_start": "discount began",
    "discount_end": "discount ended",
    "discount_change": "discount changed",
    "trial_converted": "trial converted",
    "currency_switch": "currency switched",
}
_MINUS: Final = "\N{MINUS SIGN}"


def metric_name(metric: str) -> str:
    """What a metric is called in a sentence."""
    return METRICS[metric].label or metric.replace("_", " ").capitalize()


def cause_name(cause: str) -> str:
    """What a cause is called in a sentence."""
    return CAUSES.get(cause) or cause.replace("_", " ")


def currency_name(currency: str) -> str:
    """The code of a currency, whether of what is billed in it or of the whole book."""
    return BookCurrency.of(currency).name


def decimal(value: Fraction, places: int) -> str:
    """The value rounded half-even to so many places, with thousands set apart and a true minus sign.

    >>> decimal(Fraction(1234567, 100), 1), decimal(Fraction(-1, 3), 2)
    ('12,345.7', '−0.33')
    """
    scaled = round(value * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    digits = f"{whole:,}" + (f".{rest:0{places}d}" if places else "")
    return f"{_MINUS}{digits}" if scaled < 0 else digits


def percent(ratio: Fraction, *, apart_from: Fraction | None = None) -> str:
    """A ratio as per cent with one place, or as many as it takes to differ from what it is compared with.

    >>> percent(Fraction(983, 1000)), percent(Fraction(1)), percent(Fraction(99996, 100000), apart_from=Fraction(1))
    ('98.3 %', '100 %', '99.996 %')
    """
    for places in range(1, 6):
        text = decimal(ratio * 100, places)
        if apart_from is None or ratio == apart_from or text != decimal(apart_from * 100, places):
            break
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def money(micros: Fraction | int, currency: str) -> str:
    """An amount in whole major units from 1,000 on, else to the currency's own places.

    >>> money(12_345_600_000, "all:usd"), money(49_990_000, "eur"), money(-1_000_000, "jpy")
    ('12,346 USD', '49.99 EUR', '−1 JPY')
    """
    major = Fraction(micros) / MICROS_PER_MAJOR
    code = currency_name(currency)
    places = 0 if abs(major) >= 1000 or major == 0 else exponent(code)
    return f"{decimal(major, places)} {code}"


def signed_money(micros: int, currency: str) -> str:
    """An amount that is added, with its sign."""
    return f"+{money(micros, currency)}" if micros > 0 else money(micros, currency)


def value_text(metric: str, value: Fraction, currency: str, *, apart_from: Fraction | None = None) -> str:
    """A value of a metric with its unit."""
    match UNITS[metric]:
        case "micros":
            return money(value, currency)
        case "count":
            return decimal(value, 0 if value.denominator == 1 else 1)
    return decimal(value, 2) if metric in FACTORS else percent(value, apart_from=apart_from)


def change_text(unit: str, metric: str, change: Fraction, currency: str, *, apart_from: Fraction | None = None) -> str:
    """By how much something changed, without its direction."""
    size = abs(change)
    other = None if apart_from is None else abs(apart_from)
    if unit == "points":
        return percent(size, apart_from=other).replace(" %", " point" if size == Fraction(1, 100) else " points")
    return percent(size, apart_from=other) if unit == "percent" else value_text(metric, size, currency)


def short_label(label: str) -> str:
    """A window's label short enough for an axis: a trailing window is named by the month that it ends with."""
    if ".." not in label:
        return label
    until = date.fromisoformat(label.split("..")[1])
    return f"{until - timedelta(days=1):%Y-%m}"


def duration(seconds: int) -> str:
    """A time span in the unit that a person would use."""
    if seconds < 2 * 3600:
        return counted(max(1, seconds // 60), "minute", "minutes")
    return f"{seconds // 3600} hours" if seconds < 3 * 86_400 else f"{seconds // 86_400} days"


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"
