"""The commands of `nrr alerts`: the rules, what fires, what was sent, mutes and acknowledgements."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.alert_desk import Desk, alert_desk
from worker.cli.common import Config, Json, Now, put_json
from worker.cli.dates import instant_of
from worker.cli.exit_codes import Exit, Stop
from worker.cli.stored_figures import window_text

if TYPE_CHECKING:
    from worker.queries.alerts import NoSuchSegment

NEEDED: Final = {
    "slack": "SLACK_WEBHOOK_URL, or SLACK_BOT_TOKEN and SLACK_CHANNEL",
    "email": "SMTP_HOST and ALERT_EMAIL_TO",
    "teams": "TEAMS_WEBHOOK_URL",
    "webhook": "ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET",
}
"""What sets up each channel that isn't a table of its own."""
_NO_CHANNEL: Final = "no channel is set up: set " + "; or ".join(f"{needed} ({name})" for name, needed in NEEDED.items())
Rule = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name, as `nrr alerts list` shows it.")]
Segment = Annotated[str, typer.Option("--segment", metavar="SEGMENT", help="Only this segment, such as plan=pro.")]


def list_(json: Json = False, now: Now = None, config: Config = None) -> None:
    """List the rules with their alerts, values and mutes."""
    from worker.queries.alerts import alerts_at, missing_segments

    with alert_desk(json=json, now=now, config=config) as desk:
        found = alerts_at(desk.context.session, desk.at)
        dead = found.disabled
        watch = replace(desk.alerting.watch, words=desk.context.names)
        quiet = {(s.rule, s.segment): s for s in found.silences if s.sort == "mute"}
        seen = {(s.rule, s.segment) for s in found.silences if s.sort == "ack"}
        rows = []
        for name in desk.alerting.watch.named():
            mine = [row for key, row in found.states.items() if key[0] == name]
            shown: list[Any] = [row for row in mine if row.state != "ok"] or [row for row in mine if row.segment == ""][:1]
            rows += [_row(name, row, quiet, seen, watch) for row in shown or [None]]
        channels = [
            {"channel": name, "in_use": name not in dead, "reason": dead.get(name)}
            for name in sorted({*desk.alerting.channels, *dead})
        ]
        missing = missing_segments(desk.context.session, desk.alerting.watch)
        if json:
            told = [_missing_row(nobody) for nobody in missing]
            put_json({"alerts": rows, "channels": channels, "outbox": dict(found.outbox), "missing_segments": told})
            return
        columns = ["rule", "segment", "state", "value", "limit", "window", "certainty", "as_of", "since", "quiet"]
        if any(row["segment_name"] != row["segment"] for row in rows):
            columns.append("segment_name")
        columns = [c for c in columns if c in ("rule", "state") or any(row[c] for row in rows)]
        heads = {"as_of": "as of"}
        desk.context.table([heads.get(c, c) for c in columns], [[_shown(c, row[c]) for c in columns] for row in rows])
        for nobody in missing:
            desk.context.say(nobody.sentence)
        if not desk.alerting.channels:
            desk.context.say(f"{_NO_CHANNEL}; then nrr alerts test")
        for each in channels:
            if not each["in_use"]:
                desk.context.say(
                    f"{each['channel']} is disabled: {each['reason']}. Once fixed, run: nrr alerts test --channel {each['channel']}"
                )


def _row(name: str, row: Any, quiet: dict[tuple[str, str], Any], seen: set[tuple[str, str]], watch: Any) -> dict[str, Any]:
    shown = {} if row is None else row.body.get("shown", {})
    segment = "" if row is None else row.segment
    mute = quiet.get((name, segment)) or quiet.get((name, ""))
    until = f" until {mute.until:%Y-%m-%d %H:%M}" if mute is not None and mute.until else ""
    acknowledged = (name, segment) in seen or (name, "") in seen
    value = shown.get("change") or shown.get("value") or (f"{shown['micros'] / 1_000_000:,.0f}" if "micros" in shown else None)
    return {
        "rule": name,
        "segment": segment,
        "segment_name": watch.called(segment) if segment else segment,
        "state": "not evaluated" if row is None else row.state,
        "value": value or (shown.get("why") or None),
        "limit": shown.get("limit"),
        "window": shown.get("window") or (None if row is None else row.body.get("fired_window") or None),
        "certainty": "rests on inferred changes"
        if shown.get("why") == "inferred"
        else str(shown["certainty"]).replace("_", " ")
        if shown.get("certainty")
        else None,
        "as_of": None if row is None or not shown else row.updated_at,
        "since": None if row is None or row.state not in ("firing", "pending", "noted") else row.body.get("since"),
        "quiet": f"muted{until}" if mute is not None else "seen" if acknowledged else None,
    }


