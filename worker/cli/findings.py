"""`nrr show findings`: what a reader of the numbers must know about the data, in words, each with its object and what to do next."""

from dataclasses import asdict
from typing import Annotated

import typer

from worker.cli.common import Config, Json, Now, PolicyName, opened, put_json
from worker.cli.require_ledger import ready


def findings(
    reason: Annotated[str | None, typer.Option("--reason", help="Of this reason only.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Of this customer only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show what a reader of the numbers must know about the data: gaps, unknown prices, what Stripe left unsaid, what is kept out."""
    from metrics.finding_words import words_of
    from worker.queries.findings import findings as noted

    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        found = [asdict(each) for each in noted(context.session)]
        rows = [
            {**row, "meaning": words_of(row["reason"]).meaning, "next_step": words_of(row["reason"]).next_step}
            for row in found
            if reason in (None, row["reason"]) and customer in (None, row["customer"])
        ]
        if json:
            put_json({"count": len(rows), "findings": rows[:limit]})
            return
        context.table(
            ("severity", "reason", "object", "customer", "what"),
            [(r["severity"], r["reason"], r["object_id"], r["customer"], r["detail"]) for r in rows[:limit]],
        )
        for each in dict.fromkeys((r["reason"], r["meaning"], r["next_step"]) for r in rows[:limit]):
            context.lines("{}: {} Next: {}.".format(*each))
        if len(rows) > limit:
            context.say(f"{len(rows) - limit} more (--limit)")
