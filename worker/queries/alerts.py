"""Where each alert stands, what changed, who muted or acknowledged what, and what became of the messages. What is watched is a setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from integrations.store.alerts import alerts, outbox
from integrations.store.alerts.alerts import AlertRow, Mute, Transition
from integrations.store.alerts.outbox import Posted
from integrations.store.db.engine import read
from integrations.store.figures import rollups
from metrics.alerts.rules import Rule, Watch
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


@dataclass(frozen=True, slots=True)
class NoSuchSegment:
    """A rule watches a segment that no figure has: it can't fire. `segment` is `plan=price_1`, `near` what was probably meant."""

    rule: str
    segment: str
    near: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What to tell of it."""
        meant = f"; did you mean {', '.join(self.near)}?" if self.near else ""
        return f"{self.rule} watches {self.segment}, which no figure has: it can't fire (segment in [[alerts.rules]]){meant}"


def missing_segments(session: Session, watch: Watch) -> list[NoSuchSegment]:
    """Rules on a segment that no stored figure has, in their order; none while there are no figures of the dimension at all."""
    found = []
    with read(session.engine) as connection:
        held: dict[str, set[str]] = {}
        for rule in watch.rules:
            if isinstance(rule, Rule) and rule.dimension and rule.segment is not None:
                known = held.setdefault(rule.dimension, rollups.segments(connection, session.basis.version, rule.dimension))
                if known and rule.segment not in known:
                    near = tuple(f"{rule.dimension}={each}" for each in get_close_matches(rule.segment, sorted(known), n=2))
                    found.append(NoSuchSegment(rule.name, f"{rule.dimension}={rule.segment}", near))
    return found


def alert_history(session: Session, *, rule: str | None = None, limit: int = 100) -> list[Transition]:
    """Changes of alerts' states with the figures behind them, newest first."""
    with read(session.engine) as connection:
        return alerts.history(connection, rule=rule, limit=limit)


def messages(session: Session, *, rule: str | None = None, limit: int = 100) -> list[Posted]:
    """Messages and how they ended, newest first."""
    with read(session.engine) as connection:
        return outbox.latest(connection, rule=rule, limit=limit)
