"""What the figures say about a rule: one reading for each part of the book that it watches, with a verdict and the reason for it.

Only windows that are over and complete are read. What can't be judged (no base, no rate, nothing to compare with) has the verdict
`none`, which neither rings nor silences. Whether a verdict leads to a message is not decided here; `metrics.alerts.decide` does that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final, Literal

from metrics.alerts.inferred import INFERRED, NOTHING, InferredParts
from metrics.alerts.rules import Rule, SystemRule
from metrics.alerts.usual import MOST, Usual, usual
from metrics.money import BookCurrency
from metrics.periods import Window, add_months
from metrics.retention.analysis.certainty import NOT_SUMMED, WITH_INTERVAL, against, shifted, why_no_interval
from metrics.retention.analysis.certainty import Verdict as Sure
from metrics.retention.figures import RATES, Figures, metric, why_null
from metrics.window_kinds import WINDOW_KINDS

Verdict = Literal["bad", "note", "band", "good", "none", "gone"]
"""Beyond the limit; beyond it within noise, under a rule that asks for certainty; back across it but not far enough; fine; can't be judged;
there is nothing left to be judged."""

REMEMBERED: Final = 13
"""Windows whose verdicts are remembered, and which a chart shows: a year and the same period of the year before."""

MEASURED_AT: Final = 95
"""Per cent, one-sided, at which the verdict in words of a rule is given that doesn't ask for certainty."""
SMALL_BASE: Final = "small_base"
NO_REFERENCE: Final = "no_reference"
UNKNOWN: Final = "unknown"

SeriesKey = tuple[str, str, str, str]
"""kind, dimension, segment, currency"""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it was given: by figures of which version, on which value and what was compared."""

    version: int
    value: Fraction | None
    measure: Fraction | None
    verdict: Verdict

    def as_list(self) -> list[Any]:
        """For JSON."""
        return [self.version, _text(self.value), _text(self.measure), self.verdict]

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Judged":
        """Back from JSON."""
        return cls(int(row[0]), _fraction(row[1]), _fraction(row[2]), row[3])


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule reads about one part of the book. `segment` is the alert's key within the rule.

    `history` holds the newest windows by label, oldest first, this one among them. `reference` is what a change is measured against,
    `measure` what is compared with the limit (the value itself, or the change). `details` are words of system rules.
    """

    rule: str
    segment: str
    window: str
    verdict: Verdict
    why: str | None = None
    until: date | None = None
    value: Fraction | None = None
    reference: Fraction | None = None
    measure: Fraction | None = None
    version: int = 0
    currency: str = ""
    figures: Figures | None = None
    before: Figures | None = None
    history: Mapping[str, Judged] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    certainty: Sure | None = None
    """How sure the crossing of the limit is; None where it isn't crossed or the metric has no interval."""
    usual: Usual | None = None
    """What the book's own past let one expect, for a rule on that."""
    series: tuple[Figures, ...] = ()
    """The figures of `history`, oldest first."""


class Shelf:
    """Figures by series, each in order of its windows."""

    def __init__(self, figures: Iterable[Figures]) -> None:
        self._series: dict[SeriesKey, list[Figures]] = {}
        for each in sorted(figures, key=lambda f: (f.until, f.first)):
            self._series.setdefault((each.kind, each.dimension, each.segment, each.currency), []).append(each)

    def series(self, key: SeriesKey) -> Sequence[Figures]:
        """The complete windows of one series, oldest first."""
        return [f for f in self._series.get(key, ()) if not f.incomplete]

    def segments(self, kind: str, dimension: str, currency: str) -> list[str]:
        """Every segment of a dimension that there are figures of."""
        return sorted(s for k, d, s, c in self._series if (k, d, c) == (kind, dimension, currency))

    def newest(self, kind: str) -> tuple[date, date] | None:
        """The newest window of a kind that is complete, by the whole book of any currency."""
        found = [
            (f.until, f.first)
            for (k, d, _, _), some in self._series.items()
            for f in some
            if (k, d) == (kind, "") and not f.incomplete
        ]
        return None if not found else (max(found)[1], max(found)[0])

    def currencies(self) -> tuple[str, ...]:
        """The currencies that rules look at by default: the whole book in the reporting currency, else each on its own."""
        every = sorted({c for _, d, _, c in self._series if d == ""})
        whole = tuple(c for c in every if BookCurrency.of(c).whole_book)
        return whole or tuple(every)

    def whole(self) -> list[Figures]:
        """Everything of the whole book."""
        return [f for (_, d, _, _), some in self._series.items() if d == "" for f in some]


