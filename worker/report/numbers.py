"""Figures as numbers of a page: short for people, and beside that exactly what `--json` says."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from integrations.report.content import Number, Tone
from metrics.money import MICROS_PER_MAJOR, major_text, ratio_text
from metrics.number_words import currency_name, decimal, money, signed_money
from metrics.retention.analysis.certainty import interval
from metrics.retention.figures import METRICS, Figures, metric

NONE: Final = Number("–", None)
_DASH: Final = "\N{EN DASH}"


def amount(micros: int | None, currency: str, *, signed: bool = False, tone: Tone = "plain") -> Number:
    """An amount; with `signed` one that is added, in the colour of gains and losses."""
    if micros is None:
        return NONE
    if signed and tone == "plain":
        tone = "gain" if micros > 0 else "loss" if micros < 0 else "plain"
    shown = signed_money(micros, currency) if signed else money(micros, currency)
    return Number(shown, major_text(micros, currency_name(currency).lower()), tone)


def whole(count: int | None) -> Number:
    """A count."""
    return NONE if count is None else Number(decimal(Fraction(count), 0), str(count))


def rate(figures: Figures, name: str) -> Number:
    """A rate of some figures; a dash where there is none."""
    value = metric(figures, name)
    if not isinstance(value, Fraction):
        return NONE
    if METRICS[name].factor:
        return Number(decimal(value, 2), ratio_text(value.numerator, value.denominator))
    return share(value)


def share(value: Fraction | str | None) -> Number:
    """A share as per cent with one place, exactly as a decimal text of six places (which is also taken as it is)."""
    if value is None:
        return NONE
    exact = value if isinstance(value, str) else ratio_text(value.numerator, value.denominator)
    return Number(percent_text(Fraction(value)), exact)


def percent_text(value: Fraction) -> str:
    """Per cent with one place, always."""
    return f"{decimal(value * 100, 1)} %"


def points_text(change: Fraction) -> str:
    """A difference of rates in points, with its sign."""
    shown = decimal(abs(change) * 100, 1)
    if shown == "0.0":
        return "unchanged"
    sign = "+" if change > 0 else "\N{MINUS SIGN}"
    return f"{sign}{shown} points"


def of(figures: Figures, name: str) -> Number:
    """Any metric by its name."""
    value = metric(figures, name)
    unit = METRICS[name].unit
    if unit == "ratio":
        return rate(figures, name)
    assert not isinstance(value, Fraction), "an amount or a count is a whole number"
    return whole(value) if unit == "count" else amount(value, figures.currency)


def between(figures: Figures, name: str) -> Number:
    """A rate's interval, `97–104 %`; a dash where too few customers make none. Its exact text has both ends."""
    ends = interval(figures, name)
    if ends is None:
        return NONE
    places = 0 if ends.high - ends.low >= Decimal("0.03") else 1
    low, high = (decimal(Fraction(end) * 100, places) for end in (ends.low, ends.high))
    return Number(f"{low}{_DASH}{high} %", f"{ends.low:f} {ends.high:f}")


def band(figures: Figures, name: str) -> tuple[float, float] | None:
    """The same for a chart, in per cent."""
    ends = interval(figures, name)
    return None if ends is None else (float(ends.low) * 100, float(ends.high) * 100)


def points(figures: Figures, name: str) -> float | None:
    """A rate for a chart, in per cent."""
    value = metric(figures, name)
    return None if value is None else float(value) * 100


def compact(micros: int, *, signed: bool = False) -> str:
    """An amount short enough to stand above a bar: 940, 12.3k, 1.24m."""
    major = Fraction(abs(micros), MICROS_PER_MAJOR)
    for size, unit, places in ((1_000_000, "m", 2), (10_000, "k", 1), (1_000, "k", 2)):
        if major >= size:
            text = decimal(major / (1_000_000 if unit == "m" else 1_000), places) + unit
            break
    else:
        text = decimal(major, 0 if major >= 10 or major == 0 else 2)
    sign = "\N{MINUS SIGN}" if micros < 0 else "+" if signed and micros > 0 else ""
    return sign + text
