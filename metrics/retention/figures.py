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
from operator import attrgetter
from typing import Any, Final, Literal

from metrics.money import BookCurrency, ratio_text
from metrics.movement_kinds import KINDS
from metrics.window_kinds import months_long

TOP: Final = 10
"""Largest customers whose share of the opening is shown."""
SET_ASIDE: Final = 5
"""Largest customers without whom NRR is shown too."""

Unit = Literal["ratio", "micros", "count"]

SQUARES: Final = ("opening_squared", "opening_by_end", "end_squared")
"""Sums over the cohort of products of two amounts of one customer (a², a·b, b²; squares of micros, in 128 bits): what the uncertainty
of a rate is made of (`metrics.retention.analysis.certainty`)."""

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

    @property
    def code(self) -> str:
        """The code of the currency, be it billed or expressed in it."""
        return BookCurrency.of(self.currency).code

    @property
    def whole_book(self) -> bool:
        """Whether it is the whole book, expressed in the currency, and not what is billed in it."""
        return BookCurrency.of(self.currency).whole_book

    def companion(self, name: str) -> int:
        """A companion that is a whole number; 0 when it was not counted."""
        return int(self.companions.get(name) or 0)

    def to_row(self) -> dict[str, Any]:
        """The figures as a row of the store's table `rollup`: companions are JSON text with sorted keys."""
        row = dict(zip(_COLUMNS, _columns_of(self), strict=True))
        row[PRODUCTS] = None if self.opening_squared is None else json.dumps([getattr(self, name) for name in SQUARES])
        row["companions"] = _as_text(self.companions)
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


_COLUMNS: Final = tuple(f.name for f in fields(Figures) if f.name not in SQUARES)
_columns_of: Final = attrgetter(*_COLUMNS)
_as_text: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

OPENING_ZERO: Final = "opening_zero"
GAP: Final = "gap"
NOTHING_LOST: Final = "nothing_lost"
BELOW_ZERO: Final = "below_zero"
"""More was lost than was there at the opening, since those who came within the window lost too: no rate of the opening says that."""
NOT_RANKED: Final = "not_ranked"

Ratio = tuple[int, int]
"""Numerator and denominator of an exact ratio."""


def _of_opening(part: Callable[[Figures], int]) -> Callable[[Figures], Ratio]:
    return lambda f: (part(f), f.opening)


def _lowest(f: Figures) -> int:
    return f.companion("lowest")


