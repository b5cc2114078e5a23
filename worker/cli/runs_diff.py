"""`nrr runs diff`: which figures were known differently after two runs, and who was behind it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, PolicyName, money, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.require_ledger import ready
from worker.cli.stored_figures import KINDS, label, window_of

if TYPE_CHECKING:
    from worker.figures.stored import Behind, KnownDifferently


def diff(
    earlier: Annotated[int, typer.Argument(help="The number of a run.")],
    later: Annotated[int, typer.Argument(help="The number of a later run.")],
    window: Annotated[str | None, typer.Option("--window", metavar="KIND", help=f"Only {', '.join(KINDS)}.")] = None,
    by: Annotated[str, typer.Option("--by", metavar="DIMENSION", help="Segments of this dimension, instead of the whole.")] = "",
    policy: PolicyName = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Show which figures changed between two runs, and why. By how much, when it was learnt, and which customers were behind it."""
    from worker.figures.stored import NoSuchRun
    from worker.queries.figures import between_runs

    with opened(json=json, config=config, policy=policy) as context:
        ready(context)
        try:
            found = between_runs(context.session, earlier, later, kind=window, dimension=by)
        except NoSuchRun as error:
            raise Stop(str(error), Exit.USAGE) from None
        _tell_difference(context, found)


def _tell_difference(context: Context, found: "KnownDifferently") -> None:
    from metrics.labels import segment_words
    from worker.cli.figure_rows import figures_row
    from worker.cli.json_rows import code_of
    from worker.figures.stored import flows_changed

    if context.json:
        changed = [
            {
                **window_of(c.one),
                "dimension": c.one.dimension or None,
                "segment": c.one.segment if c.one.dimension else None,
                "currency": code_of(c.one.currency),
                "whole_book": c.one.whole_book,
                "before": figures_row(c.before, context.names) if c.before else None,
                "after": figures_row(c.after, context.names) if c.after else None,
                "differences_micros": c.differences(),
                "learnt_at": c.learnt_at,
                "run": c.run_id,
            }
            for c in found.changed
        ]
        put_json({"since": found.since, "until": found.until, "changed": changed, "behind": [_behind_row(b) for b in found.behind]})
        return
    context.say(f"figures as known at {found.since:%Y-%m-%d %H:%M:%S} and at {found.until:%Y-%m-%d %H:%M:%S} UTC")
    rows = [
        (
            label(c.one),
            segment_words(c.one.dimension, c.one.segment, context.names),
            c.one.currency.upper(),
            "new" if c.before is None else "gone" if c.after is None else "changed",
            ", ".join(f"{name} {money(by, c.one.currency)}" for name, by in c.differences().items()),
            f"{c.learnt_at:%Y-%m-%d %H:%M}" if c.learnt_at else "",
        )
        for c in found.changed
    ]
    context.table(("window", "segment", "currency", "", "by", "learnt"), rows, title=f"{len(rows)} figures differ")
    if found.behind:
        behind = [
            (
                f"{b.month:%Y-%m}",
                b.customer,
                money(b.closing_before, b.currency),
                money(b.closing_after, b.currency),
                ", ".join(f"{kind} {money(by, b.currency)}" for kind, by in flows_changed(b).items()),
                b.run_id,
            )
            for b in found.behind
        ]
        columns = ("month", "customer", "closing was", "is", "movements", "run")
        context.table(columns, behind, title="Customers behind closed months", right=("closing was", "is"))


def _behind_row(each: "Behind") -> dict[str, Any]:
    from worker.cli.json_rows import amounts

    sides = {
        "opening_before": each.opening_before,
        "opening_after": each.opening_after,
        "closing_before": each.closing_before,
        "closing_after": each.closing_after,
    }
    flows = {"flows_before": each.flows_before, "flows_after": each.flows_after}
    about = {
        "month": each.month,
        "customer": each.customer,
        "currency": each.currency,
        "run": each.run_id,
        "learnt_at": each.learnt_at,
    }
    return {**about, **amounts(sides, each.currency), **flows}
