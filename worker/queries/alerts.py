"""Where each alert stands, what changed, who muted or acknowledged what, and what became of the messages. What is watched is a setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.store.alerts import alerts, outbox
from integrations.store.alerts.alerts import AlertRow, Mute, Transition
from integrations.store.alerts.outbox import Posted
from integrations.store.db.engine import read
from worker.queries.session import Session


@dataclass(frozen=True, slots=True)
class AlertsNow:
    """All of it at one moment: alerts by rule and segment, mutes and acknowledgements in force, channels out of use with why, and how many
    messages there are by status."""

    states: Mapping[tuple[str, str], AlertRow]
    silences: Sequence[Mute]
    disabled: Mapping[str, str | None]
    outbox: Mapping[str, int]


def alerts_at(session: Session, at: datetime) -> AlertsNow:
    """The alerts as they stand, with the mutes in force at an instant."""
    with read(session.engine) as connection:
        return AlertsNow(
            alerts.states(connection),
            alerts.silences(connection, at),
            alerts.disabled_channels(connection),
            outbox.counts(connection),
        )


def alert_history(session: Session, *, rule: str | None = None, limit: int = 100) -> list[Transition]:
    """Changes of alerts' states with the figures behind them, newest first."""
    with read(session.engine) as connection:
        return alerts.history(connection, rule=rule, limit=limit)


def messages(session: Session, *, rule: str | None = None, limit: int = 100) -> list[Posted]:
    """Messages and how they ended, newest first."""
    with read(session.engine) as connection:
        return outbox.latest(connection, rule=rule, limit=limit)
