"""`nrr person`: all that is held of one customer."""

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.common import Config, Context, Json, opened, put_json
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from worker.queries.person import Held


def person(
    customer: Annotated[str, typer.Argument(help="Stripe's id of the customer (cus_…).")],
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account.")] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Print all that is held of one customer. With --json every row of every table, and what Stripe sent."""
    from worker.queries.person import held_of
    from worker.runs.database import require_current
    from worker.runs.removal.personal import as_stripe_sent

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = held_of(context.session, customer, as_stripe_sent, account)
        if not found:
            raise Stop(f"nothing is held of a customer {customer}; it takes Stripe's own id (cus_…)", Exit.FAILED)
        if json:
            put_json({"customer": customer, "accounts": [{"account": each.account, "held": each.rows} for each in found]})
            return
        for each in found:
            _print(context, customer, each)
        context.say("reports that were made are files of yours (nrr reports show); nrr forget removes what is personal here")


def _print(context: Context, customer: str, held: "Held") -> None:
    context.lines(f"{customer} in account {held.account}")
    for row in held.rows.get("person", ()):
        context.lines(f"  name: {row['name'] or 'none'}", f"  e-mail: {row['email'] or 'none'}")
    for key, values in held.metadata.items():
        context.lines(f"  metadata {key}: {', '.join(values)}")
    for row in held.rows.get("forgotten", ()):
        also = ", its metadata too" if row["metadata"] else ""
        context.lines(f"  forgotten at {row['at']:%Y-%m-%d %H:%M} UTC{also}: nothing personal is stored again")
    context.table(("table", "rows"), [(name, len(rows)) for name, rows in sorted(held.rows.items())], right=("rows",))
