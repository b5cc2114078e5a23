"""The report of a period as one page: `build` is what the command, the nightly job and the window call.

The same database, period and options give the same page to the byte: nothing in it says when it was made, only as of when it is known.
"""

from typing import Final

from integrations.notify.sanitize import plain
from integrations.report.content import Document, Section, Text
from integrations.report.render import page
from metrics.number_words import currency_name
from metrics.periods import Window
from worker.queries.session import Session
from worker.report import bridge, headline, method, outlook, segments
from worker.report.gather import Gathered, gather
from worker.report.period import NoReport, Options, last_complete

FOOT: Final = (
    "Every number on this page is exact in its markup and rounded for the eye; nrr show --json gives the same.",
    "This page needs nothing from elsewhere: no script, no font, no request. Links lead to Stripe's dashboard, which asks you to log in.",
)

__all__ = ["NoReport", "Options", "build", "document", "last_complete"]


def build(session: Session, period: Window, options: Options | None = None) -> bytes:
    """The report of `period` (of `metrics.periods.month`, `quarter` or `year`, or any days) as HTML in UTF-8, below 2 MB.

    Raises NothingDerived without a ledger, and NoReport where there are no figures of the period or it must be said which currency.
    """
    return page(document(session, period, options or Options())).encode()


def document(session: Session, period: Window, options: Options) -> Document:
    """What the page shows. Raises NothingDerived and NoReport."""
    g = gather(session, period, options)
    found: list[Section | None] = [
        headline.headline(g),
        headline.trends(g),
        bridge.bridge(g),
        bridge.movers(g),
        segments.segments(g) if g.is_whole else None,
        segments.cohorts(g),
        outlook.concentration(g),
        outlook.coming(g),
        outlook.comparison(g),
        method.completeness(g),
        method.restatements(g),
        method.method(g),
    ]
    sections = [each for each in found if each is not None]
    warned = method.warnings(g)
    if warned:
        first = sections[0]
        sections[0] = Section(first.anchor, first.heading, (Text(warned, "warning"), *first.blocks), first.lead)
    return Document(title(g), _eyebrow(g), _facts(g), tuple(sections), FOOT)


def title(g: Gathered) -> str:
    """`Retention, October 2026`, with the segment where it is of one."""
    words = g.period_words
    if g.options.segment is None:
        return f"Revenue retention, {words}"
    dimension, segment = g.options.segment
    return f"Revenue retention of {g.called(dimension, segment)}, {words}"


def _eyebrow(g: Gathered) -> str:
    names = ", ".join(plain(a.name, 60) for a in g.provenance.accounts if a.name != "default")
    test = "test mode" if any(not a.livemode for a in g.provenance.accounts) else ""
    return " · ".join(part for part in (names, test, currency_name(g.currency)) if part)


def _facts(g: Gathered) -> tuple[str, ...]:
    state = "not complete yet" if g.now.incomplete else "complete"
    return (state, f"as known at {method.when(method.known_at(g))}", f"policy {g.session.basis.policy.name}")
