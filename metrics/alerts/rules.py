"""What somebody wants to be told about: rules as plain values, and what makes a rule impossible.

A rule names a metric of `metrics.retention.figures`, a window, a part of the book, and a limit; how it is judged (how large a base it needs, how
often it must be confirmed, when it counts as recovered) travels with it. Nothing here looks at a figure (`metrics.alerts.evaluate`
does), and nothing here reads a file (`worker.config.alert_rules` does).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from fractions import Fraction
from typing import Final, Literal

from metrics.billings.shares import ABOVE as OUTSIDE_ABOVE
from metrics.labels import Names, segment_words
from metrics.retention.analysis.certainty import WITH_INTERVAL
from metrics.retention.figures import METRICS, UNITS

Side = Literal["below", "above"]
Against = Literal["previous", "preceding", "year_ago", "trailing_mean", "usual"]
"""The window a step earlier (of trailing months: a month), the one that ends where this one begins, the same a year ago, a mean;
or what its own past lets one expect (`metrics.alerts.usual`)."""
InferredUse = Literal["skip", "count", "leave_out"]
ChangeUnit = Literal["points", "percent", "amount", "spreads"]

STANDING: Final = tuple(name for name, each in METRICS.items() if each.daily)
"""Metrics that are known of every single day."""
FACTORS: Final = tuple(name for name, each in METRICS.items() if each.factor)
"""Ratios that are read as a factor (4.0) and not as per cent."""
LOSSES: Final = frozenset(name for name, each in METRICS.items() if {"contraction", "churn"} & set(each.moved_by or ()))
"""Metrics that one loss of revenue can move all at once: alerts on them in windows with the same end have one cause."""
BAD_WHEN_HIGH: Final = frozenset(name for name, each in METRICS.items() if each.good == "low")
"""Metrics whose rise is bad news: what stands behind it are losses."""

MOVEMENTS: Final = ("churn", "contraction", "expansion", "new", "reactivation", "scheduled")
"""Single events that can be told of; `scheduled` is a cancellation that was asked for and has not come yet."""

FRESHNESS: Final = "freshness"
DRIFT: Final = "drift"
QUARANTINE: Final = "quarantine"
IDENTITY: Final = "identity"
USUAL_WINDOWS: Final = ("month", "quarter")
"""Windows of which there is a usual one: they don't overlap, so that each says something new."""
USUAL_SPREADS: Final = Fraction(4)
"""So many usual spreads off is unusual, where nobody says how many."""
SYSTEM: Final = (FRESHNESS, DRIFT, QUARANTINE, IDENTITY)
"""The rules that watch the numbers' own health: age of the data, differences that no event explains, quarantined objects, broken sums."""

RESERVED: Final = frozenset([*SYSTEM, "digest", "many", "channel", "sample"])
"""Names that rules of one's own can't have."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """When a reading counts. All of it guards against ringing for nothing.

    `recover_by` is how far back across its limit a value must come before an alert is resolved, in the unit of what is compared (1/200
    is half a point of a rate). `confirm_nights` nights in a row must say the same. After it was resolved an alert stays quiet for
    `cooldown_days`. `remind_days` 0: said once.
    """

    minimum_opening_micros: int = 0
    minimum_customers: int = 10
    confirm_nights: int = 1
    recover_by: Fraction = Fraction(0)
    cooldown_days: int = 3
    remind_days: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A change is watched, not the value: against which earlier window, and counted in what. `mean_of`: windows in a trailing mean."""

    against: Against = "previous"
    unit: ChangeUnit = "points"
    mean_of: int = 6


@dataclass(frozen=True, slots=True)
class Rule:
    """A metric beyond a limit. `limit` is exact: a ratio (1 is 100 %), micros, or a count; of a change, what it changed by (signed).

    `dimension` empty: the whole book; `segment` None: each segment of the dimension on its own. `currency` None: the reporting
    currency, or each currency apart where there is none. `channels` empty: all that are set up.
    """

    name: str
    metric: str
    window: str
    side: Side
    limit: Fraction
    change: Change | None = None
    dimension: str = ""
    segment: str | None = None
    currency: str | None = None
    judgement: Judgement = Judgement()
    channels: tuple[str, ...] = ()
    certainty: int = 0
    """Per cent, one-sided: so sure it must be that the limit is crossed before anybody is told. 0: what was measured is enough."""
    inferred: InferredUse = "skip"
    """Changes that nothing dates exactly: a window whose verdict could rest on them is noted only, they count, or they are left out."""

    def beyond(self, measure: Fraction) -> bool:
        """Whether what is compared is past the limit; the limit itself is not."""
        return measure < self.limit if self.side == "below" else measure > self.limit

    def recovered(self, measure: Fraction) -> bool:
        """Whether what is compared is far enough back for an alert to end."""
        by = self.judgement.recover_by
        return measure >= self.limit + by if self.side == "below" else measure <= self.limit - by


@dataclass(frozen=True, slots=True)
class MovementRule:
    """Single movements of more than `above_micros` are told of, once each. Only those in `currency`; None: in all, and the amount is
    one of the reporting currency."""

    name: str
    kind: str
    above_micros: int
    currency: str | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SystemRule:
    """One of SYSTEM; `limit` is in seconds for freshness and a count for the others."""

    name: str
    limit: int = 0
    judgement: Judgement = Judgement(minimum_customers=0, cooldown_days=0)
    channels: tuple[str, ...] = ()


