"""`nrr compare`: the bridge between two policies at a date, with the customers and the rule behind each difference."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, money, opened, put_json
from worker.cli.dates import last_day_of_text
from worker.cli.people import people
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from metrics.ledger.policy_bridge import Bridge

SHOWN = 20
"""So many customers are printed for each currency; `--json` has all of them."""


def compare(
    ours: Annotated[str, typer.Argument(metavar="POLICY", help="default, stripe, chartmogul or profitwell.")],
    theirs: Annotated[str, typer.Argument(metavar="POLICY", help="The one that it is compared with.")],
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="At this day's closing (default: today).")] = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show how MRR under one policy becomes that under another: rule by rule, customer by customer, to the last cent."""
    from worker.queries.policies import policy_bridge

    with opened(json=json, now=now, config=config) as context:
        one, other = context.loaded.settings.basis(ours), context.loaded.settings.basis(theirs)
        ready(context)
        day = last_day_of_text(at, "--at") if at else context.today
        bridge = policy_bridge(context.session, one, other, day)
        if json:
            put_json(_row(bridge))
        else:
            _tell(context, bridge)


def _row(bridge: "Bridge") -> dict[str, Any]:
    from worker.cli.json_rows import amounts

    return {
        "at": bridge.day,
        "policies": [bridge.ours, bridge.theirs],
        "rules": [{"choice": r.choice, "ours": r.ours, "theirs": r.theirs} for r in bridge.rules],
        "totals": [
            {
                "currency": t.currency,
                **amounts(
                    {"ours": t.ours_micros, "theirs": t.theirs_micros, "difference": t.theirs_micros - t.ours_micros}, t.currency
                ),
                "customers": t.customers,
            }
            for t in bridge.totals
        ],
        "shares": [
            {
                "choice": s.rule.choice,
                "currency": s.currency,
                **amounts({"difference": s.delta_micros}, s.currency),
                "customers": s.customers,
            }
            for s in bridge.shares
        ],
        "customers": [
            {
                "customer": d.customer,
                "currency": d.currency,
                **amounts({"ours": d.ours_micros, "theirs": d.theirs_micros, "difference": d.delta_micros}, d.currency),
                "rules": [{"choice": choice, **amounts({"difference": micros}, d.currency)} for choice, micros in d.shares],
            }
            for d in bridge.differences
        ],
    }


def _tell(context: Context, bridge: "Bridge") -> None:
    context.lines(f"MRR at the closing of {bridge.day}, from the policy {bridge.ours} to {bridge.theirs}", "")
    if not bridge.rules:
        context.lines("the two agree about every rule that changes MRR")
        return
    said = {rule.choice: f"{rule.choice}: {rule.ours} → {rule.theirs}" for rule in bridge.rules}
    for total in bridge.totals:
        rows: list[tuple[object, object, object]] = [(bridge.ours, money(total.ours_micros, total.currency), "")]
        rows += [
            (said[s.rule.choice], money(s.delta_micros, s.currency), s.customers)
            for s in bridge.shares
            if s.currency == total.currency
        ]
        rows.append((bridge.theirs, money(total.theirs_micros, total.currency), f"{total.customers} differ"))
        context.table((total.currency.upper(), "MRR", "customers"), rows, right=("MRR", "customers"))
        theirs = [d for d in bridge.differences if d.currency == total.currency]
        if theirs:
            who = people(context, [d.customer for d in theirs[:SHOWN]])
            context.table(
                (*who.columns, bridge.ours, bridge.theirs, "difference", "because of"),
                [
                    (
                        *who.cells(d.customer),
                        money(d.ours_micros, d.currency),
                        money(d.theirs_micros, d.currency),
                        money(d.delta_micros, d.currency),
                        ", ".join(f"{choice} {money(micros, d.currency)}" for choice, micros in d.shares),
                    )
                    for d in theirs[:SHOWN]
                ],
                right=(bridge.ours, bridge.theirs, "difference"),
            )
        if len(theirs) > SHOWN:
            context.lines(f"{len(theirs) - SHOWN} more (--json)")
        context.lines("")
