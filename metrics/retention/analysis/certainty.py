"""How sure a rate is: its interval, how many customers the book weighs like, and whether a limit or a change lies beyond noise.

Source: definitions, Retention, *Certainty*. A book's customers are taken for independent, its size for a sample of as many equal ones as
weigh the same (Kish). NRR is a ratio of two sums, whose variance comes from three sums of products over the cohort; GRR, churn-only and
logo retention are shares, with Wilson's interval. All input is exact integers; bounds are decimals of six places, rounded half-even.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import Final, Literal

from metrics.retention.figures import GAP, RATES, Figures, ratio

LEVEL: Final = 90
"""Percent of the two-sided interval that is shown; its ends are one-sided bounds of 95 %."""
FEWEST: Final = 10
"""Effective customers (members, for logos) below which no interval is given."""

TOO_FEW: Final = "too_few"
NOT_SUMMED: Final = "not_summed"

Verdict = Literal["beyond_noise", "within_noise", "too_few"]

NET_RATES: Final = frozenset({"nrr"})
SHARES: Final = frozenset({"grr", "grr_running_minimum", "churn_only_retention"})
"""Shares of the opening's money: Wilson's interval with the effective number of customers."""
HEADS: Final = frozenset({"logo_retention"})
"""Shares of the opening's customers: Wilson's interval with the number of members."""
COMPLEMENTS: Final[Mapping[str, str]] = {"customer_churn_rate": "logo_retention", "revenue_churn_rate": "churn_only_retention"}
"""Rates that are 1 less another: they are as sure as that one."""
WITH_INTERVAL: Final = (*sorted(NET_RATES), *sorted(SHARES), *sorted(HEADS), *sorted(COMPLEMENTS))

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PLACES: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds of a rate at `level` percent, two-sided: decimals of six places (1.083333 is 108.33 %)."""

    low: Decimal
    high: Decimal
    level: int


def effective_customers(figures: Figures) -> Fraction | None:
    """As many equal customers the opening cohort weighs like, (Σa)² ÷ Σa²; None without a cohort, or in figures older than Σa²."""
    if not figures.opening_squared or figures.opening <= 0:
        return None
    return Fraction(figures.opening**2, figures.opening_squared)


def why_no_interval(figures: Figures, rate: str) -> str | None:
    """Why `rate` has no interval: the reason why it is null, too_few, not_summed (older figures); None when it has one.

    Raises KeyError for a rate that is not in WITH_INTERVAL.
    """
    rate = COMPLEMENTS.get(rate, rate)
    if rate not in NET_RATES | SHARES | HEADS:
        raise KeyError(rate)
    if ratio(figures, rate) is None:
        return figures.reason or GAP
    if rate in HEADS:
        return TOO_FEW if figures.opening_customers < FEWEST else None
    if figures.opening_squared is None:
        return NOT_SUMMED
    size = effective_customers(figures)
    return TOO_FEW if size is None or size < FEWEST else None


def interval(figures: Figures, rate: str, level: int = LEVEL) -> Interval | None:
    """The interval of `rate` at `level` percent, two-sided; None where `why_no_interval` has a reason."""
    if why_no_interval(figures, rate) is not None:
        return None
    if rate in COMPLEMENTS:
        other = _interval(figures, COMPLEMENTS[rate], level)
        return Interval(1 - other.high, 1 - other.low, level)
    return _interval(figures, rate, level)


def _interval(figures: Figures, rate: str, level: int) -> Interval:
    value = ratio(figures, rate)
    assert value is not None, "a rate without a value has no interval"
    reach = _reach(level)
    if rate in NET_RATES:
        half = _EXACT.multiply(reach, _root(_net_variance(figures, value)))
        centre = _decimal(value)
        return Interval(_placed(max(Decimal(0), centre - half)), _placed(centre + half), level)
    low, high = wilson(value, _size(figures, rate), level)
    return Interval(_placed(low), _placed(high), level)


def _size(figures: Figures, rate: str) -> Fraction:
    if rate in HEADS:
        return Fraction(figures.opening_customers)
    size = effective_customers(figures)
    assert size is not None, "asked only where there is an interval"
    return size


def _net_variance(figures: Figures, value: Fraction) -> Fraction:
    """k · (Σb² − 2R·Σab + R²·Σa²) ÷ (Σa)², k = n ÷ (n − 2)."""
    size = effective_customers(figures)
    assert size is not None, "asked only where there is an interval"
    squares = (figures.end_squared or 0) - 2 * value * (figures.opening_by_end or 0) + value**2 * (figures.opening_squared or 0)
    return size / (size - 2) * squares / figures.opening**2


