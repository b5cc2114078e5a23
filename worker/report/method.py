"""What a reader must know before trusting a page: what is missing or left out, how it was computed, and what was told otherwise before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from importlib.metadata import version
from typing import Final

from integrations.notify.sanitize import plain
from integrations.report.content import Block, Cell, Section, Table, Terms, Text
from metrics.billings.classes import BY_NAME, ORDER
from metrics.billings.shares import added
from metrics.finding_words import words_of
from metrics.labels import policy_choices
from metrics.number_words import counted, currency_name
from metrics.periods import add_months
from metrics.retention.figures import Figures, ratio
from metrics.window_kinds import window_words
from worker.figures.stored import RestatedFigure
from worker.queries.billings import Billed, kept, last_proof
from worker.queries.exclusions import exclusions
from worker.queries.figures import between, first_complete
from worker.queries.findings import findings, underived
from worker.queries.rates import outdated
from worker.report import numbers
from worker.report.customers import customer_cell
from worker.report.gather import Gathered, with_people
from worker.report.period import KINDS, before

_REASONS: Final = {
    "trial": "on trial",
    "metered": "billed by use",
    "paused": "paused",
    "free": "comes to nothing",
    "unpriced": "without a price",
}
_CHANGES: Final = 30
_BEHIND: Final = 15


def when(at: datetime) -> str:
    """An instant as a page says it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def known_at(g: Gathered) -> datetime:
    """As of when the figures are known."""
    return g.options.as_known_at or g.provenance.known_at


def warnings(g: Gathered) -> tuple[str, ...]:
    """What must stand above everything else."""
    out = []
    complete = datetime.fromtimestamp(g.provenance.complete_until, UTC)
    if g.now.incomplete:
        out.append(
            f"{_capital(g.period_words)} is not final: the data reaches to {when(complete)}, and a churn of the last days can still be undone "
            "by a return. The figures can change."
        )
    apart = g.now.companions.get("apart") or ()
    if apart:
        codes = ", ".join(sorted(str(code).upper() for code in apart))
        out.append(f"There is no exchange rate for {codes}: what is paid in it is in no figure here.")
    old_rates = outdated(g.session, g.period.until - timedelta(days=1)) if g.now.whole_book else None
    if old_rates is not None:
        out.append(f"{old_rates}.")
    gone = underived(g.session)
    if gone:
        out.append(
            f"{counted(len(gone), 'customer', 'customers')} can't be derived and {'is' if len(gone) == 1 else 'are'} in no figure."
        )
    return tuple(out)


def completeness(g: Gathered) -> Section:
    """Up to when everything was read, what is left out of MRR and why, and what was found about the data."""
    last = g.period.until - timedelta(days=1)
    left_out = exclusions(g.session, min(last, g.session.today))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            _REASONS.get(e.reason, e.reason.replace("_", " ")),
            e.currency.upper(),
            numbers.whole(e.count),
            numbers.amount(e.mrr_micros, e.currency),
            numbers.whole(e.unpriced),
        )
        for e in left_out
    )
    found = Counter(each.reason for each in findings(g.session))
    notes: tuple[tuple[Cell, ...], ...] = tuple(
        (reason.replace("_", " "), numbers.whole(count), words_of(reason).meaning)
        for reason, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    complete = datetime.fromtimestamp(g.provenance.complete_until, UTC)
    blocks: list[Block] = [
        Terms(
            (
                ("Everything read until", when(complete)),
                ("Accounts", ", ".join(f"{plain(a.name, 60)} ({a.stripe_id})" for a in g.provenance.accounts) or "none"),
                ("The period is", "not complete" if g.now.incomplete else "complete"),
            )
        )
    ]
    if rows:
        columns = ("reason", "currency", "how many", "would be worth", "without a price")
        blocks.append(Table("exclusions", f"Left out of MRR at the closing of {last}", columns, rows, frozenset({2, 3, 4})))
    else:
        blocks.append(Text((f"Nothing was left out of MRR at the closing of {last}.",)))
    if notes:
        blocks.append(Table("findings", "Found about the data", ("reason", "how many", "which means"), notes, frozenset({1})))
    else:
        blocks.append(Text(("Nothing about the data needs to be known.",)))
    if g.is_whole:
        blocks += _billed(g)
        blocks += _proof(g)
    lead = "By the data and the ledger as they stand, whatever instant the figures above are known at."
    return Section("completeness", "What is in it, and what is not", tuple(blocks), lead)


def _billed(g: Gathered) -> list[Block]:
    """What was invoiced in the period, every cent in its class, and the part of it that no subscription bills: what NRR doesn't see."""
    found = _sums(kept(g.session, g.period.first, g.period.until)) if g.period.kind in KINDS else []
    mine = [each for each in found if g.covers(each.currency)]
    if not mine:
        return []
    rows: list[tuple[Cell, ...]] = []
    for each in mine:
        rows += [
            (BY_NAME[name].label, each.currency.upper(), numbers.amount(micros, each.currency))
            for name, micros in each.amounts.items()
        ]
        rows.append(
            ("Stripe's totals, less credit notes", each.currency.upper(), numbers.amount(each.total, each.currency, tone="total"))
        )
        rows.append(("share outside subscriptions, before tax", each.currency.upper(), numbers.share(each.share.ratio)))
    note = f"{g.period_words}: every line of every final invoice is in exactly one class. What lies outside subscriptions is in no NRR."
    return [
        Table("billed", "What was invoiced", ("class", "currency", "amount"), tuple(rows), frozenset({2})),
        Text((note,), "quiet"),
    ]


def _proof(g: Gathered) -> list[Block]:
    """What the last nightly proof of a month of the period left unexplained: nothing, where that month is of another period."""
    found = last_proof(g.session)
    if found is None or not g.period.first <= found.month < g.period.until:
        return []
    billed = {each.currency for each in kept(g.session, found.month, add_months(found.month, 1))}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{found.month:%Y-%m}", code.upper(), numbers.share(found.shares.get(code, Fraction(0))))
        for code in sorted(billed | set(found.shares))
        if g.covers(code)
    )
    if not rows:
        return []
    note = "By what invoices billed, customer by customer, without the engine that made the ledger. nrr verify --billings has every month, and names whom."
    return [
        Table("proof", "Proof of billings", ("month", "currency", "MRR that invoices leave unexplained"), rows, frozenset({2})),
        Text((note,), "quiet"),
    ]


