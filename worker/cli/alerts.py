"""`nrr alerts …`: which commands there are."""

from collections.abc import Mapping
from typing import Final

import typer

from worker.cli.lazy import Entry, group_of

ALERTS: Final[Mapping[str, Entry]] = {
    "backtest": Entry("backtest:backtest", "Show when each rule would have rung in the past."),
    "list": Entry("alert_commands:list_", "List the rules with their alerts, values and mutes."),
    "check": Entry("alert_commands:check", "Evaluate every rule now and send messages."),
    "test": Entry("alert_commands:sample", "Send a marked sample."),
    "mute": Entry("alert_commands:mute", "Mute a rule."),
    "unmute": Entry("alert_commands:unmute", "Unmute a rule."),
    "ack": Entry("alert_commands:ack", "Acknowledge an alert: no reminders until it is resolved."),
    "history": Entry("alert_commands:history", "Show every change of an alert's state, newest first."),
}

app = typer.Typer(cls=group_of(ALERTS), no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def alerts() -> None:
    """Alerts: the rules, and what fires."""
