"""Everything that a page needs of the read side, gathered once: the figures of the period and of the windows beside it, and who is meant.

Nothing is decided here but which figures are meant: those of the whole book in the reporting currency where there is one, else of the one
currency that there is; or those of one segment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

from integrations.notify.sanitize import plain
from metrics.dimensions import parts
from metrics.labels import segment_words
from metrics.periods import Window, add_months, months_between
from metrics.retention.figures import Figures, why_null
from metrics.retention.segments import BUILT_IN, attribute_key
from metrics.window_kinds import WINDOW_KINDS, window_words
from worker.queries import customers as of_customers
from worker.queries.customers import InStripe
from worker.queries.dimensions import has_attribute
from worker.queries.figures import retention, stored
from worker.queries.names import names_of_segments
from worker.queries.provenance import Provenance, provenance
from worker.queries.session import Session
from worker.report.period import KINDS, NoReport, Options, before

TREND: Final = 24
"""So many windows of a trend at most."""
_HEADLINES: Final = ("trailing_12", "trailing_3")
NAME: Final = 80
"""Longer names are cut."""


@dataclass(frozen=True)
class Gathered:
    """What a page is made of. `now` are the period's figures, `headline` those of the year that ends with it (of less, for a young book)."""

    session: Session
    period: Window
    options: Options
    provenance: Provenance
    now: Figures
    earlier: Figures | None
    """The figures of the period before."""
    headline: Figures
    headline_series: tuple[Figures, ...]
    """Windows of the headline's kind up to it, oldest first."""
    months: tuple[Figures, ...]
    """Calendar months up to the period's end, oldest first."""
    words: dict[tuple[str, str], str]
    people: dict[str, str] = field(default_factory=dict)
    stripe: dict[str, list[InStripe]] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        """Of what the figures are, as it is stored (`metrics.money.BookCurrency`)."""
        return self.now.currency

    def covers(self, code: str) -> bool:
        """Whether what is billed in a currency is part of it."""
        return self.now.whole_book or code == self.now.code

    @property
    def is_whole(self) -> bool:
        """Whether the figures are those of the whole, and not of a segment."""
        return self.options.segment is None

    @cached_property
    def period_words(self) -> str:
        """The period in words: `October 2026`."""
        return window_words(self.period.kind, self.period.first, self.period.until)

    @cached_property
    def headline_words(self) -> str:
        """The headline's window in words: `the 12 months to October 2026`."""
        return window_words(self.headline.kind, self.headline.first, self.headline.until)

    def called(self, dimension: str, segment: str) -> str:
        """A segment as people call it."""
        words = plain(segment_words(dimension, segment, self.words), NAME) or "(empty)"
        return words.upper() if dimension == "currency" else words


def gather(session: Session, period: Window, options: Options) -> Gathered:
    """The figures of a report. Raises NothingDerived, and NoReport where there are none of the period or the currency."""
    source = provenance(session)
    if options.segment is not None:
        _require_dimension(session, options.segment[0])
    own = _of(session, [period, before(period)], options)
    now = _chosen(own, period, options)
    earlier = next((f for f in own if f.until == period.first and f.kind == period.kind and f.currency == now.currency), None)
    kind, series = _headline(session, period, options, now)
    headline = series[-1] if kind is not None else now
    months = [f for f in _kind(session, "month", options, now.currency) if f.until <= period.until]
    return Gathered(
        session,
        period,
        options,
        source,
        now,
        earlier,
        headline,
        tuple(series[-TREND:]),
        tuple(months[-TREND:]),
        names_of_segments(session),
    )


def with_people(g: Gathered, customers: Iterable[str]) -> Gathered:
    """The same with who these customers are: where they are in Stripe, and what they are called if that is wanted."""
    wanted = sorted(set(customers))
    people = of_customers.names_of(g.session, wanted) if g.options.names else {}
    clean = {customer: plain(name, NAME) for customer, name in people.items() if plain(name, NAME)}
    known = {**g.__dict__, "people": clean, "stripe": of_customers.in_stripe(g.session, wanted)}
    return Gathered(**{name: known[name] for name in Gathered.__dataclass_fields__})