def label_of(figures: Figures) -> str:
    """The window's short name."""
    return Window(figures.kind, figures.first, figures.until).label


def key_of(dimension: str, segment: str, currency: str, *, several: bool) -> str:
    """The key of an alert within its rule: empty for the whole book, else `plan=pro`; with the currency where there are several."""
    parts = [f"{dimension}={segment}"] if dimension else []
    return " ".join([*parts, currency] if several else parts)


def readings(rule: Rule, shelf: Shelf, inferred: InferredParts = NOTHING) -> list[Reading]:
    """What the rule reads in the newest complete window, in order of segment; nothing while there is no complete window.

    Of the whole book the inferred part is known, and treated as the rule says; of segments everything counts.
    """
    window = shelf.newest(rule.window)
    if window is None:
        return []
    currencies = (rule.currency,) if rule.currency else shelf.currencies()
    out = []
    for currency in currencies:
        segments = [rule.segment] if rule.segment is not None else shelf.segments(rule.window, rule.dimension, currency)
        for segment in segments if rule.dimension else [""]:
            series = shelf.series((rule.window, rule.dimension, segment, currency))
            key = key_of(rule.dimension, segment, currency, several=len(currencies) > 1)
            if rule.inferred == "leave_out" and not rule.dimension:
                series = inferred.all_without(series)
            reading = _read(rule, key, currency, series, window)
            if rule.inferred == "skip" and not rule.dimension and _rests_on(rule, reading, series, inferred):
                reading = replace(reading, verdict="note", why=INFERRED)
            out.append(reading)
    return out


def _rests_on(rule: Rule, reading: Reading, series: Sequence[Figures], inferred: InferredParts) -> bool:
    """Whether what lies beyond the limit wouldn't, were the inferred changes left out of its window, or of those that it is compared with too."""
    if reading.verdict != "bad" or reading.figures is None:
        return False
    measured = replace(rule, certainty=0)
    bare = inferred.all_without(series)
    if list(series) == bare:
        return False
    alone = {**{f.until: f for f in series}, bare[-1].until: bare[-1]}
    every = {f.until: f for f in bare}
    return any(_judge(measured, bare[-1], ends)[0].verdict != "bad" for ends in (alone, every))


def _read(rule: Rule, key: str, currency: str, series: Sequence[Figures], window: tuple[date, date]) -> Reading:
    if not series or (series[-1].first, series[-1].until) != window:
        # No row is how a window without anything in it looks: whoever was there has left the segment.
        label = Window(rule.window, *window).label
        return Reading(rule.name, key, label, "gone", "gone", until=window[1], currency=currency)
    ends = {f.until: f for f in series}
    now = _judge(rule, series[-1], ends)
    history = {label_of(f): _judge(rule, f, ends)[0] for f in series[-REMEMBERED:]}
    judged, why, reference, before, sure = now
    return Reading(
        rule.name,
        key,
        label_of(series[-1]),
        judged.verdict,
        why,
        series[-1].until,
        judged.value,
        reference,
        judged.measure,
        judged.version,
        currency,
        series[-1],
        before,
        history,
        certainty=sure,
        usual=_usual(rule, series[-1], ends)[0] if _is_usual(rule) else None,
        series=tuple(series[-REMEMBERED:]),
    )


_Verdict = tuple[Judged, str | None, Fraction | None, Figures | None, Sure | None]


def _judge(rule: Rule, figures: Figures, ends: Mapping[date, Figures]) -> _Verdict:
    """The verdict on one window, why there is none, what it was compared with, the figures of that, and how sure it is."""
    found = metric(figures, rule.metric)
    if found is None:
        why = why_null(figures, rule.metric) if rule.metric in RATES else None
        return Judged(figures.version, None, None, "none"), why or UNKNOWN, None, None, None
    value = Fraction(found)
    judgement = rule.judgement
    if figures.opening < judgement.minimum_opening_micros or figures.opening_customers < judgement.minimum_customers:
        return Judged(figures.version, value, None, "none"), SMALL_BASE, None, None, None
    measure, version, reference, before = value, figures.version, None, None
    earlier: list[Figures] = []
    if _is_usual(rule):
        expected, versions = _usual(rule, figures, ends)
        if expected is None:
            return Judged(version, value, None, "none"), NO_REFERENCE, None, None, None
        measure, reference, version = expected.spreads_off(value), expected.expected, version + versions
    elif rule.change is not None:
        earlier = _earlier(rule, figures, ends)
        values = [metric(f, rule.metric) for f in earlier]
        version += sum(f.version for f in earlier)
        if not values or any(v is None for v in values):
            return Judged(version, value, None, "none"), NO_REFERENCE, None, None, None
        reference = Fraction(sum(Fraction(v) for v in values if v is not None), len(values))
        before = earlier[-1] if len(earlier) == 1 else None
        if rule.change.unit == "percent":
            if reference <= 0:
                return Judged(version, value, None, "none"), NO_REFERENCE, reference, before, None
            measure = value / reference - 1
        else:
            measure = value - reference
    verdict: Verdict = "bad" if rule.beyond(measure) else "good" if rule.recovered(measure) else "band"
    sure = _sure(rule, figures, earlier) if verdict == "bad" else None
    if rule.certainty and sure in ("within_noise", "too_few"):
        verdict = "note"
    return Judged(version, value, measure, verdict), None, reference, before, sure