def check(json: Json = False, now: Now = None, config: Config = None) -> None:
    """Evaluate every rule now and send messages. Exits 4 when an alert fires."""
    from metrics.number_words import counted
    from worker.alerts.deliver import LEASE_SECONDS, send_due
    from worker.alerts.evaluate import evaluate
    from worker.queries.alerts import alerts_at, missing_segments

    with alert_desk(json=json, now=now, config=config) as desk:
        done = evaluate(desk.alerting, desk.at)
        sent = send_due(desk.alerting)
        outbox = alerts_at(desk.context.session, desk.at).outbox
        waiting, held = outbox.get("due", 0), outbox.get("leased", 0)
        missing = missing_segments(desk.context.session, desk.alerting.watch)
        if json:
            changes = [dict(zip(("rule", "segment", "before", "after"), t, strict=True)) for t in done.transitions]
            put_json(
                {
                    "night": done.night,
                    "transitions": changes,
                    "messages": done.messages,
                    "firing": done.firing,
                    "sent": sent.sent,
                    "again": sent.again,
                    "ambiguous": sent.ambiguous,
                    "failed": sent.failed,
                    "dead": sent.dead,
                    "waiting": waiting,
                    "held": held,
                    "missing_segments": [_missing_row(nobody) for nobody in missing],
                }
            )
        else:
            for rule, segment, before, after in done.transitions:
                desk.context.lines(f"{rule} {segment}".strip() + f": {before} → {after}")
            said = f"{done.firing} firing; {counted(done.messages, 'message', 'messages')} written down, {sent.sent} sent"
            desk.context.lines(f"{said}, {waiting} to be sent later" + (f", {held} held by another process" if held else ""))
            if held:
                minutes = int(LEASE_SECONDS / 60)
                desk.context.say(
                    f"if that process is gone, what it held is sent by the next nrr alerts check or tick after {minutes} minutes"
                )
            for nobody in missing:
                desk.context.say(nobody.sentence)
        if done.firing:
            raise typer.Exit(Exit.ALERT_FIRING)


def _missing_row(nobody: "NoSuchSegment") -> dict[str, Any]:
    return {"rule": nobody.rule, "segment": nobody.segment, "near": nobody.near}


