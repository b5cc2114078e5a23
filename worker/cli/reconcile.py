"""`nrr reconcile`: our MRR beside somebody else's, from a file, with the rule behind each difference."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.common import Config, Json, Now, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.reconcile_tables import tell
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from metrics.reconcile.rules import Rule
    from worker.queries.reconcile.reconciliation import Reconciliation

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
        Path | None, typer.Option("--out", metavar="FILE", help="Write all differences to a CSV file; - is stdout.")
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
        raise Stop("--json and --out - both write to stdout; give a file", Exit.USAGE)
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
            tell(context, found)
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


def _document(found: "Reconciliation") -> dict[str, Any]:
    from metrics.money import ratio_text
    from metrics.reconcile.by_rule import by_rule
    from worker.cli.json_rows import amounts, days_row, number

    def share(value: Fraction) -> float | None:
        return number(ratio_text(value.numerator, value.denominator))

    return {
        "file": found.file,
        "read_as": list(found.reading),
        "notes": list(found.notes),
        "policy": found.policy,
        "nearness": [{"policy": n.policy, "differing": n.differing} for n in found.nearness],
        **days_row(found.days[0], found.days[-1]),
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
                **amounts({"difference": row.micros, "absolute": row.absolute_micros}, row.currency),
                "differences": row.differences,
                "customers": len(row.customers),
            }
            for row in by_rule(found.named)
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
