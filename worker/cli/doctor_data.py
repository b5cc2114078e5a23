"""What `nrr doctor` finds in the data that is held: how fresh it is, what was kept out, what nothing watches, and what invoices say of it."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from metrics.money import ratio_text
from worker.cli.common import Context, money, percent
from worker.cli.doctor_checks import NOTE, OK, WRONG, Check, ago, tried
from worker.cli.exit_codes import Exit

if TYPE_CHECKING:
    from worker.health.freshness import Freshness

STALE_SECONDS: Final = 86_400


def data_checks(context: Context) -> Iterator[Check]:
    """Every check of the data, one after another."""
    from worker.queries.freshness import freshness
    from worker.queries.outstanding import outstanding
    from worker.queries.rates import outdated

    found = freshness(context.session)
    yield _fresh(found)
    for sentence in outstanding(context.session).sentences():
        yield Check("figures", NOTE, sentence)
    old_rates = outdated(context.session)
    if old_rates is not None:
        yield Check("exchange rates", NOTE, old_rates)
    yield from _trouble(context, found)
    yield from _unwatched(context)
    yield from _dimensions(context)
    yield from _findings(context)
    yield tried("billings", lambda: _billings(context))
    yield tried("proof of billings", lambda: _proof(context))
    if context.loaded.settings.report is not None:
        yield tried("reports", lambda: _reports(context))


def _unwatched(context: Context) -> Iterator[Check]:
    """Rules on segments that no figure has, which can't fire."""
    from worker.config.alert_rules import BadRules, load_watch
    from worker.queries.alerts import missing_segments

    settings = context.loaded.settings
    try:
        watch = load_watch(
            settings.alerts, context.loaded.config, dimensions=settings.dimensions, channels=tuple(settings.channels)
        )
    except BadRules:
        return  # told with the settings
    for nobody in missing_segments(context.session, watch):
        yield Check(f"rule {nobody.rule}", NOTE, nobody.sentence)


def _dimensions(context: Context) -> Iterator[Check]:
    """Dimensions that figures are made by at night, and that tell no two customers apart: one that is misspelt, mostly."""
    from worker.cli.dimensions import meant
    from worker.queries.dimensions import unknown_dimensions

    for part in unknown_dimensions(context.session):
        yield Check(
            "dimensions",
            NOTE,
            f"no customer has {part!r} in its metadata, so by it all are in (none).{meant(context.session, part)}",
        )


def _reports(context: Context) -> Check:
    """Whether the folder of reports can be written, and whether one could not be made."""
    import os

    from metrics.periods import Window
    from worker.queries.reports import reports_failed, reports_made

    table = context.loaded.settings.report
    assert table is not None, "asked only where it is set"
    for each in reports_failed(context.session):
        label = Window(each.kind, each.first, each.until).label
        return Check(
            "reports", WRONG, f"the {each.what} of {label} could not be made: {each.why}; it is tried again by itself", Exit.FAILED
        )
    if not table.folder.is_dir() or not os.access(table.folder, os.W_OK | os.X_OK):
        return Check("reports", WRONG, f"report.folder: {table.folder} is no folder that can be written here", Exit.FAILED)
    last = next(iter(reports_made(context.session, 1)), None)
    made = "none was made yet" if last is None else f"the last is {last.path}"
    return Check("reports", OK, f"{' and '.join(table.schedule)} into {table.folder}; {made}")


def _fresh(found: "Freshness") -> Check:
    from worker.health.freshness import events_age_seconds

    age = events_age_seconds(found)
    if age is None:
        return Check("freshness", NOTE, "nothing was read yet; run: nrr sync")
    state = NOTE if age > STALE_SECONDS else OK
    hint = "; run: nrr sync" if state == NOTE else ""
    return Check("freshness", state, f"last read to the end {ago(age)} ago{hint}")


