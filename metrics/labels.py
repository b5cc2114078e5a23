"""What people call things: what Stripe names by ids (a plan, a product, an account), and metrics, causes and windows.

Words are for reading only, without markup: escaping belongs to whoever sends them. Segments, keys and movements carry the ids, which never
change; a name may be given anew at any time. How numbers are written is `metrics.number_words`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from metrics.dimensions import parts, values
from metrics.money import MICROS_PER_MAJOR, exponent, minor_to_micros
from metrics.number_words import decimal, money, percent, points
from metrics.policy import Policy
from metrics.retention.figures import METRICS, UNITS
from metrics.window_kinds import day_words

if TYPE_CHECKING:
    from metrics.evidence import Price, Product
    from metrics.pricing.catalog import Catalog

PLAN: Final = "plan"
PRODUCT: Final = "product"
ACCOUNT: Final = "account"

Names = Mapping[tuple[str, str], str]
"""Words by dimension (plan, product, account) and id."""
CAUSES: Final[Mapping[str, str]] = {
    "canceled_voluntary": "canceled by the customer",
    "canceled_involuntary": "lost to failed payment",
    "canceled_by_policy": "canceled by a policy",
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
SIGNALS: Final[Mapping[str, str]] = {
    "scheduled_churn": "Cancellations asked for",
    "renewals": "Renewals of what runs longer than a month",
    "discounts_ending": "Discounts that end (more MRR)",
    "trials_ending": "Trials that end",
    "scheduled_expansion": "Scheduled expansion",
    "scheduled_contraction": "Scheduled contraction",
    "planned_pauses": "Planned pauses",
}
"""What known dates bring, as page and workbook call it, in the order in which it is shown."""
WITHOUT_RATE: Final[Mapping[str, str]] = {
    "opening_zero": "nobody had MRR at the opening",
    "nothing_left": "the segment is no more",
    "nothing_lost": "nothing was lost",
    "not_ranked": "the largest customers are not known",
    "below_zero": "more was lost than there was",
    "gap": "there is a gap in the data",
    "no_customers": "nobody was there",
}
"""Why a rate can't be given, by the reason that `why_null` gives."""
INFERRED: Final = "inferred (dated at the first evidence, the day may be another)"
"""What is said of movements that left no dated trace, before how much they are."""


def names_of(catalog: "Catalog") -> Iterator[tuple[tuple[str, str], str]]:
    """The words for every plan and product of a catalog that has any."""
    for product in catalog.products.values():
        if product.name:
            yield (PRODUCT, product.id), product.name
    for price in catalog.prices.values():
        words = plan_words(price, catalog.products.get(price.product))
        if words:
            yield (PLAN, price.id), words


def plan_words(price: "Price", product: "Product | None") -> str | None:
    """A price as people speak of it: its product's name with its nickname, else with what it costs; None if nobody named it."""
    name = (product.name if product is not None else None) or None
    if price.nickname:
        return price.nickname if name is None or name.lower() in price.nickname.lower() else f"{name}, {price.nickname}"
    return None if name is None else f"{name}, {_cost(price)}"


def _cost(price: "Price") -> str:
    from metrics.pricing.amounts import interval_label  # with all of evidence behind it, which no other word needs

    every = "a" if price.interval_count == 1 else "every"
    how_often = f"{every} {interval_label(price)}" if price.kind == "recurring" else "once"
    if price.scheme == "tiered":
        return f"in tiers, {price.currency.upper()} {how_often}"
    if price.unit is None:
        return f"{price.currency.upper()} {how_often}"
    unit = _plain(minor_to_micros(price.unit, price.currency) / MICROS_PER_MAJOR, exponent(price.currency))
    of = "" if price.transform is None else f" for {price.transform.divide_by}"
    used = " by use" if price.usage == "metered" else ""
    return f"{unit} {price.currency.upper()}{of}{used} {how_often}"


def _plain(amount: Fraction, places: int) -> str:
    """An amount of a price to its last digit, with at least the currency's places."""
    text = f"{Decimal(amount.numerator) / Decimal(amount.denominator):f}"
    whole, _, digits = text.partition(".")
    digits = digits.rstrip("0").ljust(places, "0")
    return f"{whole}.{digits}" if digits else whole


