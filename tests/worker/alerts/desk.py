"""An installation that alerts: a real database with figures in it, and channels that write down what they were given."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from integrations.notify.delivery import Outcome, Parcel
from integrations.store.alerts import alerts, outbox
from integrations.store.alerts.outbox import Posted
from integrations.store.db.engine import begin, read
from integrations.store.figures import rollups
from integrations.store.ledger import bases as ledger_bases
from metrics.alerts.rules import Watch
from metrics.ledger.basis import Basis
from metrics.periods import opening
from metrics.retention.figures import Figures
from worker.alerts.alerting import Alerting
from worker.alerts.deliver import Sent, send_due
from worker.alerts.evaluate import Evaluated, evaluate

BASIS = Basis()
NIGHT_HOUR = 4


@dataclass
class Notebook:
    """A channel that answers as its script says (when that is over: taken), and keeps what it was given."""

    name: str = "slack"
    script: list[Outcome | Exception] = field(default_factory=list)
    given: list[Parcel] = field(default_factory=list)
    answered: list[Outcome] = field(default_factory=list)

    def deliver(self, parcel: Parcel) -> Outcome:
        self.given.append(parcel)
        answer = self.script.pop(0) if self.script else Outcome("sent", progress={"ts": f"{len(self.given)}.0"})
        if isinstance(answer, Exception):
            raise answer
        self.answered.append(answer)
        return answer

    @property
    def titles(self) -> list[str]:
        return [str(p.content["title"]) for p in self.given]


def at(day: date, hour: int = NIGHT_HOUR) -> datetime:
    """An instant of the night after `day - 1`."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@dataclass
class Desk:
    """What a story works with."""

    engine: Engine
    alerting: Alerting

    @classmethod
    def open(cls, engine: Engine, watch: Watch, *channels: Notebook, clock: Callable[[], datetime] | None = None) -> "Desk":
        """An installation with a complete, empty ledger."""
        with begin(engine) as connection:
            ledger_bases.put(connection, BASIS.version, "default", {})
        return cls(engine, Alerting(engine, BASIS, watch, clock or (lambda: datetime.now(UTC)), {c.name: c for c in channels}))

    def store(self, book: Iterable[Figures], day: date) -> None:
        """Figures as a nightly run would have stored them on the night of `day`; changed ones become new versions."""
        with begin(self.engine) as connection:
            ledger_bases.mark_derived(connection, BASIS.version, at(day), opening(day, "UTC"))
            rollups.put(connection, BASIS.version, [f.to_row() for f in book], at(day))

    def night(self, day: date, book: Sequence[Figures] | None = None, **more: Any) -> Evaluated:
        """Figures, evaluation; nothing is sent yet."""
        if book is not None:
            self.store(book, day)
        return evaluate(self.alerting, at(day), **more)

    def send(self) -> Sent:
        """Send what is due."""
        return send_due(self.alerting)

    def hurry(self) -> None:
        """Let whatever waits be due now, as if time had passed."""
        from sqlalchemy import update

        from integrations.store.alerts.schema import outbox as table

        with begin(self.engine) as connection:
            past = datetime.now(UTC) - timedelta(seconds=5)
            connection.execute(update(table).where(table.c.status == "due").values(next_attempt_at=past))
            connection.execute(update(table).where(table.c.status == "leased").values(lease_until=past))

    def posted(self) -> list[Posted]:
        """The outbox, oldest first."""
        with read(self.engine) as connection:
            return list(reversed(outbox.latest(connection, limit=10_000)))

    def told(self) -> list[str]:
        """The outbox in short: `status transition rule segment channel`."""
        return [
            " ".join(filter(None, (p.status, p.message.transition, p.message.rule, p.message.segment, p.message.channel)))
            for p in self.posted()
        ]

    def state(self, rule: str, segment: str = "") -> str:
        """Where an alert stands."""
        with read(self.engine) as connection:
            row = alerts.states(connection).get((rule, segment))
        return row.state if row else "ok"

    def history(self) -> list[str]:
        """Every transition, oldest first."""
        with read(self.engine) as connection:
            found = alerts.history(connection, limit=10_000)
        return [f"{t.rule} {t.segment}".strip() + f": {t.before} -> {t.after}" for t in reversed(found)]