def _is_usual(rule: Rule) -> bool:
    return rule.change is not None and rule.change.against == "usual"


def _usual(rule: Rule, figures: Figures, ends: Mapping[date, Figures]) -> tuple[Usual | None, int]:
    """What the windows before this one let one expect of it, and the sum of their versions: another one is another verdict."""
    months = WINDOW_KINDS[figures.kind].months
    assert months is not None, "what is usual is asked of windows of whole months"
    numbered = {(f.until.year * 12 + f.until.month - 1) // months: f for f in ends.values()}
    now = (figures.until.year * 12 + figures.until.month - 1) // months
    earlier = {n: f for n, f in numbered.items() if now - MOST - 12 // months <= n < now}
    values = {n: None if (found := metric(f, rule.metric)) is None else Fraction(found) for n, f in earlier.items()}
    expected = usual(rule.metric, now, values, 12 // months, below=rule.side == "below")
    return expected, sum(f.version for f in earlier.values())


def _sure(rule: Rule, figures: Figures, earlier: Sequence[Figures]) -> Sure | None:
    """Whether what lies beyond the limit lies there beyond noise; None for a metric that has no interval, and for figures older than it."""
    if (
        _is_usual(rule)
        or rule.metric not in WITH_INTERVAL
        or NOT_SUMMED in (why_no_interval(f, rule.metric) for f in (*earlier, figures))
    ):
        return None
    level = 2 * (rule.certainty or MEASURED_AT) - 100
    rise = rule.side == "above"
    if rule.change is None:
        return against(figures, rule.metric, rule.limit, above=rise, level=level)
    by_percent = rule.change.unit == "percent"
    return shifted(earlier, figures, rule.metric, abs(rule.limit), percent=by_percent, rise=rise, level=level)


def _earlier(rule: Rule, figures: Figures, ends: Mapping[date, Figures]) -> list[Figures]:
    """The figures that a change is measured against, oldest first; empty unless all of them are there."""
    assert rule.change is not None
    if rule.change.against == "year_ago":
        wanted = [_back(figures, 12)]
    else:
        count = rule.change.mean_of if rule.change.against == "trailing_mean" else 1
        kind = WINDOW_KINDS[figures.kind]
        step = kind.months if rule.change.against == "preceding" else kind.step_months
        until = figures.until
        wanted = [until - timedelta(days=n) if step is None else add_months(until, -step * n) for n in range(count, 0, -1)]
    found = [ends[end] for end in wanted if end in ends]
    return found if len(found) == len(wanted) else []


def _back(figures: Figures, months: int) -> date:
    """The end of the same window so many months earlier."""
    if figures.kind != "day":
        return add_months(figures.until, -months)
    day = figures.first
    month = add_months(day, -months)
    last = add_months(month, 1) - timedelta(days=1)
    return month.replace(day=min(day.day, last.day)) + timedelta(days=1)


def system_reading(rule: SystemRule, value: int | None, details: Sequence[str] = ()) -> Reading:
    """What a system rule reads; None is something that was never looked at, which is not judged."""
    if value is None:
        return Reading(rule.name, "", "", "none", UNKNOWN)
    verdict: Verdict = "bad" if value > rule.limit else "good"
    return Reading(rule.name, "", "", verdict, value=Fraction(value), measure=Fraction(value), details=tuple(details))


def bad_since(reading: Reading) -> str | None:
    """The label of the first of the windows in a row, up to this one, that are beyond the limit."""
    found = None
    for label, judged in reversed(list(reading.history.items())):
        if judged.verdict != "bad":
            break
        found = label
    return found