AnyRule = Rule | MovementRule | SystemRule

DEFAULT_RULES: Final = (
    Rule(
        "nrr-below-100",
        "nrr",
        "trailing_12",
        "below",
        Fraction(1),
        judgement=Judgement(recover_by=Fraction(1, 200)),
        certainty=99,
    ),
    Rule(
        "nrr-3-months-below-100",
        "nrr",
        "trailing_3",
        "below",
        Fraction(1),
        judgement=Judgement(recover_by=Fraction(1, 200)),
        certainty=99,
    ),
    Rule(
        "grr-drop",
        "grr",
        "trailing_3",
        "below",
        Fraction(-2, 100),
        Change("preceding"),
        judgement=Judgement(recover_by=Fraction(1, 200)),
        certainty=96,
    ),
    Rule(
        "logo-drop",
        "logo_retention",
        "trailing_12",
        "below",
        Fraction(-1, 100),
        Change("year_ago"),
        judgement=Judgement(recover_by=Fraction(1, 200)),
        certainty=98,
    ),
)
"""What is watched when nobody has said anything: NRR of a year and of three months below 100 %, GRR of three months two points below the
three months before them, and logo retention of a year a point below the year before, each beyond what chance explains."""
LEAST_CERTAINTY: Final = 80
MOST_CERTAINTY: Final = 99
"""What a rule can ask for, in per cent, one-sided."""
DEFAULT_SYSTEM: Final = (SystemRule(FRESHNESS, 86_400), SystemRule(DRIFT), SystemRule(QUARANTINE), SystemRule(IDENTITY))
"""Data older than a day, any drift, anything quarantined, any broken sum."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that was asked for about alerts.

    `quiet` are two times of day in the reporting time zone between which nothing is sent (the later may be the next morning).
    `digest_above`: more messages than that in one night become one. `names`: whether customers' names may be in messages.
    """

    rules: tuple[Rule, ...] = DEFAULT_RULES
    movements: tuple[MovementRule, ...] = ()
    system: tuple[SystemRule, ...] = DEFAULT_SYSTEM
    digests: tuple[str, ...] = ()
    digest_above: int = 5
    quiet: tuple[time, time] | None = None
    names: bool = False
    report_url: str | None = None
    lookback_days: int = 7
    labels: Mapping[str, str] = field(default_factory=dict)
    """Nicer words for segments, by `dimension=segment`."""
    words: Names = field(default_factory=dict)
    """What plans, products and accounts are called where nobody gave them a nicer word."""
    outside_share: Fraction = OUTSIDE_ABOVE
    """The share outside subscriptions above which every message of figures says it."""
    channels: tuple[str, ...] = ()
    """Where what names no channel of its own goes; empty: to all."""
    digest_channels: tuple[str, ...] = ()
    """Where digests go; empty: where what names no channel goes."""
    asides: tuple[str, ...] = ()
    """What every message of figures says at its end."""

    def called(self, segment: str) -> str:
        """A segment (`plan=price_1`) as messages speak of it: in words, with the id behind them where they aren't the rules' own."""
        dimension, _, value = segment.partition("=")
        said = segment_words(dimension, value, self.words)
        if segment in self.labels or said == segment_words(dimension, value, {}):
            return self.labels.get(segment, segment)
        return f"{said} ({value})"

    def named(self) -> dict[str, AnyRule]:
        """Every rule by its name."""
        every: list[AnyRule] = [*self.rules, *self.movements, *self.system]
        return {rule.name: rule for rule in every}


def faults(rule: Rule) -> list[str]:
    """Why a rule can't be, in words; empty when it can."""
    out = []
    if rule.window == "day" and rule.metric not in STANDING:
        out.append(f"{rule.metric} is a figure of a window, not of a day; of a day there are {', '.join(STANDING)}")
    unit = UNITS[rule.metric]
    if rule.change is not None and rule.change.unit == "points" and (unit != "ratio" or rule.metric in FACTORS):
        out.append(f"{rule.metric} is not a rate, so it can't change by points; say by how many per cent")
    if rule.change is not None and rule.change.unit == "amount" and unit == "ratio" and rule.metric not in FACTORS:
        out.append(f"{rule.metric} is a rate, so it changes by points or per cent")
    if rule.change is not None and rule.change.against == "usual":
        if rule.window not in USUAL_WINDOWS:
            out.append(f"windows that overlap or last a day say too little of what is usual; there are {', '.join(USUAL_WINDOWS)}")
        if rule.certainty:
            out.append("unusual is as certain as `by` says: how many usual spreads; leave `certainty` out")
    if rule.certainty and rule.metric not in WITH_INTERVAL:
        out.append(f'{rule.metric} has no interval; `certainty` takes "measured" with it, or a rate: {", ".join(WITH_INTERVAL)}')
    if rule.change is not None and rule.change.mean_of < 2:
        out.append("a mean takes at least two windows")
    if rule.dimension and not METRICS[rule.metric].by_segment:
        out.append(f"{rule.metric} is known of the whole book only")
    return out
