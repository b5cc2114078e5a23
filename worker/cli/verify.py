"""`nrr verify`: everything derived again and compared with what is stored."""

from typing import Annotated

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, percent, progress, put_json
from worker.cli.exit_codes import Exit
from worker.cli.require_ledger import ready
from worker.figures.outstanding import Outstanding

SHOWN = 20
"""So many problems of each sort are printed; `--json` has all of them."""


def verify(
    billings: Annotated[
        bool, typer.Option("--billings", help="Set what invoices billed for each month beside the ledger, by customer, instead.")
    ] = False,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Derive everything again and compare it with what is stored, and check every identity. Exits 5 when something differs."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        if billings:
            prove(context, json=json)
        else:
            check(context, json=json)


def prove(context: Context, *, json: bool) -> None:
    """Prove the ledger by what was billed, and tell. Raises typer.Exit with 5 when something is left unexplained."""
    from datetime import timedelta

    from metrics.billings.proof_rules import RULES
    from metrics.money import ratio_text
    from worker.cli.json_rows import amounts, days_row, number
    from worker.queries.billings import proof

    ready(context, tell=False)
    found = proof(context.session)
    shares = {code: found.share(code) for code in found.currencies}
    texts = {code: None if share is None else ratio_text(share.numerator, share.denominator) for code, share in shares.items()}
    rows = list(found.unexplained.iter_rows(named=True))
    last = found.until - timedelta(days=1)
    if json:
        put_json(
            {
                "ok": not rows,
                "policy": context.wiring.basis.policy.name,
                **days_row(found.first, last),
                "compared": len(found.rows),
                "differences": len(found.differences),
                "by_rule": found.by_rule,
                "unexplained_share": {code: number(text) for code, text in texts.items()},
                "unexplained": [
                    {
                        "customer": r["customer"],
                        "month": r["month"],
                        "currency": r["currency"],
                        **amounts(
                            {
                                "billed": r["billed_micros"],
                                "ledger": r["ledger_micros"],
                                "difference": r["difference_micros"],
                            },
                            r["currency"],
                        ),
                    }
                    for r in rows
                ],
            }
        )
    else:
        context.lines(
            f"{len(found.rows):,} customers' months from {found.first} to {last}: what invoices billed for them beside the ledger's mean MRR",
            f"{len(found.rows) - len(found.differences):,} agree to the minor unit a line",
        )
        context.table(
            ("why the others differ", "months"), [(RULES[rule], count) for rule, count in found.by_rule.items()], right=("months",)
        )
        if rows:
            columns = ("customer", "month", "billed", "ledger", "difference")
            shown = rows[:SHOWN]
            context.table(
                columns,
                [
                    (
                        r["customer"],
                        f"{r['month']:%Y-%m}",
                        money(r["billed_micros"], r["currency"]),
                        money(r["ledger_micros"], r["currency"]),
                        money(r["difference_micros"], r["currency"]),
                    )
                    for r in shown
                ],
                title="Unexplained",
                right=columns[2:],
            )
            if len(rows) > SHOWN:
                context.lines(f"and {len(rows) - SHOWN} more (--json)")
        for code, text in texts.items():
            context.lines(f"unexplained in {code.upper()}: {percent(text)} of the ledger's MRR")
    if rows:
        raise typer.Exit(Exit.MISMATCH)


def check(context: Context, *, json: bool) -> None:
    """Verify and tell. Raises typer.Exit with 5 when something differs."""
    from worker.runs.verify import verify as verified

    ready(context, tell=False)
    with progress("check") as told:
        found = verified(context.wiring, told=told)
    if json:
        put_json(
            {
                "ok": not found.problems,
                "policy": context.wiring.basis.policy.name,
                "customers": found.customers,
                "movements": found.movements,
                "windows": found.windows,
                "waiting": found.waiting,
                "ledger": list(found.ledger),
                "identity": list(found.identity),
                "figures": list(found.figures),
                "outdated": found.outdated,
            }
        )
    else:
        context.lines(
            f"{found.customers:,} customers derived again, {found.movements:,} movements and {found.windows} windows checked"
        )
        for name, problems in (("ledger", found.ledger), ("identity", found.identity), ("figures", found.figures)):
            context.lines(*(f"{name}: {problem}" for problem in problems[:SHOWN]))
            if len(problems) > SHOWN:
                context.lines(f"{name}: {len(problems) - SHOWN} more (--json)")
        for sentence in Outstanding(found.waiting, found.outdated).sentences():
            context.say(sentence)
        if found.waiting:
            context.say("they were left out here")
        if found.outdated:
            context.say("so only the ledger was compared")
    if found.problems:
        context.say("what is stored differs from what the facts say; nothing was changed. Run: nrr rebuild")
        raise typer.Exit(Exit.MISMATCH)
    if not json:
        context.lines("everything agrees")
