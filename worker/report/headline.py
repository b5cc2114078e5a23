"""The top of a page: NRR, GRR and logo retention with their intervals and what they were, in a sentence, and as trends."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Final

from integrations.report import charts
from integrations.report.content import Block, Cell, Chart, Charts, Section, Stat, Stats, Table, Text
from metrics.alerts.certainty_words import weight
from metrics.labels import WITHOUT_RATE, metric_name
from metrics.money import MICROS_PER_MAJOR
from metrics.number_words import counted, currency_name, decimal, money
from metrics.periods import add_months
from metrics.retention.analysis.certainty import LEVEL, moved_by
from metrics.retention.figures import Figures, metric, ratio, why_null
from metrics.window_kinds import WINDOW_KINDS
from worker.report import numbers
from worker.report.gather import Gathered

RATES: Final = ("nrr", "grr", "logo_retention")
_NAMES: Final = {"nrr": "Net revenue retention", "grr": "Gross revenue retention", "logo_retention": "Logo retention"}
_VERDICTS: Final = {
    "beyond_noise": "more than chance explains",
    "within_noise": "no more than chance explains",
    "too_few": "too few customers to tell change from chance",
}
_STRIP: Final = ("mrr", "arr", "customers", "net_new_mrr", "arpa", "quick_ratio", "at_risk", "committed")
"""Figures of the period's closing and of the whole book."""


def headline(g: Gathered) -> Section:
    """The first section."""
    f = g.headline
    blocks: list[Block] = [Stats(tuple(_card(g, rate) for rate in RATES))]
    sentence = in_a_sentence(f)
    if sentence:
        blocks.append(Text((sentence,), "strong"))
    blocks += [
        Stats(tuple(_stat(g, name) for name in _STRIP)),
        Text((f"Certainty: {weight(f)}. Intervals are of {LEVEL} % and take customers for independent of one another.",), "quiet"),
    ]
    lead = f"Of the customers that were there at the opening, over {g.headline_words}, at constant exchange rates."
    return Section("headline", "Retention", tuple(blocks), lead)


def trends(g: Gathered) -> Section:
    """Each rate over up to two years, and MRR."""
    series, months = g.headline_series, g.months
    drawn = tuple(_rate_chart(series, rate) for rate in RATES)
    columns = ("window to", *(metric_name(rate) for rate in RATES), "NRR interval", "GRR interval", "logo interval")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            _end_label(f) + (" *" if f.incomplete else ""),
            *(numbers.rate(f, rate) for rate in RATES),
            *(numbers.between(f, rate) for rate in RATES),
        )
        for f in reversed(series)
    )
    of_mrr: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{f.first:%Y-%m}" + (" *" if f.incomplete else ""),
            numbers.of(f, "mrr"),
            numbers.of(f, "customers"),
            numbers.rate(f, "nrr"),
        )
        for f in reversed(months)
    )
    kind = WINDOW_KINDS.get(g.headline.kind)
    what = {"trailing_12": "twelve months at each month's end", "trailing_3": "three months at each month's end"}
    lead = f"Each point is a window of {what.get(g.headline.kind, (kind.name if kind else 'these days') + 's')}; the band is its interval of {LEVEL} %."
    notes = ["* not complete yet: an open dot in a chart."] if any(f.incomplete for f in (*series, *months)) else []
    return Section(
        "trend",
        "Trend",
        (
            Charts(drawn),
            Charts((_mrr_chart(months),), "large"),
            Table("trend", "Retention by window", columns, rows, frozenset(range(1, 7)), folded=True),
            Table(
                "mrr", "MRR by month", ("month", "MRR", "customers", "NRR of the month"), of_mrr, frozenset({1, 2, 3}), folded=True
            ),
            *([Text(tuple(notes), "quiet")] if notes else []),
        ),
        lead,
    )


def in_a_sentence(f: Figures) -> str:
    """What became of a hundred units of the opening's MRR; empty where there is no rate."""
    if why_null(f, "nrr") is not None:
        return ""
    of_hundred = {name: decimal(Fraction(100 * getattr(f, name), f.opening), 1) for name in ("expansion", "contraction", "churn")}
    end = decimal(Fraction(100 * f.closing_of_cohort, f.opening), 1)
    code = currency_name(f.currency)
    return (
        f"Of every 100 {code} of MRR at the opening, {end} were there at the end: churn took {of_hundred['churn']}, "
        f"contraction {of_hundred['contraction']}, and expansion added {of_hundred['expansion']}. "
        f"{f.retained_customers:,} of {counted(f.opening_customers, 'customer', 'customers')} stayed."
    )


def _card(g: Gathered, rate: str) -> Stat:
    f = g.headline
    number = numbers.rate(f, rate)
    lines = []
    if number.exact is None:
        why = why_null(f, rate)
        lines.append(f"no rate: {WITHOUT_RATE.get(why or '', why or 'not known')}")
    else:
        ends = numbers.between(f, rate)
        lines.append(f"{LEVEL} % interval {ends.shown}" if ends.exact else "too few customers for an interval")
    lines += _compared(g, rate)
    if g.now is not f and ratio(g.now, rate) is not None:
        lines.append(f"{g.period_words} alone: {numbers.rate(g.now, rate).shown}")
    return Stat(_NAMES[rate], number, tuple(lines), large=True, name=rate)


