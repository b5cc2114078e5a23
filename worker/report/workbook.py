"""Gathering a workbook: everything that it says, from the read side alone, as of one moment. How it is written is `integrations.workbook`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any, Final

import polars as pl

from integrations.workbook import content as contents
from integrations.workbook.content import RATES, About, Content
from metrics.finding_words import words_of
from metrics.labels import INFERRED, policy_choices
from metrics.money import BookCurrency, ratio_text
from metrics.number_words import money
from metrics.periods import Window, add_months, month, trailing
from metrics.retention.analysis.certainty import LEVEL, effective_customers, interval, why_no_interval
from metrics.retention.analysis.cohorts import DIMENSION as SIGNUP
from metrics.retention.cube import YEAR, Cube, closings
from metrics.retention.figures import Figures, rates
from worker.queries import customers, figures, findings
from worker.queries.cube import book_movements, cube
from worker.queries.exclusions import exclusions
from worker.queries.movements import inferred, span
from worker.queries.names import names_of_segments
from worker.queries.outlook import outlook
from worker.queries.rates import outdated
from worker.queries.session import Session
from worker.report.workbook_billings import invoiced

INTERVAL: Final = "interval"


class WhichCurrency(ValueError):
    """There are several currencies, none to express them in, and nobody said which one is meant."""

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__(
            f"say which currency with --currency; there are {', '.join(code.upper() for code in codes)}. Set REPORTING_CURRENCY for the whole book"
        )
        self.codes = tuple(codes)


class NothingStored(RuntimeError):
    """No figures are stored that a workbook could be held against."""

    def __init__(self) -> None:
        super().__init__("no figures of months are stored yet; nothing was written. Run: nrr rollup")


class NotYet(ValueError):
    """The last month has not begun."""

    def __init__(self, last: date) -> None:
        super().__init__(f"{last:%Y-%m} has not begun yet; a workbook reaches to the current month at most")


@dataclass(frozen=True, slots=True)
class Options:
    """What a workbook is of: so many months up to `last` (any day of it; None: the last one that is over), in one currency (None: the whole
    book's, else the only one there is), with customers' names if they are kept and wanted, and a reconciliation as `nrr reconcile --json` prints it."""

    months: int = 36
    last: date | None = None
    currency: str | None = None
    names: bool = False
    reconciliation: Mapping[str, Any] | None = None


def currencies(session: Session) -> list[str]:
    """The currencies that a workbook each can be made of: the whole book's, where there is one, else each that is billed in. Raises NothingStored."""
    stored = figures.stored(session, kind="month", dimension="")
    if not stored:
        raise NothingStored
    whole = sorted({f.currency for f in stored if f.whole_book})
    return whole[:1] or sorted({f.currency for f in stored})


def gather(session: Session, options: Options) -> Content:
    """The content of a workbook. Raises NothingDerived, NothingStored, WhichCurrency, NotYet."""
    currency = _currency(session, options.currency)
    last = add_months(options.last or add_months(session.today, -1), 0)
    if last > session.today:
        raise NotYet(last)
    moved = span(session)
    first = max(add_months(last, 1 - options.months), add_months(moved[0], 0) if moved else last)
    first = min(first, last)
    days = closings(first, last)
    found = cube(session, days, currency=currency)
    until = add_months(last, 1)
    months = _months(session, currency, first, until)
    by_signup, by_interval = _segments(session, currency, first, until)
    of_invoices = invoiced(session, first, until)
    people = list(found.customers["customer"])
    members = customers.members(session)
    return Content(
        about=_about(session, currency, found, months, of_invoices.untotalled),
        cube=found,
        months=_frame([_month_row(f) for f in months], contents.MONTHS),
        windows=_frame([_window_row(f) for f in _windows(session, currency, first, until)], contents.WINDOWS),
        arrivals=_frame(_arrivals(by_signup), contents.ARRIVALS),
        movements=book_movements(session, first, until, currency=currency).select(*contents.MOVEMENTS),
        intervals=_frame(
            [{"month": f.first, "interval": f.segment, "closing": f.closing} for f in by_interval if f.closing], contents.INTERVALS
        ),
        coming=_frame([{name: getattr(each, name) for name in contents.COMING} for each in outlook(session)], contents.COMING),
        exclusions=_exclusions(session, days[-1]),
        findings=_findings(session),
        restatements=_restatements(session, first, until),
        billings=of_invoices.billings,
        outside=of_invoices.outside,
        unexplained=of_invoices.unexplained,
        reconciliation=options.reconciliation,
        members={name: members[name] for name in people if name in members},
        words=names_of_segments(session),
        names=customers.names_of(session, people) if options.names else {},
    )


def _currency(session: Session, wanted: str | None) -> str:
    if wanted is None:
        codes = currencies(session)
        if len(codes) > 1:
            raise WhichCurrency(codes)
        return codes[0]
    billed = sorted({f.currency for f in figures.stored(session, kind="month", dimension="") if not f.whole_book})
    if wanted.lower() not in billed:
        raise WhichCurrency(billed)
    return wanted.lower()


def _about(session: Session, currency: str, found: Cube, months: Sequence[Figures], untotalled: int) -> About:
    policy, accounts = session.basis.policy, names_of_segments(session)
    last = found.days[-1].replace(day=1)
    held = {f.first: f for f in months}
    of_last = held.get(last)
    missing = [m for m in (day.replace(day=1) for day in found.days[1:]) if m not in held]
    notes = (
        [f"{len(missing)} of the months have no stored figures: nothing was there, or nrr rollup has not made them"]
        if missing
        else []
    )
    apart = sorted({str(code) for f in months for code in f.companions.get("apart") or ()})
    if apart:
        codes = ", ".join(code.upper() for code in apart)
        notes.append(
            f"{codes}: no exchange rate, so what is billed in it is in no figure of these months; nrr rates load gives one"
        )
    old_rates = outdated(session, found.days[-1]) if BookCurrency.of(currency).whole_book else None
    if old_rates is not None:
        notes.append(old_rates)
    parts = inferred(session, found.days[1].replace(day=1), add_months(last, 1), currency)
    if parts:
        said = ", ".join(f"{kind} {money(micros, currency)}" for kind, micros in sorted(parts.items()))
        notes.append(f"of the movements of these months, {INFERRED}: {said}")
    if untotalled:
        notes.append(f"the totals of {untotalled:,} invoices that an older release read are not known: they are in no billings")
    return About(
        currency=BookCurrency.of(currency).code,
        whole_book=BookCurrency.of(currency).whole_book,
        accounts=tuple(name for (dimension, _), name in sorted(accounts.items()) if dimension == "account"),
        policy=policy.name,
        policy_version=policy.version,
        choices=policy_choices(policy),
        basis=session.basis.version,
        timezone=session.basis.timezone,
        version=version("nrr"),
        made_at=datetime.fromtimestamp(session.now, UTC),
        known_until=figures.complete_until(session),
        first=found.days[1].replace(day=1),
        last=last,
        incomplete=of_last is None or of_last.incomplete,
        level=LEVEL,
        grr_by=policy.grr_by,
        quarantined=len(findings.quarantined(session)),
        underived=len(findings.underived(session)),
        notes=tuple(notes),
    )


# --- figures -----------------------------------------------------------------------------------------------------------------


def _months(session: Session, currency: str, first: date, until: date) -> list[Figures]:
    return [f for f in figures.stored(session, kind="month", dimension="", currency=currency) if first <= f.first < until]


def _windows(session: Session, currency: str, first: date, until: date) -> list[Figures]:
    found = figures.stored(session, kind=trailing(until, YEAR).kind, dimension="", currency=currency)
    return [f for f in found if add_months(first, YEAR - 1) < f.until <= until and f.first >= first]


def _segments(session: Session, currency: str, first: date, until: date) -> tuple[list[Figures], list[Figures]]:
    """The months by sign-up month and by billing interval: stored where the nightly figures have them, else made now."""
    found = {dimension: _of_dimension(session, currency, dimension, first, until) for dimension in (SIGNUP, INTERVAL)}
    missing = [dimension for dimension, some in found.items() if not some]
    if missing:
        windows: list[Window] = []
        day = first
        while day < until:
            windows.append(month(day))
            day = add_months(day, 1)
        made = figures.retention(session, windows, missing)
        for dimension in missing:
            found[dimension] = [f for f in made if f.dimension == dimension and f.currency == currency]
    return found[SIGNUP], found[INTERVAL]


def _of_dimension(session: Session, currency: str, dimension: str, first: date, until: date) -> list[Figures]:
    found = figures.stored(session, kind="month", dimension=dimension, currency=currency)
    return [f for f in found if first <= f.first < until]


def _arrivals(by_signup: Sequence[Figures]) -> list[dict[str, Any]]:
    """What each sign-up month arrived with, as `nrr show cohorts` has it: of the segment, in its own month."""
    return [
        {"signup": f.first, "logos": f.new_logos, "arrived": f.new}
        for f in by_signup
        if f.segment == f"{f.first:%Y-%m}" and f.first.day == 1
    ]


_COMPANIONS: Final = ("flow_expansion", "flow_contraction", "flow_churn", "switched_logos", "list", "at_risk", "scheduled", "usage")


def _month_row(f: Figures) -> dict[str, Any]:
    own = {name: getattr(f, name) for name in contents.MONTHS if name not in _COMPANIONS and name != "month"}
    return {"month": f.first, **own, **{name: f.companion(name) for name in _COMPANIONS}}


def _window_row(f: Figures) -> dict[str, Any]:
    found, by_end = rates(f), f.companions.get("grr_by", "end") == "end"
    size = effective_customers(f)
    row: dict[str, Any] = {
        "month": add_months(f.until, -1),
        "incomplete": f.incomplete,
        **{name: found[name] for name in (*RATES, "nrr_without_largest", "concentration")},
        "grr": found["grr"] if found["grr"] is None or by_end else ratio_text(f.opening - f.contraction - f.churn, f.opening),
        "effective_customers": None if size is None else ratio_text(size.numerator, size.denominator, 1),
        "no_interval": why_no_interval(f, "nrr"),
    }
    for name in ("opening", "expansion", "contraction", "churn", "closing_of_cohort", "opening_customers", "retained_customers"):
        row[name] = getattr(f, name)
    for rate in RATES:
        bounds = interval(f, rate) if rate != "grr" or by_end else None
        row |= {
            f"{rate}_low": None if bounds is None else f"{bounds.low:f}",
            f"{rate}_high": None if bounds is None else f"{bounds.high:f}",
        }
    return row


# --- what must be known ------------------------------------------------------------------------------------------------------


def _exclusions(session: Session, day: date) -> pl.DataFrame:
    rows = [
        {"reason": e.reason, "currency": e.currency, "count": e.count, "micros": e.mrr_micros, "unpriced": e.unpriced}
        for e in exclusions(session, day)
    ]
    return _frame(rows, contents.EXCLUSIONS)


def _findings(session: Session) -> pl.DataFrame:
    rows = [
        {
            "severity": each.severity,
            "reason": each.reason,
            "customer": each.customer,
            "object_id": each.object_id,
            "at": None if each.at is None else datetime.fromtimestamp(each.at, UTC),
            "detail": each.detail,
            "meaning": words_of(each.reason).meaning,
        }
        for each in findings.findings(session)
    ]
    return _frame(rows, contents.FINDINGS)


def _restatements(session: Session, first: date, until: date) -> pl.DataFrame:
    rows = [{name: getattr(each, name) for name in contents.RESTATEMENTS} for each in figures.restatements(session, first, until)]
    return _frame(rows, contents.RESTATEMENTS).sort("learnt_at", "month", "customer", descending=[True, False, False])


def _frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=dict(schema), orient="row")
