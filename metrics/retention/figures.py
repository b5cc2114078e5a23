"""The figures of one window, segment and currency, and the rates that they are the parts of.

What is stored are integers: sums and counts over customers, so figures of disjoint sets of customers add up, and nothing is ever lost
to a rounded ratio. Rates are made from them at the very end. What each figure means is in `metrics/DEFINITIONS.md`; how the integers
come about is in `metrics.retention.aggregate`. Nothing here may look at a ledger.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from fractions import Fraction
from typing import Any, Final, Literal

from metrics.money import ratio_text
from metrics.window_kinds import months_long

TOP: Final = 10
"""Largest customers whose share of the opening is shown."""
SET_ASIDE: Final = 5
"""Largest customers without whom NRR is shown too."""

Unit = Literal["ratio", "micros", "count"]

SQUARES: Final = ("opening_squared", "opening_by_end", "end_squared")
"""Sums over the cohort of products of two amounts of one customer (a², a·b, b²; squares of micros, in 128 bits): what the uncertainty
of a rate is made of (`metrics.retention.certainty`)."""

PRODUCTS: Final = "products"
"""The column of the store's table `rollup` that holds the SQUARES: whole numbers of up to 128 bits, as a JSON list."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One window × segment × currency, under one policy. Money is in micros of `currency`.

    `currency` is a code (`usd`: what is billed in it) or `all:usd` (the whole book, expressed in the reporting currency).
    `dimension` and `segment` are empty for the whole. Of the opening cohort, by end points and at the opening's exchange rate:
    `opening`, `expansion`, `contraction`, `churn`, `closing_of_cohort`, `retained_customers`. Of the whole book: `new`, `reactivation`,
    the companions `flow_expansion`, `flow_contraction`, `flow_churn`, then `fx`, and `closing`; `switched_logos` are customers that came into
    this currency from another one less those that left it for another one. `reason` says why rates are null.
    """

    policy: str
    kind: str
    first: date
    until: date
    dimension: str
    segment: str
    currency: str
    opening: int = 0
    expansion: int = 0
    contraction: int = 0
    churn: int = 0
    closing_of_cohort: int = 0
    new: int = 0
    reactivation: int = 0
    closing: int = 0
    fx: int = 0
    opening_customers: int = 0
    closing_customers: int = 0
    retained_customers: int = 0
    new_logos: int = 0
    lost_logos: int = 0
    returned_logos: int = 0
    companions: Mapping[str, Any] = field(default_factory=dict)
    incomplete: bool = False
    reason: str | None = None
    version: int = 1
    opening_squared: int | None = None
    """Sum over the cohort of each customer's opening squared, in squares of micros; None in figures older than these sums."""
    opening_by_end: int | None = None
    """The same of its opening times its end at the opening's exchange rate."""
    end_squared: int | None = None

    def companion(self, name: str) -> int:
        """A companion that is a whole number; 0 when it was not counted."""
        return int(self.companions.get(name) or 0)

    def to_row(self) -> dict[str, Any]:
        """The figures as a row of the store's table `rollup`: companions are JSON text with sorted keys."""
        row = {name: getattr(self, name) for name in _NAMES if name not in SQUARES}
        row[PRODUCTS] = None if self.opening_squared is None else json.dumps([getattr(self, name) for name in SQUARES])
        row["companions"] = json.dumps(self.companions, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Figures":
        """The figures in a row of `rollup`; columns that are not theirs are passed over."""
        values = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        if isinstance(values.get("companions"), str):
            values["companions"] = json.loads(values["companions"])
        if row.get(PRODUCTS) is not None:
            values |= zip(SQUARES, json.loads(row[PRODUCTS]), strict=True)
        return cls(**values)

    def bridge(self) -> dict[str, int]:
        """The lines from opening to closing of the whole book, in order; losses are negative, so they add up to `closing`."""
        return {
            "opening": self.opening,
            "new": self.new,
            "reactivation": self.reactivation,
            "expansion": self.companion("flow_expansion"),
            "contraction": -self.companion("flow_contraction"),
            "churn": -self.companion("flow_churn"),
            "fx": self.fx,
            "closing": self.closing,
        }

    def breaks(self) -> list[str]:
        """The identities that these figures break, in words; an empty list is what every run must end with."""
        out = []
        *parts, closing = self.bridge().values()
        if sum(parts) != closing:
            out.append(f"opening and movements make {sum(parts)}, but closing is {closing}")
        if self.opening + self.expansion - self.contraction - self.churn != self.closing_of_cohort:
            out.append(f"the cohort's parts do not make its end of {self.closing_of_cohort}")
        logos = self.opening_customers + self.new_logos + self.returned_logos - self.lost_logos + self.companion("switched_logos")
        if logos != self.closing_customers:
            out.append(f"customers and logos make {logos}, but {self.closing_customers} are there at the end")
        return out


_NAMES: Final = tuple(f.name for f in fields(Figures))

OPENING_ZERO: Final = "opening_zero"
GAP: Final = "gap"
NOTHING_LOST: Final = "nothing_lost"
NO_CUSTOMERS: Final = "no_customers"
NOT_RANKED: Final = "not_ranked"

Ratio = tuple[int, int]
"""Numerator and denominator of an exact ratio."""


def _of_opening(part: Callable[[Figures], int]) -> Callable[[Figures], Ratio]:
    return lambda f: (part(f), f.opening)


def _gross(f: Figures) -> int:
    if f.companions.get("grr_by") == "running_minimum":
        return f.companion("lowest")
    return f.opening - f.contraction - f.churn


def _flow_net(f: Figures) -> int:
    returns = f.reactivation if f.companions.get("reactivation_in_flow") else 0
    return f.opening + returns + f.companion("flow_expansion") - _flow_losses(f)


def _flow_losses(f: Figures) -> int:
    return f.companion("flow_contraction") + f.companion("flow_churn")


def _gains(f: Figures) -> int:
    return f.new + f.reactivation + f.companion("flow_expansion")


def _lost_members(f: Figures) -> int:
    return f.opening_customers - f.retained_customers


def _largest(f: Figures, count: int) -> tuple[int, int]:
    """Opening and cohort's end of the `count` largest customers at the opening."""
    top = f.companions.get("largest", [])[:count]
    return sum(c["opening"] for c in top), sum(c["closing"] for c in top)


def _without_largest(f: Figures) -> Ratio:
    opening, closing = _largest(f, SET_ASIDE)
    return f.closing_of_cohort - closing, f.opening - opening


RATES: Final[Mapping[str, Callable[[Figures], Ratio]]] = {
    "nrr": _of_opening(lambda f: f.closing_of_cohort),
    "grr": _of_opening(_gross),
    "grr_running_minimum": _of_opening(lambda f: f.companion("lowest")),
    "logo_retention": lambda f: (f.retained_customers, f.opening_customers),
    "churn_only_retention": _of_opening(lambda f: f.opening - f.churn),
    "flow_nrr": _of_opening(_flow_net),
    "flow_grr": _of_opening(lambda f: f.opening - _flow_losses(f)),
    "expansion_rate": _of_opening(lambda f: f.expansion),
    "contraction_rate": _of_opening(lambda f: f.contraction),
    "revenue_churn_rate": _of_opening(lambda f: f.churn),
    "customer_churn_rate": lambda f: (_lost_members(f), f.opening_customers),
    "quick_ratio": lambda f: (_gains(f), _flow_losses(f)),
    "nrr_without_largest": _without_largest,
    "concentration": lambda f: (_largest(f, TOP)[0], f.opening),
}
"""Every rate as numerator and denominator. `flow_*` divide the window's movements by the opening; a year of them is never GRR."""

_RANKED = frozenset({"nrr_without_largest", "concentration"})


def why_null(figures: Figures, rate: str) -> str | None:
    """The reason for which `rate` can't be given: gap, opening_zero, nothing_lost, not_ranked; None when it can."""
    if figures.reason == GAP:
        return GAP
    if rate in _RANKED and "largest" not in figures.companions:
        return NOT_RANKED
    if RATES[rate](figures)[1] > 0:
        return None
    return NOTHING_LOST if rate == "quick_ratio" else OPENING_ZERO


def ratio(figures: Figures, rate: str) -> Fraction | None:
    """The exact rate, or None where `why_null` has a reason."""
    if why_null(figures, rate):
        return None
    return Fraction(*RATES[rate](figures))


def rates(figures: Figures) -> dict[str, str | None]:
    """Every rate as a decimal text of six places, rounded half-even (`1.083333` is 108.33 %), or None with a reason in `why_null`."""
    return {name: None if why_null(figures, name) else ratio_text(*part(figures)) for name, part in RATES.items()}


def _half_even(ratio: Fraction | None) -> int | None:
    return None if ratio is None else round(ratio)


def arpa_micros(figures: Figures) -> int | None:
    """MRR per customer at the closing, rounded half-even to a micro; None without customers."""
    return _half_even(Fraction(figures.closing, figures.closing_customers)) if figures.closing_customers else None


def lifetime_value_micros(figures: Figures) -> int | None:
    """ARPA times the months that a customer stays at the window's rate of customer churn; None when nobody left or nobody is there.

    Of revenue, not of margin: what serving a customer costs is not known here.
    """
    arpa, lost = arpa_micros(figures), _lost_members(figures)
    if arpa is None or lost == 0 or figures.reason == GAP:
        return None
    return _half_even(Fraction(figures.closing * figures.opening_customers * months_in(figures), figures.closing_customers * lost))


def months_in(figures: Figures) -> Fraction:
    """The length of the window in months; days of a custom one count as 12/365 of a month."""
    return months_long(figures.kind, figures.first, figures.until)


AMOUNTS: Final[Mapping[str, Callable[[Figures], int | None]]] = {
    "mrr": lambda f: f.closing,
    "arr": lambda f: f.closing * 12,
    "list_mrr": lambda f: f.companion("list"),
    "at_risk": lambda f: f.companion("at_risk"),
    "scheduled_churn": lambda f: f.companion("scheduled"),
    "committed": lambda f: f.closing - f.companion("scheduled"),
    "usage_mrr": lambda f: f.companion("usage"),
    "trial_pipeline": lambda f: f.companions.get("trial_pipeline"),
    "churned_mrr": lambda f: f.companion("flow_churn"),
    "contracted_mrr": lambda f: f.companion("flow_contraction"),
    "expansion_mrr": lambda f: f.companion("flow_expansion"),
    "new_mrr": lambda f: f.new,
    "reactivation_mrr": lambda f: f.reactivation,
    "net_new_mrr": lambda f: _gains(f) - _flow_losses(f),
    "arpa": arpa_micros,
    "lifetime_value": lifetime_value_micros,
}
"""Every amount in micros of the figures' currency, at the closing or summed over the window; None where it can't be given."""


def amounts(figures: Figures) -> dict[str, int | None]:
    """Every one of AMOUNTS."""
    return {name: amount(figures) for name, amount in AMOUNTS.items()}


_COUNTS: Final = {
    "customers": "closing_customers",
    "opening_customers": "opening_customers",
    "new_logos": "new_logos",
    "lost_logos": "lost_logos",
    "returned_logos": "returned_logos",
}


def difference(figures: Figures) -> dict[str, dict[str, int]]:
    """Why cohort and flow differ, in micros of the opening's money: for the net and the gross figure, parts that add up to `total`.

    `returns_of_members`: members that left and came back (the cohort counts where they ended, the flow leaves returns out, unless the
    policy puts them in).
    `round_trips_of_members`: losses that members made good again before the end. `arrivals`: movements of customers that were not
    there at the opening. `exchange`: movements at their own day's rate against both ends at the opening's.
    """
    get = figures.companion
    arrivals_lost = get("arrivals_contraction") + get("arrivals_churn")
    cohort_net, flow_net = figures.closing_of_cohort, _flow_net(figures)
    in_flow = figures.reactivation if figures.companions.get("reactivation_in_flow") else 0
    returns = get("member_returns") - in_flow
    arrivals = arrivals_lost - get("arrivals_expansion")
    net = {"returns_of_members": returns, "arrivals": arrivals, "exchange": cohort_net - flow_net - returns - arrivals}
    end_losses = figures.contraction + figures.churn
    trips = _flow_losses(figures) - arrivals_lost - end_losses
    gross = {"round_trips_of_members": trips, "arrivals": arrivals_lost}
    return {
        "net": {**net, "total": cohort_net - flow_net},
        "gross": {**gross, "total": _flow_losses(figures) - end_losses},
    }


UNITS: Final[Mapping[str, Unit]] = {
    **dict.fromkeys(RATES, "ratio"),
    **dict.fromkeys(AMOUNTS, "micros"),
    **dict.fromkeys(_COUNTS, "count"),
}
"""Every metric that can be asked for by name, with its unit."""


def metric(figures: Figures, name: str) -> Fraction | int | None:
    """The metric called `name`, exact: a Fraction for a ratio, an int for micros and counts, None where it can't be given.

    Raises KeyError for a name that is not in UNITS.
    """
    match UNITS[name]:
        case "ratio":
            return ratio(figures, name)
        case "micros":
            return AMOUNTS[name](figures)
        case _:
            return int(getattr(figures, _COUNTS[name]))