def _require_dimension(session: Session, dimension: str) -> None:
    """Raises NoReport for what customers aren't told apart by."""
    named = parts(dimension)
    built_in = {*BUILT_IN, *(part for each in session.dimensions for part in parts(each))}
    unknown = [p for p in named if p not in built_in and ((key := attribute_key(p)) is None or not has_attribute(session, key))]
    if not all(named) or len(set(named)) < len(named) or unknown:
        raise NoReport(
            f"there is no dimension {plain(dimension, 60)!r}; there are {', '.join(BUILT_IN)}, and keys of your customers' metadata"
        )


def _dimension(options: Options) -> str:
    return options.segment[0] if options.segment else ""


def _mine(found: Iterable[Figures], options: Options) -> list[Figures]:
    dimension, segment = options.segment or ("", "")
    return [f for f in found if f.dimension == dimension and f.segment == segment]


def _of(session: Session, windows: Sequence[Window], options: Options) -> list[Figures]:
    """Figures of single windows: the stored ones, else made now from the ledger as it stands."""
    found = []
    if windows[0].kind in WINDOW_KINDS:
        found = stored(session, kind=windows[0].kind, dimension=_dimension(options), as_known_at=options.as_known_at)
        found = [f for f in found if any((f.first, f.until) == (w.first, w.until) for w in windows)]
    if not any(f.until == windows[0].until for f in found):
        if options.as_known_at is not None:
            raise NoReport(
                f"no figures of {windows[0].label} were stored at {options.as_known_at:%Y-%m-%d %H:%M} UTC; what was known then can be shown "
                "of months, quarters and years that had begun"
            )
        found = retention(session, windows, [_dimension(options)] if options.segment else [])
    return _mine(found, options)


def _chosen(found: Sequence[Figures], period: Window, options: Options) -> Figures:
    """The period's figures in the currency that is meant. Raises NoReport."""
    mine = [f for f in found if (f.first, f.until) == (period.first, period.until)]
    if not mine:
        what = f"of {'='.join(options.segment)} " if options.segment else ""
        raise NoReport(f"nothing {what}had MRR in {period.label}; nrr show movements tells when anything moved")
    own = sorted((f for f in mine if not f.whole_book), key=lambda f: f.code)
    if options.currency:
        chosen = next((f for f in own if f.code == options.currency.lower()), None)
    else:
        chosen = next((f for f in mine if f.whole_book), own[0] if len(own) == 1 else None)
    if chosen is None:
        raise NoReport(
            f"say of which currency; there are {', '.join(f.code.upper() for f in own)}. Set REPORTING_CURRENCY for a report of the whole book"
        )
    return chosen


def _kind(session: Session, kind: str, options: Options, currency: str) -> list[Figures]:
    """Stored windows of one kind in order; of a dimension that isn't kept at night, made now."""
    found = stored(session, kind=kind, dimension=_dimension(options), currency=currency, as_known_at=options.as_known_at)
    if not found and options.segment and options.as_known_at is None:
        whole = stored(session, kind=kind, dimension="", currency=currency)
        windows = sorted({(f.first, f.until) for f in whole})[-TREND:]
        made = retention(session, [Window(kind, *ends) for ends in windows], [options.segment[0]]) if windows else []
        found = [f for f in made if f.currency == currency]
    return _mine(found, options)


def _headline(session: Session, period: Window, options: Options, now: Figures) -> tuple[str | None, list[Figures]]:
    """The longest kind of window that ends with the period and has a rate, with its series; the period's own kind for a custom one."""
    for kind in _HEADLINES:
        series = [f for f in _kind(session, kind, options, now.currency) if f.until <= period.until]
        ends = series and series[-1].until == period.until
        if period.kind not in KINDS and not ends:
            continue
        if series and why_null(series[-1], "nrr") is None:
            return kind, series
    own = [f for f in _kind(session, period.kind, options, now.currency) if f.until <= period.until] if period.kind in KINDS else []
    return (period.kind, own) if own and own[-1].until == period.until else (None, [now])


def months_up_to(until: date, count: int) -> list[Window]:
    """The last `count` calendar months before `until`."""
    return list(months_between(add_months(until, -count), until))