def _gross(f: Figures) -> int:
    if f.companions.get("grr_by") == "running_minimum":
        return _lowest(f)
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


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, declared once: what figures, rules, messages and the command line know of it.

    `of` makes it of figures: numerator and denominator of a ratio, micros, or a count; None where it can't be given. `good` says which
    way is good news. `whose`: the customers of the opening (`cohort`), or the whole `book`. `moved_by` are the kinds of movements that
    change it, each always the same way: losses for the worse and gains for the better, or the other way round where low is good; None
    where they change it either way. `label` is its name in a sentence, where that isn't its name with spaces. `daily`: it is known of
    every single day. `factor`: a ratio that is read as a factor (4.0) and not as per cent. `by_segment`: it is known of parts of the book.
    `needs` names the companion without which it can't be given.
    """

    name: str
    unit: Unit
    of: Callable[[Figures], Ratio | int | None]
    good: Literal["high", "low"]
    whose: Literal["cohort", "book"]
    moved_by: tuple[str, ...] | None
    label: str = ""
    daily: bool = False
    factor: bool = False
    by_segment: bool = True
    needs: str = ""


def _rate(name: str, of: Callable[[Figures], Ratio], *more: Any, **also: Any) -> Metric:
    return Metric(name, "ratio", of, *more, **also)


def _amount(name: str, of: Callable[[Figures], int | None], *more: Any, **also: Any) -> Metric:
    return Metric(name, "micros", of, *more, **also)


def _count(name: str, of: Callable[[Figures], int], *more: Any, **also: Any) -> Metric:
    return Metric(name, "count", of, *more, **also)


_LOST: Final = ("contraction", "churn")
_OF_MEMBERS: Final = ("expansion", *_LOST)
_ANY: Final = KINDS

METRICS: Final = {
    each.name: each
    for each in (
        _rate("nrr", _of_opening(lambda f: f.closing_of_cohort), "high", "cohort", _OF_MEMBERS, "NRR"),
        _rate("grr", _of_opening(_gross), "high", "cohort", _LOST, "GRR"),
        _rate("grr_running_minimum", _of_opening(_lowest), "high", "cohort", _LOST, "GRR by running minimum"),
        _rate("logo_retention", lambda f: (f.retained_customers, f.opening_customers), "high", "cohort", ("churn",)),
        _rate(
            "churn_only_retention", _of_opening(lambda f: f.opening - f.churn), "high", "cohort", ("churn",), "Churn-only retention"
        ),
        _rate("flow_nrr", _of_opening(_flow_net), "high", "book", _OF_MEMBERS, "Flow NRR"),
        _rate("flow_grr", _of_opening(lambda f: f.opening - _flow_losses(f)), "high", "book", _LOST, "Flow GRR"),
        _rate("expansion_rate", _of_opening(lambda f: f.expansion), "high", "cohort", ("expansion",)),
        _rate("contraction_rate", _of_opening(lambda f: f.contraction), "low", "cohort", ("contraction",)),
        _rate("revenue_churn_rate", _of_opening(lambda f: f.churn), "low", "cohort", ("churn",)),
        _rate("customer_churn_rate", lambda f: (_lost_members(f), f.opening_customers), "low", "cohort", ("churn",)),
        _rate("quick_ratio", lambda f: (_gains(f), _flow_losses(f)), "high", "book", _ANY, factor=True),
        _rate(
            "nrr_without_largest",
            _without_largest,
            "high",
            "cohort",
            _OF_MEMBERS,
            "NRR without the five largest",
            by_segment=False,
            needs="largest",
        ),
        _rate(
            "concentration",
            lambda f: (_largest(f, TOP)[0], f.opening),
            "low",
            "book",
            (),
            "Share of the ten largest",
            by_segment=False,
            needs="largest",
        ),
        _rate(
            "outside_share",
            lambda f: (f.companion("outside"), f.companion("invoiced")),
            "low",
            "book",
            (),
            "Share outside subscriptions",
            by_segment=False,
            needs="invoiced",
        ),
        _amount("mrr", lambda f: f.closing, "high", "book", _ANY, "MRR", daily=True),
        _amount("arr", lambda f: f.closing * 12, "high", "book", _ANY, "ARR", daily=True),
        _amount("list_mrr", lambda f: f.companion("list"), "high", "book", _ANY, "List MRR", daily=True),
        _amount("at_risk", lambda f: f.companion("at_risk"), "low", "book", (), "MRR at risk", daily=True),
        _amount("scheduled_churn", lambda f: f.companion("scheduled"), "low", "book", (), daily=True),
        _amount("committed", lambda f: f.closing - f.companion("scheduled"), "high", "book", _ANY, "Committed MRR", daily=True),
        _amount("usage_mrr", lambda f: f.companion("usage"), "high", "book", (), "Usage MRR", daily=True),
        _amount("trial_pipeline", lambda f: f.companions.get("trial_pipeline"), "high", "book", (), by_segment=False),
        _amount("churned_mrr", lambda f: f.companion("flow_churn"), "low", "book", ("churn",), "Churned MRR"),
        _amount("contracted_mrr", lambda f: f.companion("flow_contraction"), "low", "book", ("contraction",), "Contracted MRR"),
        _amount("expansion_mrr", lambda f: f.companion("flow_expansion"), "high", "book", ("expansion",), "Expansion MRR"),
        _amount("new_mrr", lambda f: f.new, "high", "book", ("new",), "New MRR"),
        _amount("reactivation_mrr", lambda f: f.reactivation, "high", "book", ("reactivation",), "Reactivated MRR"),
        _amount("net_new_mrr", lambda f: _gains(f) - _flow_losses(f), "high", "book", _ANY, "Net new MRR"),
        _amount("arpa", arpa_micros, "high", "book", None, "ARPA"),
        _amount("lifetime_value", lifetime_value_micros, "high", "book", None),
        _count("customers", lambda f: f.closing_customers, "high", "book", ("new", "reactivation", "churn"), daily=True),
        _count("opening_customers", lambda f: f.opening_customers, "high", "book", ()),
        _count("new_logos", lambda f: f.new_logos, "high", "book", ("new",)),
        _count("lost_logos", lambda f: f.lost_logos, "low", "book", ("churn",)),
        _count("returned_logos", lambda f: f.returned_logos, "high", "book", ("reactivation",)),
    )
}
"""Every metric that can be asked for by name. Whatever else has to know something of each of them asks here."""

RATES: Final = tuple(name for name, each in METRICS.items() if each.unit == "ratio")
"""Every rate. `flow_*` divide the window's movements by the opening; a year of them is never GRR."""
AMOUNTS: Final = tuple(name for name, each in METRICS.items() if each.unit == "micros")
"""Every amount in micros of the figures' currency, at the closing or summed over the window; None where it can't be given."""
UNITS: Final[Mapping[str, Unit]] = {name: each.unit for name, each in METRICS.items()}
"""Every metric that can be asked for by name, with its unit."""


def _parts(figures: Figures, rate: str) -> Ratio:
    made = METRICS[rate].of(figures)
    assert isinstance(made, tuple), "a ratio has two parts"
    return made


def why_null(figures: Figures, rate: str) -> str | None:
    """The reason for which `rate` can't be given: gap, opening_zero, nothing_lost, not_ranked, below_zero; None when it can."""
    if figures.reason == GAP:
        return GAP
    needs = METRICS[rate].needs
    if needs and needs not in figures.companions:
        return NOT_RANKED
    over, under = _parts(figures, rate)
    if under > 0:
        return BELOW_ZERO if over < 0 and METRICS[rate].whose == "book" and months_in(figures) > 1 else None
    return NOTHING_LOST if METRICS[rate].factor else OPENING_ZERO


def ratio(figures: Figures, rate: str) -> Fraction | None:
    """The exact rate, or None where `why_null` has a reason."""
    if why_null(figures, rate):
        return None
    return Fraction(*_parts(figures, rate))


def rates(figures: Figures) -> dict[str, str | None]:
    """Every rate as a decimal text of six places, rounded half-even (`1.083333` is 108.33 %), or None with a reason in `why_null`."""
    return {name: None if why_null(figures, name) else ratio_text(*_parts(figures, name)) for name in RATES}


def amounts(figures: Figures) -> dict[str, int | None]:
    """Every one of AMOUNTS."""
    return {name: _whole(figures, name) for name in AMOUNTS}


def _whole(figures: Figures, name: str) -> int | None:
    made = METRICS[name].of(figures)
    assert not isinstance(made, tuple), "an amount or a count is one number"
    return made


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


def metric(figures: Figures, name: str) -> Fraction | int | None:
    """The metric called `name`, exact: a Fraction for a ratio, an int for micros and counts, None where it can't be given.

    Raises KeyError for a name that is not in UNITS.
    """
    return ratio(figures, name) if UNITS[name] == "ratio" else _whole(figures, name)
