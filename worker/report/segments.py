"""Segments as small multiples, one scale for all of a dimension, and the table under them; sign-up cohorts as heat maps."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Final
from urllib.parse import urlencode

from integrations.report import charts
from integrations.report.content import Block, Cell, Chart, Charts, Heading, HeatCell, HeatMap, Link, Number, Section, Table
from metrics.number_words import counted
from metrics.periods import add_months
from metrics.retention.analysis.certainty import LEVEL
from metrics.retention.analysis.cohorts import DIMENSION, Cohort, triangles
from metrics.retention.figures import Figures, ratio
from worker.queries.figures import retention, stored
from worker.report import numbers
from worker.report.gather import TREND, Gathered, months_up_to

PANELS: Final = 8
"""So many segments of a dimension are drawn; the table has more."""
ROWS: Final = 25
POINTS: Final = 13
AGES: Final = 13
_LIMIT: Final = 200.0
_LEVELS: Final = 10
_CALLED: Final = {"signup": "sign-up month", "size": "size at the opening"}


def segments(g: Gathered) -> Section | None:
    """Each dimension that the nightly figures are made for; None where there is none with more than one segment."""
    blocks: list[Block] = []
    for dimension in g.session.dimensions:
        if dimension != DIMENSION:
            blocks += _dimension(g, dimension)
    if not blocks:
        return None
    lead = (
        f"NRR over {g.headline_words} by what a customer was at the opening; the band is the interval of {LEVEL} %, and where too few "
        "customers make none there is none."
    )
    return Section("segments", "Segments", tuple(blocks), lead)


def _dimension(g: Gathered, dimension: str) -> list[Block]:
    f = g.headline
    found = stored(g.session, kind=f.kind, dimension=dimension, currency=g.currency, as_known_at=g.options.as_known_at)
    latest = [s for s in found if (s.first, s.until) == (f.first, f.until)]
    if len(latest) < 2:
        return []
    ordered = sorted(latest, key=lambda s: (-s.opening, -s.closing, s.segment))
    ends = sorted({s.until for s in found if s.until <= f.until})[-POINTS:]
    by_end = {(s.segment, s.until): s for s in found}
    drawn = [s for s in ordered if ratio(s, "nrr") is not None][:PANELS]
    limits = _limits([by_end.get((s.segment, end)) for s in drawn for end in ends])
    panels = tuple(_panel(g, s, [by_end.get((s.segment, end)) for end in ends], ends, limits) for s in drawn)
    columns = (_CALLED.get(dimension, dimension), "customers", "opening", "NRR", "interval", "GRR", "logos kept", "closing")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            _name(g, s),
            numbers.whole(s.opening_customers),
            numbers.amount(s.opening, s.currency),
            numbers.rate(s, "nrr"),
            numbers.between(s, "nrr"),
            numbers.rate(s, "grr"),
            numbers.rate(s, "logo_retention"),
            numbers.amount(s.closing, s.currency),
        )
        for s in ordered[:ROWS]
    )
    rest = ordered[ROWS:]
    more = f"and {len(rest)} more: {numbers.amount(sum(s.opening for s in rest), g.currency).shown} of the opening" if rest else ""
    caption = f"By {_CALLED.get(dimension, dimension.removeprefix('metadata.').replace('_', ' '))}"
    table = Table(f"by-{_safe(dimension)}", caption, columns, rows, frozenset(range(1, 8)), more=more, folded=bool(panels))
    return [Heading(caption), *([Charts(panels, "small")] if panels else []), table]


def _name(g: Gathered, s: Figures) -> Cell:
    """A segment's name, which leads to the same page of it in the window."""
    words = g.called(s.dimension, s.segment)
    if not g.options.in_window:
        return words
    return Link(words, "/?" + urlencode({"period": g.period.label, "segment": f"{s.dimension}={s.segment}"}))


def _safe(dimension: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in dimension)


