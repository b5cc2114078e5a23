"""`nrr alerts backtest`: when each rule would have rung in the past, so that limits can be chosen before anybody is woken by them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.alert_desk import Desk, alert_desk
from worker.cli.common import Config, Json, Now, put_json
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from metrics.alerts.replay import Suggestion
    from metrics.alerts.rules import Watch
    from worker.alerts.backtest import Backtest


def backtest(
    rule: Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Only this rule.")] = None,
    months: Annotated[int, typer.Option("--months", min=1, max=240, help="How far back to begin.")] = 24,
    suggest: Annotated[bool, typer.Option("--suggest", help="Propose limits that keep the budget of false alarms.")] = False,
    budget: Annotated[
        float, typer.Option("--budget", min=0, max=365, metavar="A-YEAR", help="False alarms a year that a rule may ring.")
    ] = 0.5,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show when each rule would have rung in the past.

    Night by night, by the figures as they are known today. Nothing is sent or stored.
    """
    from worker.alerts.backtest import backtest as replayed
    from worker.alerts.backtest import only

    with alert_desk(json=json, now=now, config=config) as desk:
        name = None if rule is None else desk.known(rule)
        watch = only(desk.alerting.watch, name)
        if not watch.rules and not watch.movements:
            raise Stop(f"{rule} watches the data's own health, which isn't kept by night: it can't be replayed", Exit.USAGE)
        found = replayed(
            desk.alerting.engine,
            desk.alerting.basis,
            watch,
            months,
            reporting_currency=desk.alerting.reporting_currency,
            budget=budget if suggest else None,
        )
        if json:
            put_json(_document(found, watch, budget if suggest else None))
        else:
            _tell(desk, found, watch, budget)


def _counts(found: "Backtest", name: str) -> dict[str, int]:
    mine = [ring for ring in found.rings if ring.rule == name]
    alarms = [ring for ring in mine if ring.kind == "alarm"]
    return {
        "alarms": len(alarms),
        "by_chance": sum(ring.by_chance is True for ring in alarms),
        "notes": len(mine) - len(alarms),
    }


def _limit(suggestion: "Suggestion", watch: "Watch") -> str | None:
    """A suggested limit as it is written in nrr.toml."""
    from worker.config.alert_limits import limit_text

    rule = next(rule for rule in watch.rules if rule.name == suggestion.rule)
    return None if suggestion.limit is None else limit_text(rule, suggestion.limit)


def _document(found: "Backtest", watch: "Watch", budget: float | None) -> dict[str, Any]:
    from worker.cli.json_rows import days_row

    out: dict[str, Any] = {
        **days_row(found.first, found.last),
        "rules": [{"rule": name, **_counts(found, name)} for name in watch.named()],
        "rings": [
            {
                "night": ring.night,
                "rule": ring.rule,
                "segment": ring.segment,
                "kind": ring.kind,
                "window": ring.window,
                "value": ring.shown.get("value"),
                "change": ring.shown.get("change"),
                "limit": ring.shown.get("limit"),
                "certainty": ring.certainty,
                "until": ring.until,
                "begun_before": ring.begun_before,
            }
            for ring in found.rings
        ],
    }
    if budget is None:
        return out
    return out | {
        "budget": budget,
        "suggestions": [
            {
                "rule": each.rule,
                "limit": _limit(each, watch),
                "false_now": each.false_now,
                "false_then": each.false_then,
                "alarms_then": each.alarms_then,
            }
            for each in found.suggested
        ],
    }


def _tell(desk: Desk, found: "Backtest", watch: "Watch", budget: float) -> None:
    from metrics.alerts.certainty_words import verdict_in_short
    from worker.cli.stored_figures import window_text

    context = desk.context
    nights = (found.last - found.first).days + 1
    context.lines(
        f"{nights:,} nights from {found.first} to {found.last}, by the figures as they are known today",
        *(["less than a year: what stands for a year is reckoned up from these nights"] if found.years < 1 else []),
        "",
    )
    if found.rings:
        rows = [
            (
                f"before {ring.night}" if ring.begun_before else ring.night,
                ring.rule,
                ring.segment,
                ring.kind,
                ring.shown.get("change") or ring.shown.get("value") or "",
                ring.shown.get("limit") or "",
                window_text(ring.window),
                verdict_in_short(ring.shown),
                ring.until or "",
            )
            for ring in found.rings
        ]
        context.table(("night", "rule", "segment", "what", "value", "limit", "window", "verdict", "over on"), rows)
        context.lines("")
    table = []
    for name in watch.named():
        counts = _counts(found, name)
        a_year = counts["alarms"] / found.years
        table.append((name, counts["alarms"], f"{a_year:.1f}", counts["by_chance"], counts["notes"]))
    right = ("alarms", "a year", "within noise", "notes")
    context.table(("rule", *right), table, right=right)
    if not found.suggested:
        return
    context.lines("", f"limits for at most {budget:g} false alarms a year:")
    limits = []
    for each in found.suggested:
        rule = next(rule for rule in watch.rules if rule.name == each.rule)
        said = _limit(each, watch) or 'none: ask for certainty = "95 %", or for a longer window'
        limits.append(
            (each.rule, "as it is" if each.limit == rule.limit else said, each.false_now, each.false_then, each.alarms_then)
        )
    right_ones = ("false now", "false then", "alarms then")
    context.table(("rule", "limit", *right_ones), limits, right=right_ones)
