"""Muting a rule, and acknowledging that somebody has seen it."""

from datetime import datetime

from sqlalchemy import Engine

from integrations.store.alerts import alerts
from integrations.store.db.engine import begin
from integrations.store.work import audit_log
from worker.execution.operator import system_user


def silence(engine: Engine, rule: str, segment: str, sort: str, until: datetime | None, reason: str) -> None:
    """Mute a rule (`sort` mute) or acknowledge it (ack), of one segment or (empty) of all, until an instant or until it is lifted."""
    with begin(engine) as connection:
        alerts.silence(connection, rule, segment, sort, until, reason)
        action: audit_log.Action = "acknowledge" if sort == "ack" else "mute"
        audit_log.write(connection, system_user(), action, rule, segment=segment, until=until, reason=reason)


def unmute(engine: Engine, rule: str, segment: str) -> bool:
    """Send messages about a rule again; gives whether it was muted."""
    with begin(engine) as connection:
        lifted = alerts.lift(connection, rule, segment, "mute")
        if lifted:
            audit_log.write(connection, system_user(), "unmute", rule, segment=segment)
        return lifted