def _sums(months: Sequence[Billed]) -> list[Billed]:
    """The months of each currency as one, in order of currency."""
    out = []
    for currency in sorted({each.currency for each in months}):
        mine = [each for each in months if each.currency == currency]
        amounts = {name: sum(each.amounts.get(name, 0) for each in mine) for name in ORDER if any(name in e.amounts for e in mine)}
        out.append(replace(mine[0], until=mine[-1].until, amounts=amounts, share=added(each.share for each in mine)))
    return out


def method(g: Gathered) -> Section:
    """How it was computed: by which choices, from what, as known when."""
    basis = g.session.basis
    policy = basis.policy
    choices: tuple[tuple[Cell, ...], ...] = tuple((name.replace("_", " "), words) for name, words in policy_choices(policy).items())
    code = currency_name(g.currency)
    pairs: list[tuple[str, Cell]] = [
        ("Policy", f"{policy.name} (version {policy.version})"),
        (
            "Currency",
            f"all currencies in {code}, both ends at the opening's rates" if g.now.whole_book else f"what is billed in {code}",
        ),
        ("Days and months", f"cut in {basis.timezone}"),
        ("As known at", known_at(g).astimezone(UTC).isoformat().replace("+00:00", "Z")),
        ("Computed by", f"nrr {version('nrr')}, basis {basis.version}"),
    ]
    text = Text(
        (
            (
                "NRR is the MRR at the end of those who had MRR at the opening ÷ their MRR at the opening; GRR counts each of them with no more than "
                "they had; logo retention counts heads. Whoever came later is in none of the three. The bridge is of the whole book. MRR is a monthly "
                "share of what is billed for licensed recurring prices, without tax, one-off items and usage."
            ),
        )
    )
    table = Table("policy", "Choices of the policy", ("choice", "answer"), choices, folded=True)
    return Section("method", "How it was computed", (text, Terms(tuple(pairs)), table))


def restatements(g: Gathered) -> Section:
    """Which figures of closed windows are known otherwise than when the last report could be made, and who is behind it."""
    earlier = before(g.period)
    since = g.options.last_report or first_complete(g.session, earlier)
    until = known_at(g)
    heading = "Told otherwise before"
    if since is None or since > until:
        words = (
            f"There is nothing to compare with: {window_words(earlier.kind, earlier.first, earlier.until)} was not complete before."
        )
        return Section("restatements", heading, (Text((words,)),))
    found = between(g.session, since, until)
    closed = [
        c
        for c in found.changed
        if c.one.currency == g.currency and c.before is not None and not c.before.incomplete and c.one.until <= earlier.until
    ]
    if not closed or not g.is_whole:
        words = f"Nothing that was complete on {when(since)} has changed since." if g.is_whole else "Known of the whole book only."
        return Section("restatements", heading, (Text((words,)),))
    ordered = sorted(closed, key=lambda c: (c.one.until, c.one.kind), reverse=True)
    rows = tuple(_changed(c) for c in ordered[:_CHANGES])
    columns = ("window", "opening", "closing", "NRR before", "NRR now", "learnt")
    more = f"and {len(ordered) - _CHANGES} more: nrr runs diff" if len(ordered) > _CHANGES else ""
    blocks: list[Block] = [Table("restated", "Figures that changed", columns, rows, frozenset({1, 2, 3, 4}), more=more)]
    behind = sorted(found.behind, key=lambda b: (-abs(b.closing_after - b.closing_before), b.customer))
    if behind:
        g = with_people(g, [b.customer for b in behind[:_BEHIND]])
        who: tuple[tuple[Cell, ...], ...] = tuple(
            (
                customer_cell(g, b.customer, explained=False),
                f"{b.month:%Y-%m}",
                numbers.amount(b.opening_after - b.opening_before, b.currency, signed=True),
                numbers.amount(b.closing_after - b.closing_before, b.currency, signed=True),
            )
            for b in behind[:_BEHIND]
        )
        rest = f"and {len(behind) - _BEHIND} more" if len(behind) > _BEHIND else ""
        of_whom = ("customer", "month", "opening", "closing")
        blocks.append(Table("behind", "Customers behind it", of_whom, who, frozenset({2, 3}), more=rest))
    lead = f"What was complete on {when(since)} and is known otherwise now, by news that came later."
    return Section("restatements", heading, tuple(blocks), lead)


def _changed(c: RestatedFigure) -> tuple[Cell, ...]:
    one, moved = c.one, c.differences()
    words = window_words(one.kind, one.first, one.until)
    ends = [
        numbers.amount(moved[name], one.currency, signed=True) if moved.get(name) else "unchanged"
        for name in ("opening", "closing")
    ]
    return (words, *ends, _nrr(c.before), _nrr(c.after), "" if c.learnt_at is None else f"{c.learnt_at:%Y-%m-%d}")


def _nrr(f: Figures | None) -> Cell:
    return numbers.NONE if f is None or ratio(f, "nrr") is None else numbers.rate(f, "nrr")