def _panel(g: Gathered, s: Figures, series: Sequence[Figures | None], ends: Sequence[date], limits: tuple[float, float]) -> Chart:
    values = [None if f is None else numbers.points(f, "nrr") for f in series]
    bands = [None if f is None else numbers.band(f, "nrr") for f in series]
    labels = [f"{add_months(end, -1):%y-%m}" for end in ends]
    svg = charts.small(charts.Series(labels, values, bands), limits, reference=100.0)
    rate, ends_ = numbers.rate(s, "nrr"), numbers.between(s, "nrr")
    note = (
        f"{rate.shown}"
        + (f" ({ends_.shown})" if ends_.exact else "")
        + f", {counted(s.opening_customers, 'customer', 'customers')}"
    )
    name = g.called(s.dimension, s.segment)
    known = sum(v is not None for v in values)
    alt = f"NRR of {name} over {known} windows, the last {note}." if svg else "Too few windows for a trend."
    return Chart(name, alt, svg, note=note)


def _limits(found: Sequence[Figures | None]) -> tuple[float, float]:
    """One scale for all panels: tens of per cent around every value, not above 200 %; intervals may be cut."""
    values = [v for f in found if f is not None and (v := numbers.points(f, "nrr")) is not None]
    values = [min(v, _LIMIT) for v in values] or [0.0, 100.0]
    low, high = min([*values, 100.0]) // 20 * 20, -(-max([*values, 100.0]) // 20) * 20
    return max(0.0, low), min(_LIMIT, high if high > low else low + 20)


# --- cohorts ------------------------------------------------------------------------------------------------------------------


def cohorts(g: Gathered) -> Section | None:
    """What became, month after month, of those who came in one month: of their revenue, and of them."""
    if not g.is_whole:
        return None
    rows = [c for c in _triangles(g) if c.logos or any(cell.micros for cell in c.cells)][-TREND:]
    if not rows:
        return None
    ages = range(min(AGES, max(len(c.cells) for c in rows)))
    note = "Months after the 12th: nrr show cohorts --json." if max(len(c.cells) for c in rows) > AGES else ""
    if any(cell.incomplete for c in rows for cell in c.cells[:AGES]):
        note = f"* not over yet. {note}".strip()
    heads = ("signed up", "customers", "came with")
    maps = tuple(
        HeatMap(
            f"cohorts-{measure}",
            caption,
            (*heads, *(str(age) for age in ages)),
            tuple((f"{c.signup:%Y-%m}", numbers.whole(c.logos), numbers.amount(c.arrived_micros, c.currency)) for c in rows),
            tuple(tuple(_cell(c, age, measure) for age in ages if age < len(c.cells)) for c in rows),
            note,
        )
        for measure, caption in (
            ("revenue", "Revenue kept by month since sign-up"),
            ("logo", "Customers kept by month since sign-up"),
        )
    )
    lead = (
        "Each row is those who first had MRR in one month; each column is that many months later, in per cent of what they came with. "
        "The darker, the more is left; bold is all of it, or more."
    )
    return Section("cohorts", "Sign-up cohorts", maps, lead)


def _triangles(g: Gathered) -> list[Cohort]:
    windows = months_up_to(g.period.until, TREND)
    known = stored(g.session, kind="month", dimension=DIMENSION, currency=g.currency, as_known_at=g.options.as_known_at)
    if not known and g.options.as_known_at is None:
        whole = stored(g.session, kind="month", dimension="", currency=g.currency)
        there = {(f.first, f.until) for f in whole}
        made = [w for w in windows if (w.first, w.until) in there]
        known = [f for f in retention(g.session, made, [DIMENSION]) if f.currency == g.currency] if made else []
    whole = list(g.months)
    mine = [f for f in known if f.until <= g.period.until and f.dimension == DIMENSION]
    since = windows[0].first.strftime("%Y-%m")
    return triangles([*(f for f in mine if f.segment >= since and f.first >= windows[0].first), *whole]) if mine else []


def _cell(cohort: Cohort, age: int, measure: str) -> HeatCell:
    cell = cohort.cells[age]
    exact = cell.revenue_retention if measure == "revenue" else cell.logo_retention
    if exact is None:
        return HeatCell(numbers.NONE, 0, cell.incomplete)
    value = Fraction(exact)
    shown = numbers.share(exact)
    return HeatCell(Number(shown.shown.removesuffix(" %"), exact), max(0, min(_LEVELS, int(value * _LEVELS))), cell.incomplete)