def sample(
    channel: Annotated[
        str | None,
        typer.Option(
            "--channel",
            metavar="NAME",
            help="slack, email, teams, webhook, or one of [channels.NAME] (default: all that are set up).",
        ),
    ] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Send a marked sample. A disabled channel that accepts it is enabled again."""
    from worker.alerts.deliver import send_sample

    with alert_desk(json=json, config=config) as desk:
        names = list(desk.alerting.channels) if channel is None else [channel]
        if channel is not None and channel not in desk.alerting.channels:
            if channel not in NEEDED:
                there = ", ".join([*NEEDED, *(name for name in desk.alerting.channels if name not in NEEDED)])
                raise Stop(f"no channel is called {channel!r}; there are {there}", Exit.USAGE)
            raise Stop(f"{channel} is not set up; set {NEEDED[channel]}", Exit.USAGE)
        if not names:
            raise Stop(_NO_CHANNEL, Exit.USAGE)
        ends = {name: send_sample(desk.alerting, name, desk.at) for name in names}
        if json:
            put_json({"channels": [{"channel": name, "end": end.end, "why": end.why or None} for name, end in ends.items()]})
        else:
            for name, end in ends.items():
                desk.context.lines(f"{name}: {end.end}" + (f" ({end.why})" if end.why else ""))
        if any(end.end != "sent" for end in ends.values()):
            raise typer.Exit(Exit.FAILED)


def mute(
    rule: Rule,
    segment: Segment = "",
    days: Annotated[int | None, typer.Option("--days", min=1, help="For this many days.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="ISO-INSTANT", help="Until then (default: until it is unmuted).")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why: shown with the mute.")] = "",
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Mute a rule. It is still evaluated, and reported afterwards if it still fires."""
    if days is not None and until is not None:
        raise Stop("takes either --days or --until", Exit.USAGE)
    with alert_desk(json=json, now=now, config=config) as desk:
        end = desk.at + timedelta(days=days) if days is not None else instant_of(until, "--until") if until else None
        _silence(desk, rule, segment, "mute", end, reason)
        lasting = "until it is unmuted" if end is None else f"until {end:%Y-%m-%d %H:%M} UTC"
        _said(desk, {"rule": rule, "segment": segment, "until": end}, f"{rule} {segment}".strip() + f" is muted {lasting}")


def unmute(rule: Rule, segment: Segment = "", json: Json = False, config: Config = None) -> None:
    """Unmute a rule."""
    from worker.alerts import mutes

    with alert_desk(json=json, config=config) as desk:
        lifted = mutes.unmute(desk.context.wiring.engine, rule, segment)
        name = f"{rule} {segment}".strip()
        _said(
            desk,
            {"rule": rule, "segment": segment, "lifted": lifted},
            f"{name} is no longer muted" if lifted else f"{name} was not muted",
        )


def ack(
    rule: Rule,
    segment: Segment = "",
    reason: Annotated[str, typer.Option("--reason", help="What is being done.")] = "",
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Acknowledge an alert: no reminders until it is resolved."""
    from worker.queries.alerts import alerts_at

    with alert_desk(json=json, now=now, config=config) as desk:
        desk.known(rule)
        states = alerts_at(desk.context.session, desk.at).states
        firing = [key for key, row in states.items() if key[0] == rule and row.state == "firing"]
        if not [key for key in firing if segment in ("", key[1])]:
            raise Stop(f"{f'{rule} {segment}'.strip()} does not fire; there is nothing to acknowledge", Exit.USAGE)
        _silence(desk, rule, segment, "ack", None, reason)
        _said(
            desk,
            {"rule": rule, "segment": segment},
            f"{rule} {segment}".strip() + ": acknowledged; no reminders until it is resolved",
        )


def _silence(desk: Desk, rule: str, segment: str, sort: str, until: datetime | None, reason: str) -> None:
    from worker.alerts import mutes

    desk.known(rule)
    mutes.silence(desk.context.wiring.engine, rule, segment, sort, until, reason)


def _said(desk: Desk, data: dict[str, Any], text: str) -> None:
    if desk.context.json:
        put_json(data)
    else:
        desk.context.lines(text)


def history(
    rule: Annotated[str | None, typer.Option("--rule", metavar="RULE", help="Only this rule.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 50,
    messages: Annotated[bool, typer.Option("--messages", help="Show the messages and how they ended instead.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Show every change of an alert's state, newest first. With the figures behind it; or the messages."""
    from worker.queries.alerts import alert_history
    from worker.queries.alerts import messages as messages_of

    with alert_desk(json=json, config=config) as desk:
        changes = [] if messages else alert_history(desk.context.session, rule=rule, limit=limit)
        posted = messages_of(desk.context.session, rule=rule, limit=limit) if messages else []
        if messages:
            rows = [
                {
                    "written": p.created_at,
                    "rule": p.message.rule,
                    "segment": p.message.segment,
                    "transition": p.message.transition,
                    "channel": p.message.channel,
                    "status": p.status,
                    "attempts": p.attempts,
                    "sent": p.sent_at,
                    "error": p.last_error,
                }
                for p in posted
            ]
        else:
            rows = [
                {
                    "at": t.at,
                    "rule": t.rule,
                    "segment": t.segment,
                    "before": t.before,
                    "after": t.after,
                    "value": t.body.get("shown", {}).get("change") or t.body.get("shown", {}).get("value"),
                    "limit": t.body.get("shown", {}).get("limit"),
                    "window": t.body.get("shown", {}).get("window"),
                }
                for t in changes
            ]
        if json:
            put_json({"messages" if messages else "history": rows})
        elif not rows:
            of = f" of rule {rule}" if rule else ""
            said = f"no message{of} was written" if messages else f"no alert{of} has changed its state"
            desk.context.say(f"{said} yet; the rules are evaluated by: nrr nightly")
        else:
            columns = list(rows[0])
            desk.context.table(columns, [[_shown(c, row[c]) for c in columns] for row in rows])


def _shown(column: str, value: object) -> object:
    return window_text(str(value)) if column == "window" and value else _cell(value)


def _cell(value: object) -> object:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value
