"""Muting a rule, and acknowledging that somebody has seen it."""

from datetime import datetime

from sqlalchemy import Engine

from integrations.store.alerts import alerts
from integrations.store.db.engine import begin


def silence(engine: Engine, rule: str, segment: str, sort: str, until: datetime | None, reason: str) -> None:
    """Mute a rule (`sort` mute) or acknowledge it (ack), of one segment or (empty) of all, until an instant or until it is lifted."""
    with begin(engine) as connection:
        alerts.silence(connection, rule, segment, sort, until, reason)


def unmute(engine: Engine, rule: str, segment: str) -> bool:
    """Send messages about a rule again; gives whether it was muted."""
    with begin(engine) as connection:
        return alerts.lift(connection, rule, segment, "mute")