def _compared(g: Gathered, rate: str) -> list[str]:
    """What it was a year before, with whether that is more than chance; and with `compare` what it was one step before."""
    f, out = g.headline, []
    if g.options.compare and g.headline_series:
        step = WINDOW_KINDS[f.kind].step_months if f.kind in WINDOW_KINDS else None
        months = {"month": 1, "quarter": 3, "year": 12}.get(g.period.kind, step or 1)
        earlier = next((s for s in g.headline_series if s.until == add_months(f.until, -months)), None)
        out += _against(f, earlier, rate, f"the {g.period.kind} before", judged=False)
    kind = WINDOW_KINDS.get(f.kind)
    if kind is not None and kind.months:
        year = next((s for s in g.headline_series if s.until == add_months(f.until, -12)), None)
        out += _against(f, year, rate, "a year before", judged=kind.months <= 12)
    return out


def _against(f: Figures, earlier: Figures | None, rate: str, when: str, *, judged: bool) -> list[str]:
    now, then = ratio(f, rate), None if earlier is None else ratio(earlier, rate)
    if earlier is None or now is None or then is None:
        return []
    line = f"{when} {numbers.rate(earlier, rate).shown} ({numbers.points_text(now - then)})"
    if not judged or now == then:
        return [line]
    verdict = moved_by(earlier, f, rate, rise=now > then)
    return [f"{line}: {_VERDICTS[verdict]}"]


def _stat(g: Gathered, name: str) -> Stat:
    f = g.now
    number = numbers.of(f, name)
    lines: list[str] = []
    if name == "mrr":
        lines.append(f"at the end of {g.period_words}")
        lines.append(f"{_change(f.closing - f.opening, f.opening)} in it")
    elif name == "arr":
        lines.append("MRR × 12")
    elif name == "customers":
        lines.append(f"{f.new_logos:,} new, {f.returned_logos:,} returned, {f.lost_logos:,} lost")
    elif name == "net_new_mrr":
        number = numbers.amount(_micros(f, name), f.currency, signed=True)
        lines.append(f"{money(f.new, f.currency)} of it new")
    elif name == "arpa":
        lines.append("MRR for each customer")
    elif name == "quick_ratio":
        lines.append("gains ÷ losses of the period")
    elif name == "at_risk":
        lines.append("MRR with a payment that failed")
    else:
        lines.append("MRR less scheduled churn")
    return Stat("MRR" if name == "mrr" else metric_name(name), number, tuple(lines), name=name)


def _micros(f: Figures, name: str) -> int | None:
    value = metric(f, name)
    return value if isinstance(value, int) else None


def _change(micros: int, base: int) -> str:
    if base <= 0 or micros == 0:
        return "unchanged" if micros == 0 else numbers.compact(micros, signed=True)
    share = Fraction(micros, base)
    return f"{'+' if share > 0 else chr(0x2212)}{decimal(abs(share) * 100, 1)} %"


def _end_label(f: Figures) -> str:
    return f"{add_months(f.until, -1):%Y-%m}" if f.until.day == 1 else f"{f.until:%Y-%m-%d}"


def _rate_chart(series: Sequence[Figures], rate: str) -> Chart:
    values = [numbers.points(f, rate) for f in series]
    drawn = charts.trend(
        charts.Series(
            [_end_label(f) for f in series], values, [numbers.band(f, rate) for f in series], [f.incomplete for f in series]
        ),
        reference=100.0 if rate == "nrr" else None,
    )
    return Chart(_NAMES[rate], _rate_alt(series, rate), drawn)


def _rate_alt(series: Sequence[Figures], rate: str) -> str:
    known = [(f, value) for f in series if (value := ratio(f, rate)) is not None]
    if len(known) < 2:
        return f"{_NAMES[rate]}: fewer than two windows have a rate, so there is no trend yet."
    (first, then), (last, now) = known[0], known[-1]
    low, high = min(v for _, v in known), max(v for _, v in known)
    return (
        f"{_NAMES[rate]} over {len(known)} windows: from {numbers.percent_text(then)} ({_end_label(first)}) to "
        f"{numbers.percent_text(now)} ({_end_label(last)}), between {numbers.percent_text(low)} and {numbers.percent_text(high)}."
    )


def _mrr_chart(months: Sequence[Figures]) -> Chart:
    if not months:
        return Chart("MRR", "There are no months yet.", "")
    code = currency_name(months[-1].currency)
    drawn = partial(
        charts.amounts,
        charts.Series(
            [f"{f.first:%Y-%m}" for f in months], [f.closing / MICROS_PER_MAJOR for f in months], (), [f.incomplete for f in months]
        ),
        lambda v: numbers.compact(round(v * MICROS_PER_MAJOR)),
    )
    first, last = months[0], months[-1]
    alt = (
        f"MRR at the end of each month, {code}: {money(first.closing, first.currency)} in {first.first:%Y-%m}, "
        f"{money(last.closing, last.currency)} in {last.first:%Y-%m}."
    )
    return Chart(f"MRR, {code}", alt, drawn(size=(760, 200)), drawn())
