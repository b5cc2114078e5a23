"""`nrr explain`: from a figure down to Stripe's objects and the arithmetic, in words that a support person can follow."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from integrations.notify.sanitize import plain
from worker.cli.common import Config, Context, Json, Now, PolicyName, opened, put_json
from worker.cli.dates import begun, days_of_text, figure_of_text, looks_like_a_date
from worker.cli.exit_codes import Exit, Stop
from worker.cli.people import linked_ids, people
from worker.cli.require_ledger import ready
from worker.cli.tables import hyperlink

if TYPE_CHECKING:
    from metrics.entries import CustomerLedger, Exclusion
    from metrics.evidence import Finding
    from metrics.ledger.explain import MovementWords


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="CUSTOMER|DAY|FIGURE",
            help="A customer (or one of its subscriptions), a day, both (CUSTOMER@DAY), or a figure: 2026-10, 2026-Q3, 2026, "
            "trailing_12, trailing_3@2026-10.",
        ),
    ],
    segment: Annotated[
        str | None, typer.Option("--segment", metavar="DIM=VALUE", help="Of a figure: this segment's, such as plan=price_1.")
    ] = None,
    currency: Annotated[str | None, typer.Option("--currency", metavar="CODE", help="Of a figure: what is billed in it.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of a figure: so many customers of each kind.")] = 20,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Explain a figure by its customers, or a customer's movements (or those of a day) by each change, Stripe's objects and the arithmetic."""
    from worker.cli.explain_figure import figure_of
    from worker.queries.customers import explained, movers, resolve

    figure = figure_of_text(what)
    if figure is not None:
        with opened(json=json, now=now, config=config, policy=policy) as context:
            ready(context)
            figure_of(context, figure, segment, currency, limit)
        return
    if segment is not None or currency is not None:
        raise Stop(
            "--segment and --currency go with a figure such as 2026-10 or trailing_12, not with a customer or a day", Exit.USAGE
        )
    customer, days = _asked(what)
    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        if days is not None:
            begun(what.rpartition("@")[2], "", days[0], context.today)
        names = resolve(context.session, customer) if customer else movers(context.session, *(days or ()))
        found = explained(context.session, names)
        if customer and not found:
            raise Stop(
                f"nothing is known of a customer {customer}; it takes Stripe's id, as `nrr show movements` prints it", Exit.FAILED
            )
        movements = [
            words
            for each in found
            for words in each.movements
            if days is None or days[0].isoformat() <= words.date < days[1].isoformat()
        ]
        if days is not None and not movements:
            said = what.rpartition("@")[2]
            raise Stop(
                f"nothing moved on {said}" + (f" for {customer}" if customer else "") + "; run: nrr show movements", Exit.FAILED
            )
        ledgers = [each.ledger for each in found] if customer and days is None else []
        news = _with_news(context) & {each.ledger.customer for each in found}
        if json:
            from worker.cli.json_rows import explained_row

            put_json(
                {
                    "policy": context.wiring.basis.policy.name,
                    "in_figures": not news,
                    "movements": [explained_row(words.as_json()) for words in movements],
                    "exclusions": [_exclusion_row(each) for ledger in ledgers for each in ledger.exclusions],
                    "findings": [_finding_row(context, each) for ledger in ledgers for each in ledger.findings],
                }
            )
            return
        if news:
            whose = "of this customer" if customer else f"of {', '.join(sorted(news))}"
            context.say(f"what is new {whose} is told here and in no figure yet; run: nrr rollup")
        context.lines(*lines_of(context, movements))
        for ledger in ledgers:
            context.lines(*_beside(ledger))


def _asked(what: str) -> tuple[str | None, tuple[date, date] | None]:
    """The customer and the reporting days [first, until) that are asked for. Raises Stop for a date that can't be."""
    customer, at, day = what.rpartition("@")
    if at and looks_like_a_date(day):
        return customer, days_of_text(day, f"nrr explain {customer}@…")
    if looks_like_a_date(what):
        return None, days_of_text(what, "nrr explain")
    return what, None


def lines_of(context: Context, movements: Sequence["MovementWords"]) -> list[str]:
    """Movements as indented lines: the movement, under it each change, under that the arithmetic of each item and what says so."""
    out = []
    who = people(context, [movement.customer for movement in movements])
    for movement in movements:
        name = who.names.get(movement.customer)
        customer = hyperlink(movement.customer, who.addresses.get(movement.customer))
        out.append(f"{customer}{f' ({plain(name, 80)})' if name else ''}  {movement.words}")
        for change in movement.changes:
            mark = " (inferred)" if change.inferred else ""
            out.append(f"    {change.at}  {linked_ids(context, [change.subscription])[0]}: {change.words}{mark}")
            out += [f"        {item.item}{f' ({item.name})' if item.name else ''}: {item.arithmetic}" for item in change.items]
            out.append(f"        evidence: {', '.join(linked_ids(context, change.evidence))}")
        out.append("")
    return out


def _with_news(context: Context) -> frozenset[str]:
    from worker.queries.outstanding import waiting

    return waiting(context.session)


def _exclusion_row(each: "Exclusion") -> dict[str, Any]:
    from worker.cli.json_rows import amount, instant_or_none

    money = amount("mrr", each.mrr_micros, each.currency)
    return {**asdict(each), **money, "since": instant_or_none(each.since), "until": instant_or_none(each.until)}


def _finding_row(context: Context, each: "Finding") -> dict[str, Any]:
    from worker.cli.json_rows import instant_or_none

    return {**asdict(each), **context.account_row(each.account), "at": instant_or_none(each.at)}


def _beside(ledger: "CustomerLedger") -> list[str]:
    from datetime import UTC, datetime

    def when(at: int | None) -> str:
        return "now" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"

    out: list[Any] = []
    if ledger.exclusions:
        out.append("left out of MRR:")
        out += [f"    {e.object_id}: {e.reason} from {when(e.since)} to {when(e.until)}" for e in ledger.exclusions]
    if ledger.findings:
        out.append("to know about the data:")
        out += [f"    {f.object_id}: {f.reason}: {f.detail}" for f in ledger.findings]
    return out
