"""A reconciliation for people: the closings side by side, the rules behind the differences, and the customers with the largest."""

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from worker.cli.common import Context, money

if TYPE_CHECKING:
    from metrics.reconcile.rules import Named
    from worker.queries.reconcile.reconciliation import Reconciliation

SHOWN: Final = 10
"""So many customers are printed for each currency; `--json` and `--out` have all of them."""
DAYS_SHOWN: Final = 13


def tell(context: Context, found: "Reconciliation") -> None:
    """Totals, rules, customers, and in one sentence how much of the difference is explained."""
    tried = ", ".join(f"{n.policy} {n.differing:,}" for n in found.nearness)
    context.lines(
        f"{found.file} beside our MRR under the policy {found.policy}" + (f" (amounts that differ: {tried})" if tried else ""),
        *(f"  read as {line}" if index == 0 else f"  {line}" for index, line in enumerate(found.reading)),
        *(f"  {note}" for note in found.notes),
        "",
    )
    _totals(context, found)
    if any(map(_counts, found.named)):
        _rules(context, found)
        _customers(context, found)
    differing = sum(map(_counts, found.named))
    if not differing:
        context.lines(
            f"all {found.compared:,} amounts of {found.customers:,} customers agree" + (" but for rounding" if found.named else "")
        )
        return
    context.lines(
        f"{differing:,} of {found.compared:,} amounts differ; explained: {_rate(found.explained_share)} of what differs, "
        f"unexplained: {_rate(found.unexplained_share)} of MRR"
    )


def _rate(share: Fraction) -> str:
    """A share as per cent; what is nearly all, or nearly nothing, isn't rounded to it."""
    percent = share * 100
    shown = round(float(percent), 2)
    if 0 < percent < Fraction(1, 100):
        return "less than 0.01 %"
    if Fraction(9999, 100) < percent < 100:
        return "99.99 %"
    return f"{shown:.2f} %"


def _counts(named: "Named") -> bool:
    """Whether a difference is more than rounding."""
    return any(rule.kind != "rounding" for rule, _ in named.shares)


def _apart(micros: int, currency: str) -> str:
    """A difference for people; one that is less than they would see is none."""
    from metrics.reconcile.sides import last_place

    return money(0 if 2 * abs(micros) < last_place(currency) else micros, currency)


def _totals(context: Context, found: "Reconciliation") -> None:
    """The last day in each currency, and those before it on which anything differs by more than rounding."""
    differ = {(n.cell.day, n.cell.currency) for n in found.named if _counts(n)}
    last = {t.currency: t.day for t in found.totals}
    shown = [t for t in found.totals if (t.day, t.currency) in differ or t.day == last[t.currency]]
    rows = []
    for currency in last:
        theirs = [t for t in shown if t.currency == currency][-DAYS_SHOWN:]
        rows += [
            (
                t.day,
                money(t.ours_micros, currency),
                money(t.theirs_micros, currency),
                _apart(t.theirs_micros - t.ours_micros, currency),
            )
            for t in theirs
        ]
    context.table(("at the closing of", "ours", "theirs", "difference"), rows, right=("ours", "theirs", "difference"))
    if len(found.totals) > len(rows):
        context.lines(f"{len(found.totals) - len(rows)} more closings (--json)")
    context.lines("")


def _rules(context: Context, found: "Reconciliation") -> None:
    from metrics.reconcile.by_rule import by_rule

    rows = [
        (row.rule.words, _apart(row.micros, row.currency), f"{row.differences:,}", f"{len(row.customers):,}")
        for row in by_rule(found.named)
    ]
    context.table(("because of", "difference", "amounts", "customers"), rows, right=("difference", "amounts", "customers"))
    context.lines("")


def _customers(context: Context, found: "Reconciliation") -> None:
    """Each customer once for each currency, with its largest difference, those that are unexplained first."""
    of_one: dict[tuple[str, str], list[Named]] = defaultdict(list)
    for n in found.named:
        if _counts(n):
            of_one[n.cell.currency, n.cell.customer].append(n)

    def rank(theirs: tuple[tuple[str, str], list["Named"]]) -> tuple[bool, str, int, int, str]:
        (currency, name), named = theirs
        unexplained = sum(abs(n.unexplained_micros) for n in named)
        return not unexplained, currency, -unexplained, -sum(abs(n.cell.delta_micros) for n in named), name

    ordered = sorted(of_one.items(), key=rank)
    rows = []
    shown: Counter[tuple[bool, str]] = Counter()
    for (currency, name), named in ordered:
        shown[rank(((currency, name), named))[:2]] += 1
        if shown[rank(((currency, name), named))[:2]] > SHOWN:
            continue
        most = max(named, key=lambda n: (abs(n.cell.delta_micros), n.cell.day)).cell
        known = found.their_keys.get(name, "")
        rules = dict.fromkeys(rule.words for n in named for rule, _ in n.shares if rule.kind != "rounding")
        amounts = (money(micros, currency) for micros in (most.ours_micros, most.theirs_micros, most.delta_micros))
        called = name if known in ("", name) else f"{name} ({known})"
        rows.append((called, most.day, *amounts, len(named), "; ".join(rules)))
    columns = ("customer", "largest on", "ours", "theirs", "difference", "amounts", "because of")
    context.table(columns, rows, right=("ours", "theirs", "difference", "amounts"))
    if len(ordered) > len(rows):
        context.lines(f"{len(ordered) - len(rows):,} more customers (--json, --out FILE)")
    context.lines("")