def wilson(share: Fraction, size: Fraction, level: int = LEVEL) -> tuple[Decimal, Decimal]:
    """Wilson's score interval of a share of `size` (which need not be whole) at `level` percent, two-sided; within 0 and 1."""
    reach = Fraction(_reach(level))
    shrink = 1 + reach**2 / size
    centre = (share + reach**2 / (2 * size)) / shrink
    half = _EXACT.multiply(_decimal(reach / shrink), _root(share * (1 - share) / size + reach**2 / (4 * size**2)))
    return max(Decimal(0), _decimal(centre) - half), min(Decimal(1), _decimal(centre) + half)


def standard_error(figures: Figures, rate: str) -> Decimal | None:
    """Half the interval's width over its reach: what variances of two windows are added by. None without an interval."""
    if why_no_interval(figures, rate) is not None:
        return None
    rate = COMPLEMENTS.get(rate, rate)
    value = ratio(figures, rate)
    assert value is not None, "a rate without a value has no interval"
    if rate in NET_RATES:
        return _root(_net_variance(figures, value))
    reach, size = Fraction(_reach(LEVEL)), _size(figures, rate)
    return _EXACT.divide(_root(value * (1 - value) / size + reach**2 / (4 * size**2)), _decimal(1 + reach**2 / size))


def against(figures: Figures, rate: str, limit: Fraction, *, above: bool = False, level: int = LEVEL) -> Verdict:
    """Whether `rate` lies below `limit` (or above it) by more than chance explains: the bound of the interval lies past it.

    `level` 90: the one-sided 95 % bound. Says nothing of whether it lies there at all: one that doesn't is within noise.
    """
    bounds = interval(figures, rate, level)
    if bounds is None:
        return "too_few"
    past = bounds.low > _decimal(limit) if above else bounds.high < _decimal(limit)
    return "beyond_noise" if past else "within_noise"


def moved_by(before: Figures, after: Figures, rate: str, limit: Fraction = Fraction(0), *, rise: bool = False) -> Verdict:
    """Whether `rate` fell (or rose) by more than `limit` beyond what chance explains, with the two windows' variances added."""
    return shifted([before], after, rate, limit, rise=rise)


def shifted(
    before: Sequence[Figures],
    after: Figures,
    rate: str,
    limit: Fraction,
    *,
    percent: bool = False,
    rise: bool = False,
    level: int = LEVEL,
) -> Verdict:
    """Whether `rate` fell (or rose) from the mean of earlier windows by more than `limit`, and by more than chance explains.

    `limit` is in points, or with `percent` a share of that mean. The variances are added; the errors of several earlier windows are taken
    to be one and the same, which is the most that they can come to.
    """
    errors = [standard_error(f, rate) for f in (*before, after)]
    values = [ratio(f, rate) for f in (*before, after)]
    sure, known = [e for e in errors if e is not None], [v for v in values if v is not None]
    if not before or len(sure) < len(errors) or len(known) < len(values):
        return "too_few"
    signed = limit if rise else -limit
    mean = Fraction(sum(known[:-1]), len(before))
    factor, bound = (1 + signed, mean * (1 + signed)) if percent else (Fraction(1), mean + signed)
    past = known[-1] - bound if rise else bound - known[-1]
    earlier = _EXACT.multiply(_decimal(factor / len(before)), sum(sure[:-1], Decimal(0)))
    noise = _EXACT.multiply(_reach(level), _EXACT.sqrt(sure[-1] ** 2 + earlier**2))
    return "beyond_noise" if _decimal(past) > noise else "within_noise"


def certainty(figures: Figures) -> dict[str, str | int | None]:
    """What is shown beside the rates: `nrr_low`, `nrr_high` … as decimal texts (None without an interval), `effective_customers`, `level`."""
    out: dict[str, str | int | None] = {}
    for rate in WITH_INTERVAL:
        bounds = interval(figures, rate)
        out |= {
            f"{rate}_low": None if bounds is None else f"{bounds.low:f}",
            f"{rate}_high": None if bounds is None else f"{bounds.high:f}",
        }
    size = effective_customers(figures)
    return out | {
        "effective_customers": None if size is None else f"{_EXACT.quantize(_decimal(size), Decimal('0.1')):f}",
        "level": LEVEL,
    }


def _reach(level: int) -> Decimal:
    """How many standard errors a two-sided interval reaches to either side: 1.6449 at 90 percent."""
    return _EXACT.quantize(Decimal(NormalDist().inv_cdf(0.5 + level / 200)), Decimal("0.0000000001"))


def _decimal(value: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _root(value: Fraction) -> Decimal:
    return _EXACT.sqrt(_decimal(max(value, Fraction(0))))


def _placed(value: Decimal) -> Decimal:
    return _EXACT.quantize(value, _PLACES)


assert set(WITH_INTERVAL) <= set(RATES), "an interval is of a rate"
