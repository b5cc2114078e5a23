"""`nrr reconcile`: our MRR beside somebody else's, from a file, with the rule behind each difference."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.common import Config, Context, Json, Now, money, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from metrics.reconcile.rules import Named, Rule
    from worker.queries.reconcile.reconciliation import Reconciliation

SHOWN: Final = 10
"""So many customers are printed for each currency; `--json` and `--out` have all of them."""
DAYS_SHOWN: Final = 13
UNITS: Final = ("major", "minor")


def reconcile(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="MRR by customer and month, from Stripe's dashboard or any tool.")
    ],
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="ROLE=NAME,…", help="Which column is what: customer, email, name, month, mrr, change, currency."
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="NAME", help="Compare under this preset (default: the one nearest to the file)."),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option("--units", metavar="major|minor", help="Whether amounts are in dollars or in cents (default: told by them)."),
    ] = None,
    tolerance: Annotated[
        str,
        typer.Option("--tolerance", metavar="PERCENT", help="So much of the MRR may stay unexplained before the exit code is 5."),
    ] = "0",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write all differences to a CSV file; - is standard output.")
    ] = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Set somebody else's MRR beside ours, customer by customer, and name the rule behind each difference.

    Reads Stripe's dashboard exports (MRR per subscriber, MRR changes, summary), ChartMogul's, Baremetrics' and spreadsheets.
    Exits 5 when more than the tolerance is unexplained.
    """
    from worker.queries.reconcile.reconciliation import reconcile as reconciled

    allowed = _percent(tolerance)
    if units is not None and units not in UNITS:
        raise Stop(f"--units takes major or minor, not {units!r}", Exit.USAGE)
    if json and str(out) == "-":
        raise Stop("--json and --out - both write to standard output; give a file", Exit.USAGE)
    with opened(json=json, now=now, config=config) as context:
        basis = None if policy is None else context.loaded.settings.basis(policy)
        ready(context)
        found = reconciled(context.session, file, columns=columns, policy=basis, minor=None if units is None else units == "minor")
        if out is not None:
            _write(found, out)
        if json:
            put_json(_document(found))
        elif str(out) == "-":
            context.say(f"{len(found.named):,} differences")
        else:
            _tell(context, found)
            if out is not None:
                context.say(f"{len(found.named):,} differences in {out}")
    if found.unexplained_share > allowed:
        raise typer.Exit(Exit.MISMATCH)


def _percent(text: str) -> Fraction:
    try:
        value = Decimal(text.strip().removesuffix("%"))
        if not value.is_finite() or not 0 <= value <= 100:
            raise InvalidOperation
    except InvalidOperation:
        raise Stop(f"--tolerance takes a per cent from 0 to 100 such as 0.5, not {text!r}", Exit.USAGE) from None
    return Fraction(value) / 100


# --- as data ------------------------------------------------------------------------------------------------------------------


def _document(found: "Reconciliation") -> dict[str, Any]:
    from metrics.money import ratio_text
    from worker.cli.json_rows import amounts

    def share(value: Fraction) -> str | None:
        return ratio_text(value.numerator, value.denominator)

    return {
        "file": found.file,
        "read_as": list(found.reading),
        "notes": list(found.notes),
        "policy": found.policy,
        "nearness": [{"policy": n.policy, "differing": n.differing} for n in found.nearness],
        "from": found.days[0],
        "to": found.days[-1],
        "compared": found.compared,
        "customers": found.customers,
        "explained_share": share(found.explained_share),
        "unexplained_share": share(found.unexplained_share),
        "totals": [
            {
                "day": t.day,
                "currency": t.currency,
                **amounts(
                    {"ours": t.ours_micros, "theirs": t.theirs_micros, "difference": t.theirs_micros - t.ours_micros}, t.currency
                ),
            }
            for t in found.totals
        ],
        "rules": [
            {
                **_rule(row.rule),
                "currency": row.currency,
                **amounts({"difference": row.micros, "absolute": row.absolute}, row.currency),
                "differences": row.count,
                "customers": len(row.customers),
            }
            for row in _by_rule(found.named)
        ],
        "differences": [
            {
                "customer": n.cell.customer,
                "their_key": found.their_keys.get(n.cell.customer),
                "day": n.cell.day,
                "currency": n.cell.currency,
                **amounts(
                    {"ours": n.cell.ours_micros, "theirs": n.cell.theirs_micros, "difference": n.cell.delta_micros}, n.cell.currency
                ),
                "shares": [{**_rule(rule), **amounts({"difference": micros}, n.cell.currency)} for rule, micros in n.shares],
            }
            for n in found.named
        ],
    }


def _rule(rule: "Rule") -> dict[str, str]:
    return {"rule": rule.name, "kind": rule.kind, "words": rule.words}


class _Row:
    """What one rule comes to in one currency."""

    def __init__(self, rule: "Rule", currency: str) -> None:
        self.rule, self.currency = rule, currency
        self.micros = self.absolute = self.count = 0
        self.customers: set[str] = set()


def _by_rule(named: Sequence["Named"]) -> list[_Row]:
    """What each rule comes to, by currency, the largest first; what is unexplained stands last."""
    rows: dict[tuple[str, Rule], _Row] = {}
    for n in named:
        for rule, micros in n.shares:
            row = rows.setdefault((n.cell.currency, rule), _Row(rule, n.cell.currency))
            row.micros += micros
            row.absolute += abs(micros)
            row.count += 1
            row.customers.add(n.cell.customer)
    return sorted(rows.values(), key=lambda r: (r.currency, r.rule.kind == "unexplained", -r.absolute, r.rule.words))


def _write(found: "Reconciliation", out: Path) -> None:
    import polars as pl

    from metrics.money import major_text
    from worker.cli.export import write_frames

    rows = [
        (
            n.cell.customer,
            found.their_keys.get(n.cell.customer, ""),
            n.cell.day,
            n.cell.currency,
            *(major_text(micros, n.cell.currency) for micros in (n.cell.ours_micros, n.cell.theirs_micros, micros)),
            rule.kind,
            rule.name,
            rule.words,
        )
        for n in found.named
        for rule, micros in n.shares
    ]
    names = ("customer", "their_key", "day", "currency", "ours", "theirs", "difference", "kind", "rule", "words")
    schema = {name: pl.Date if name == "day" else pl.String for name in names}
    write_frames(iter([pl.DataFrame(rows, schema=schema, orient="row")]), out, "csv", raw=False)


# --- for people ---------------------------------------------------------------------------------------------------------------


def _tell(context: Context, found: "Reconciliation") -> None:
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

    return money(0 if 2 * abs(micros) < last_place(currency, 12) else micros, currency)


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
    rows = [
        (row.rule.words, _apart(row.micros, row.currency), f"{row.count:,}", f"{len(row.customers):,}")
        for row in _by_rule(found.named)
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