def _trouble(context: Context, found: "Freshness") -> Iterator[Check]:
    from worker.health.freshness import drifted as told
    from worker.health.freshness import from_the_future
    from worker.queries.findings import quarantined, underived

    aside = found.jobs.get("quarantined", 0)
    if aside:
        yield Check("jobs", WRONG, f"{aside} jobs are parked after failing; see: nrr runs", Exit.FAILED)
    for sentence in from_the_future(found):
        yield Check("clocks", WRONG, sentence, Exit.FAILED)
    drifted = sum(found.drift.values())
    if drifted:
        yield Check("drift", NOTE, f"the last audit repaired what had changed without an event: {told(found)}")
    if found.quarantined:
        named = quarantined(context.session, limit=5)
        first = "; ".join(f"{q.kind} {q.object_id}: {q.reason} ({q.detail})" for q in named)
        yield Check("quarantine", WRONG, f"{found.quarantined} objects are quarantined: {first}", Exit.QUARANTINED)
    if found.underived:
        whose = "; ".join(f"{customer}: {why}" for customer, why in underived(context.session, limit=5))
        yield Check("derivation", WRONG, f"{found.underived} customers are in no figure: {whose}", Exit.QUARANTINED)


def _findings(context: Context) -> Iterator[Check]:
    from worker.cli.findings import sentence
    from worker.queries.findings import count_by_severity

    counts = count_by_severity(context.session)
    if counts:
        said = sentence(counts).removeprefix("About the data: ").rstrip(".")
        yield Check("findings", NOTE, f"{said}; see: nrr show findings")


def _billings(context: Context) -> Check:
    """What part of what is invoiced nrr sees, by the last month that is over."""
    from metrics.billings.classes import BY_NAME, MARKS, OUTSIDE, UNSEEN, UNSURE
    from metrics.billings.shares import sees, worth_saying
    from metrics.periods import add_months
    from worker.config.alert_rules import load_watch
    from worker.queries.billings import kept, untotalled

    def text(ratio: Fraction) -> str:
        return percent(ratio_text(ratio.numerator, ratio.denominator))

    month = add_months(context.today, -1)
    found = kept(context.session, add_months(month, -1), add_months(month, 1))
    last = [each for each in found if each.first == month and each.share.ratio is not None]
    if not last:
        return Check("billings", OK, f"nothing was invoiced in {month:%Y-%m}, as far as figures know; see: nrr show billings")
    before = {each.currency: each.share for each in found if each.first != month}
    limit = load_watch(context.loaded.settings.alerts, context.loaded.config).outside_share
    loud = any(worth_saying(each.share, before.get(each.currency), limit) for each in last)
    parts = []
    for each in last:
        seen = sees(each.share)
        assert seen is not None
        marks = [m for m in each.marks if m.mark in MARKS and m.micros > 0 and each.amounts.get(OUTSIDE)]
        behind = ", ".join(f"{MARKS[m.mark]} {text(Fraction(m.micros, each.share.everything))}" for m in marks)
        unsure = "".join(
            f", {money(each.amounts[name], each.currency)} {BY_NAME[name].label}" for name in UNSURE if each.amounts.get(name)
        )
        parts.append(f"{text(seen)} in {each.currency.upper()}" + (f" (beside: {behind})" if behind else "") + unsure)
    old = untotalled(context.session, month, add_months(month, 1))
    if old:
        parts.append(f"without the totals of {old} invoices that an older release read; run: nrr backfill run --streams invoices")
    said = f"nrr sees of what you invoiced in {month:%Y-%m}: {'; '.join(parts)}; see: nrr show billings; {UNSEEN}"
    return Check("billings", NOTE if loud else OK, said)


def _proof(context: Context) -> Check:
    """What the last nightly proof left unexplained."""
    from worker.queries.billings import last_proof

    found = last_proof(context.session)
    if found is None:
        return Check("proof of billings", OK, "not made yet; see: nrr verify --billings")
    if not found.shares:
        return Check("proof of billings", OK, f"what was invoiced for {found.month:%Y-%m} explains the ledger's MRR")
    parts = [
        f"{percent(ratio_text(r.numerator, r.denominator))} in {code.upper()}"
        if r is not None
        else f"all that was billed in {code.upper()}, in which the ledger has no MRR"
        for code, r in found.shares.items()
    ]
    named = ", ".join(found.customers[:5])
    said = f"of {found.month:%Y-%m}'s MRR invoices leave unexplained: {', '.join(parts)} ({named}); see: nrr verify --billings"
    return Check("proof of billings", NOTE, said)
