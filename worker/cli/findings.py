"""`nrr show findings`: what a reader of the numbers must know about the data, in words, each with its object and what to do next."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Json, Now, PolicyName, opened, put_json
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from sqlalchemy import Connection


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
    from integrations.store.db.engine import read
    from integrations.store.ledger import read as read_ledger
    from metrics.finding_words import words_of

    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        with read(context.wiring.engine) as connection:
            derived = list(read_ledger.findings(connection, context.wiring.basis.version).iter_rows(named=True))
            found = [*_of_accounts(connection), *_kept_out(connection), *derived]
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


def _row(account: int, object_id: str, reason: str, severity: str, detail: str) -> dict[str, Any]:
    """A row with the fields that findings of customers have."""
    return {
        "customer": None,
        "account": account,
        "object_id": object_id,
        "reason": reason,
        "severity": severity,
        "at": None,
        "detail": detail,
    }


def _of_accounts(connection: "Connection") -> list[dict[str, Any]]:
    """What is to be said of whole accounts: charges that no subscription item has."""
    from integrations.store.facts import lookups
    from metrics.money import major_text, minor_to_micros

    out = []
    for each in lookups.other_charges(connection):
        amount = major_text(int(minor_to_micros(each.amount, each.currency)), each.currency)
        detail = (
            f"{each.lines} charges on {each.invoices} invoices, {amount} {each.currency.upper()} in all, belong to no subscription item: "
            "they are outside MRR"
        )
        out.append(_row(each.account, each.stripe_account, "other_lines", "notice", detail))
    return out


def _kept_out(connection: "Connection") -> list[dict[str, Any]]:
    from integrations.store.facts import quarantine

    return [
        _row(each.account, each.object_id, each.reason, "warning", f"{each.kind} {each.object_id}: {each.detail}")
        for each in quarantine.everything(connection)
    ]
