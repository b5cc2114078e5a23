"""`nrr verify`: everything derived again and compared with what is stored."""

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, opened, progress, put_json
from worker.cli.exit_codes import Exit
from worker.cli.require_ledger import ready

SHOWN = 20
"""So many problems of each sort are printed; `--json` has all of them."""


def verify(policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None) -> None:
    """Derive everything again and compare it with what is stored, and check every identity. Exits 5 when something differs."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        check(context, json=json)


def check(context: Context, *, json: bool) -> None:
    """Verify and tell. Raises typer.Exit with 5 when something differs."""
    from worker.runs.verify import verify as verified

    ready(context)
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
        if found.waiting:
            context.say(f"{found.waiting} customers have news that no figure knows of yet and were left out; run: nrr rollup")
        if found.outdated:
            context.say("the ledger has changed since the figures were made, so only the ledger was compared; run: nrr rollup")
    if found.problems:
        context.say("what is stored differs from what the facts say; nothing was changed. Run: nrr rebuild")
        raise typer.Exit(Exit.MISMATCH)
    if not json:
        context.lines("everything agrees")
