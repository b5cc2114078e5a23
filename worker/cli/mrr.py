"""`nrr show mrr` and `nrr show exclusions`: what the book stands at at a day's closing, and what is left out of it."""

from datetime import date
from typing import Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, put_json
from worker.cli.dates import closing_of_text
from worker.cli.findings import about_the_data
from worker.cli.rates import say_outdated
from worker.cli.require_ledger import ready


def mrr(
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="At this day's closing (default: today).")] = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show MRR at a day's closing, net and list. In each currency and in the reporting currency."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        mrr_of(context, closing_of_text(at, "--at", context.today) if at else context.today)


def mrr_of(context: Context, day: date) -> None:
    """MRR at the closing of a day."""
    from worker.cli.json_rows import code_of, standing_row
    from worker.queries.standing import mrr_at

    found = mrr_at(context.session, day)
    rows = [standing_row(each) for each in found.by_currency]
    together = found.together or (found.by_currency[0] if len(found.by_currency) == 1 else None)
    total = standing_row(together) if together else None
    findings = [*({"reason": "missing_rate", "detail": text} for text in found.findings), *_findings(context)]
    if context.json:
        empty: dict[str, Any] = {"currency": None, "mrr": None, "mrr_micros": None, "list_mrr": None, "list_mrr_micros": None}
        customers = together.customers if together else None
        put_json(
            {
                "day": day,
                "at": day,
                **context.outstanding_row(),
                "policy": context.wiring.basis.policy.name,
                **(total or empty),
                "customers": customers,
                "incomplete": found.incomplete,
                "by_currency": rows,
                "findings": findings,
            }
        )
        return
    columns = ("currency", "MRR", "list MRR", "ARR", "at risk", "committed", "usage", "customers", "subscriptions")
    shown = [*found.by_currency, *([found.together] if found.together and len(found.by_currency) > 1 else [])]
    context.table(
        columns,
        [
            (
                f"all in {code_of(s.currency).upper()}" if s is found.together else s.currency.upper(),
                money(s.net_micros, s.currency),
                money(s.list_micros, s.currency),
                money(s.net_micros * 12, s.currency),
                money(s.at_risk_micros, s.currency),
                money(s.committed_micros, s.currency),
                money(s.usage_micros, s.currency),
                s.customers,
                s.subscriptions,
            )
            for s in shown
        ],
        title=f"MRR at the closing of {day}" + (" (incomplete)" if found.incomplete else ""),
        right=columns[1:],
    )
    for text in found.findings:
        context.say(text[:1].upper() + text[1:])
    if found.together is not None:
        say_outdated(context)
    about_the_data(context)


def _findings(context: Context) -> list[dict[str, Any]]:
    """What a reader must know, counted by reason."""
    from worker.queries.findings import count_by_reason

    counts = count_by_reason(context.session)
    return [{"reason": reason, "count": count, "detail": "nrr show findings"} for reason, count in sorted(counts.items())]


def exclusions(
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="At this day's closing (default: today).")] = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show what is left out of MRR: how much, how often, and why."""
    from metrics.money import major_text
    from worker.queries.exclusions import exclusions as left_out

    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        day = closing_of_text(at, "--at", context.today) if at else context.today
        rows: list[dict[str, Any]] = [
            {
                "reason": e.reason,
                "currency": e.currency,
                "count": e.count,
                "mrr": major_text(e.mrr_micros, e.currency),
                "mrr_micros": e.mrr_micros,
                "unpriced": e.unpriced,
            }
            for e in left_out(context.session, day)
        ]
        if json:
            put_json({"day": day, "at": day, "policy": context.wiring.basis.policy.name, "exclusions": rows})
            return
        context.table(
            ("reason", "currency", "how many", "would be worth", "without a price"),
            [(r["reason"], r["currency"].upper(), r["count"], money(r["mrr_micros"], r["currency"]), r["unpriced"]) for r in rows],
            title=f"Left out of MRR at the closing of {day}",
            right=("how many", "would be worth", "without a price"),
        )
