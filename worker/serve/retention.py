"""The report's page in the window: for any period or days, segment and policy, with a form above it."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from integrations.notify.sanitize import plain
from integrations.report.content import Block, Document, Field, Link, Section, Terms
from metrics import periods
from metrics.labels import segment_words
from metrics.periods import Window, calendar_window
from metrics.window_kinds import CALENDAR, window_words
from worker.queries.figures import stored
from worker.queries.names import names_of_segments
from worker.queries.session import Session
from worker.report.page import Options, document
from worker.report.period import NoReport, before, last_complete, named, one_of
from worker.serve.sessions import Sessions

_BACK: Final = {"month": 24, "quarter": 8, "year": 5}
_SEGMENTS: Final = 60


def page(sessions: Sessions, asked: Mapping[str, str]) -> Document:
    """The page for what a query asks. Raises NoReport, Unknown and NothingDerived."""
    session = sessions.at(asked.get("policy", ""))
    period = period_of(session, asked)
    options = options_of(sessions, asked, in_window=True)
    found = document(session, period, options)
    file = "/report.html?" + urlencode({name: value for name, value in sorted(asked.items()) if value})
    file_section = Section("file", "As a file", (_terms(file),))
    return Document(
        found.title,
        found.eyebrow,
        found.facts,
        (*found.sections, file_section),
        form=_form(sessions, session, period, asked),
        form_action="/",
    )


def _terms(file: str) -> Block:
    return Terms((("The same as one file", Link("report.html", file)),))


def period_of(session: Session, asked: Mapping[str, str]) -> Window:
    """The days that are meant: both days of a range, the last one part of it; a period by its name; else the last complete month."""
    first, last = asked.get("from", ""), asked.get("to", "")
    if first or last:
        days = _days(first, "from").first, _days(last, "to").until
        if days[0] >= days[1]:
            raise NoReport(f"the first day {days[0]} lies after the last one")
        return one_of(days)
    return named(asked["period"]) if asked.get("period") else last_complete(session)


def _days(text: str, name: str) -> Window:
    try:
        return periods.named(text)
    except periods.NoSuchDays:
        takes = f"a day from {periods.FIRST_YEAR} to {periods.LAST_YEAR} such as 2026-03-31 (or 2026-03, 2026-Q1, 2026)"
        raise NoReport(f"{name!r} takes {takes}, not {text[:40]!r}") from None


def options_of(sessions: Sessions, asked: Mapping[str, str], *, in_window: bool) -> Options:
    """How the page is made. Raises NoReport for a segment that names no dimension."""
    segment: tuple[str, str] | None = None
    if asked.get("segment"):
        dimension, sign, value = asked["segment"].partition("=")
        if not sign or not dimension:
            raise NoReport(f"a segment is DIMENSION=VALUE, not {asked['segment'][:60]!r}")
        segment = (dimension, value)
    return Options(names=sessions.names, segment=segment, compare=True, currency=asked.get("currency") or None, in_window=in_window)


def _form(sessions: Sessions, session: Session, period: Window, asked: Mapping[str, str]) -> tuple[Field, ...]:
    periods = [("", "days, from and to below")] if period.kind == "custom" else []
    for kind in CALENDAR:
        window = calendar_window(kind, session.today)
        for _ in range(_BACK[kind.name]):
            periods.append((window.label, window_words(window.kind, window.first, window.until)))
            window = before(window)
    if period.kind != "custom" and period.label not in dict(periods):
        periods.insert(0, (period.label, window_words(period.kind, period.first, period.until)))
    policies = sessions.policies() or [session.basis.policy.name]
    segments = _segments(session, asked.get("segment", ""))
    fields = [
        Field("period", "Period", "" if period.kind == "custom" else period.label, tuple(periods)),
        Field("segment", "Segment", asked.get("segment", ""), segments),
    ]
    if len(policies) > 1:
        fields.append(Field("policy", "Policy", session.basis.policy.name, tuple((name, name) for name in policies)))
    fields += [
        Field("from", "or from", asked.get("from", ""), kind="date"),
        Field("to", "to", asked.get("to", ""), kind="date"),
    ]
    return tuple(fields)


def _segments(session: Session, chosen: str) -> tuple[tuple[str, str], ...]:
    """The largest segments of the dimensions that figures are kept by."""
    words = names_of_segments(session)
    out: list[tuple[str, str]] = [("", "everybody")]
    for dimension in session.dimensions:
        found = [f for f in stored(session, kind="month", dimension=dimension) if not f.incomplete]
        last = max((f.until for f in found), default=None)
        sizes: dict[str, int] = {}
        for f in found:
            if f.until == last:
                sizes[f.segment] = max(sizes.get(f.segment, 0), f.closing)
        largest = sorted(sizes, key=lambda segment: (-sizes[segment], segment))[: _SEGMENTS // max(1, len(session.dimensions))]
        out += [(f"{dimension}={s}", f"{dimension}: {plain(segment_words(dimension, s, words), 60)}") for s in largest]
    if chosen and chosen not in dict(out):
        out.append((chosen, plain(chosen, 60)))
    return tuple(out)
