"""`nrr show movements`: who moved MRR, by how much and why. Both ends of a range of days are part of it."""

from datetime import timedelta
from typing import Annotated

import typer

from worker.cli.common import Config, Json, Now, PolicyName, money, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.people import people
from worker.cli.require_ledger import ready
from worker.cli.retention import From, To, range_of


def movements(
    first: From = None,
    last: To = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Of this customer only.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="new, reactivation, expansion, contraction or churn.")] = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show each customer's movements of MRR, day by day. With kind, cause and the Stripe objects behind it."""
    from metrics.movement_kinds import KINDS
    from worker.cli.json_rows import days_row, movement_rows
    from worker.queries.frames import movements as movements_of

    if kind is not None and kind not in KINDS:
        raise Stop(f"there is no kind {kind!r}; there are {', '.join(KINDS)}", Exit.USAGE)
    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        begin, until = range_of(first, last, context)
        found = movements_of(context.session, begin, until, customer=customer)
        rows = [row for row in movement_rows(found) if kind in (None, row["kind"])]
        if json:
            put_json(
                {
                    **days_row(begin, until - timedelta(days=1)),
                    **context.outstanding_row(),
                    "policy": context.wiring.basis.policy.name,
                    "movements": rows,
                }
            )
            return
        who = people(context, [r["customer"] for r in rows])
        shown_as, *ids = who.columns
        # What a narrow terminal has no room for goes below, so the change comes first.
        columns = ("date", shown_as, "kind", "change", "cause", *ids, "before", "after", "evidence")
        context.table(
            columns,
            [
                (
                    r["date"],
                    *who.cells(r["customer"])[:1],
                    r["kind"],
                    money(r["delta_micros"], r["currency"]),
                    r["cause"] + ("*" if r["inferred"] else ""),
                    *who.cells(r["customer"])[1:],
                    money(r["before_micros"], r["currency"]),
                    money(r["after_micros"], r["currency"]),
                    ", ".join(r["evidence"]),
                )
                for r in rows
            ],
            right=("before", "after", "change"),
        )
        context.say(f"{len(rows)} movements from {begin} to {until - timedelta(days=1)}")
        if any(r["inferred"] for r in rows):
            context.say("* dated at the first evidence of it: the change itself left no dated trace")
