"""`nrr show findings`: what a reader of the numbers must know about the data, one line a reason, and the objects of a reason when asked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, put_json
from worker.cli.people import people
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from worker.queries.findings import Group


def findings(
    reason: Annotated[str | None, typer.Option("--reason", help="The objects of this reason, one by one.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Of this customer only, one by one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many objects.")] = 200,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show what is noteworthy about the data, by reason. Gaps, unknown prices, what Stripe left unsaid, what is quarantined."""
    from metrics.finding_words import words_of
    from worker.cli.json_rows import instant_or_none
    from worker.queries.findings import findings as noted
    from worker.queries.findings import groups

    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        if reason is None and customer is None and not json:
            _tell_groups(context, groups(context.session))
            return
        rows = [
            {
                **asdict(each),
                **context.account_row(each.account),
                "at": instant_or_none(each.at),
                "meaning": words_of(each.reason).meaning,
                "next_step": words_of(each.reason).next_step,
            }
            for each in noted(context.session)
            if reason in (None, each.reason) and customer in (None, each.customer)
        ]
        if json:
            shown = [_group_row(each) for each in groups(context.session) if reason in (None, each.reason)]
            put_json({"count": len(rows), "groups": shown if customer is None else [], "findings": rows[:limit]})
            return
        _tell_objects(context, rows, limit)


def _group_row(group: "Group") -> dict[str, Any]:
    from metrics.finding_words import words_of
    from worker.cli.json_rows import amount, code_of

    code = None if group.currency is None else code_of(group.currency)
    words = words_of(group.reason)
    return {
        "reason": group.reason,
        "severity": group.severity,
        "count": group.count,
        "customers": group.customers,
        "currency": code,
        **amount("mrr", group.mrr_micros, code or "usd"),
        "meaning": words.meaning,
        "next_step": words.next_step,
    }


def _tell_groups(context: Context, groups: Sequence["Group"]) -> None:
    from rich.table import Table
    from rich.text import Text

    from metrics.finding_words import words_of
    from metrics.number_words import counted
    from worker.cli.tables import console

    if not groups:
        context.lines("There is nothing to note about the data.")
        return
    shown = console()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for group in groups:
        words = words_of(group.reason)
        concerned = [counted(group.customers, "customer", "customers")] if group.customers else []
        concerned += [f"{money(group.mrr_micros, group.currency or '')} of MRR"] if group.mrr_micros is not None else []
        style = {"error": "bold red", "warning": "yellow"}.get(group.severity, "")
        head = Text.assemble((f"{group.count:,} × {group.reason}", "bold"), f"   {', '.join(concerned)}" if concerned else "")
        grid.add_row(Text(group.severity, style=style), head)
        grid.add_row("", Text(words.meaning))
        grid.add_row("", Text(f"Next: {_as_begun(words.next_step)}."))
        grid.add_row("", "")
    shown.print(grid)
    first = groups[0].reason
    context.say(f"{sentence(_by_severity(groups))} The objects of a reason: nrr show findings --reason {first}")


def _as_begun(text: str) -> str:
    """A next step within a line that has begun already."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _by_severity(groups: Sequence["Group"]) -> dict[str, int]:
    out: dict[str, int] = {}
    for group in groups:
        out[group.severity] = out.get(group.severity, 0) + group.count
    return out


def sentence(counts: Mapping[str, int]) -> str:
    """What the findings come to, in one sentence for the end of a command; it doesn't name the command that shows them."""
    from metrics.number_words import counted

    errors, warnings, notices = (counts.get(severity, 0) for severity in ("error", "warning", "notice"))
    wrong = " and ".join(
        [
            *([counted(errors, "error", "errors")] if errors else []),
            *([counted(warnings, "warning", "warnings")] if warnings else []),
        ]
    )
    notes = f"{counted(notices, 'note', 'notes')} on how far the history can be relied on" if notices else ""
    if wrong:
        return f"About the data: {wrong} that may change figures" + (f", and {notes}." if notes else ".")
    return f"About the data: nothing that changes a figure, {notes}." if notes else "About the data: nothing to note."


def about_the_data(context: Context) -> None:
    """Say in a sentence what the findings come to, and where they are."""
    from worker.queries.findings import count_by_severity

    counts = count_by_severity(context.session)
    context.say(sentence(counts) + (" See: nrr show findings" if counts else ""))


def _tell_objects(context: Context, rows: Sequence[Mapping[str, Any]], limit: int) -> None:
    who = people(context, [r["customer"] for r in rows[:limit]])
    context.table(
        ("severity", "reason", "object", *who.columns, "what"),
        [(r["severity"], r["reason"], r["object_id"], *who.cells(r["customer"]), r["detail"]) for r in rows[:limit]],
    )
    for reason, meaning, next_step in dict.fromkeys((r["reason"], r["meaning"], r["next_step"]) for r in rows[:limit]):
        context.lines(f"{reason}: {meaning} Next: {_as_begun(next_step)}.")
    if len(rows) > limit:
        context.say(f"{len(rows) - limit} more (--limit)")