def segment_words(dimension: str, segment: str, names: Names) -> str:
    """A segment in words; what has none is shown as it is."""
    named = parts(dimension)
    if len(named) < 2:
        return names.get((dimension, segment), segment)
    return ", ".join(names.get((part, value), value) for part, value in zip(named, values(segment), strict=True))


# --- metrics, amounts, rates, spans ------------------------------------------------------------------------------------------


def metric_name(metric: str) -> str:
    """What a metric is called in a sentence."""
    return METRICS[metric].label or metric.replace("_", " ").capitalize()


def cause_name(cause: str) -> str:
    """What a cause is called in a sentence."""
    return CAUSES.get(cause) or cause.replace("_", " ")


def signal_name(signal: str) -> str:
    """What a known date brings, as the first words of a line."""
    return SIGNALS.get(signal) or signal.replace("_", " ").capitalize()


def policy_choices(policy: Policy) -> dict[str, str]:
    """What a policy answers to each of its choices, in words, by the choice's name.

    >>> chosen = policy_choices(Policy(churn_at="paid_period_end"))
    >>> chosen["churn_at"], chosen["paused_counts"], chosen["discounts"]
    ('paid period end', 'no', 'forever and repeating')
    """
    return {f.name: _answer(getattr(policy, f.name)) for f in fields(policy) if f.name != "name"}


def _answer(value: object) -> str:
    if value is None:
        return "never"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return {"forever_repeating": "forever and repeating"}.get(str(value)) or str(value).replace("_", " ")


def value_text(metric: str, value: Fraction, currency: str, *, apart_from: Fraction | None = None) -> str:
    """A value of a metric with its unit."""
    match UNITS[metric]:
        case "micros":
            return money(value, currency)
        case "count":
            return decimal(value, 0 if value.denominator == 1 else 1)
    return decimal(value, 2) if METRICS[metric].factor else percent(value, apart_from=apart_from)


def change_text(unit: str, metric: str, change: Fraction, currency: str, *, apart_from: Fraction | None = None) -> str:
    """By how much something changed, without its direction."""
    size = abs(change)
    if unit == "spreads":
        return f"{decimal(size, 0 if size.denominator == 1 else 1)} usual spreads"
    other = None if apart_from is None else abs(apart_from)
    if unit == "points":
        return points(size, percent(size, apart_from=other))
    return percent(size, apart_from=other) if unit == "percent" else value_text(metric, size, currency)


def short_label(label: str) -> str:
    """A window's label short enough for an axis: a trailing window is named by the month that it ends with."""
    if ".." not in label:
        return label
    until = date.fromisoformat(label.split("..")[1])
    return f"{until - timedelta(days=1):%Y-%m}"


def label_words(label: str) -> str:
    """A window's label as a sentence names it; what isn't made of months or days stays as it is.

    >>> label_words("2025-05"), label_words("2024-07-01..2025-07-01"), label_words("2025-05-03"), label_words("2025-Q2")
    ('May 2025', 'the 12 months to June 2025', '3 May 2025', 'Q2 2025')
    """
    begin, dots, end = label.partition("..")
    if dots:
        first, until = date.fromisoformat(begin), date.fromisoformat(end)
        last, months = until - timedelta(days=1), (until.year - first.year) * 12 + until.month - first.month
        return f"the {months} months to {last:%B %Y}" if first.day == until.day == 1 else f"{day_words(first)} to {day_words(last)}"
    if _QUARTER.fullmatch(label):
        return f"{label[5:]} {label[:4]}"
    if _MONTH.fullmatch(label):
        return f"{date.fromisoformat(f'{label}-01'):%B %Y}"
    return day_words(date.fromisoformat(label)) if _DAY.fullmatch(label) else label


_MONTH: Final = re.compile(r"\d{4}-\d{2}")
_QUARTER: Final = re.compile(r"\d{4}-Q[1-4]")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
