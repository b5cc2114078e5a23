"""What is coming by dates that are known: the last night's look ahead."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from integrations.store.db.engine import read
from integrations.store.figures import upcoming
from metrics.ledger.upcoming import GROWING, PAUSES, SHRINKING
from worker.queries.session import Session
from worker.queries.standing import mrr_at


@dataclass(frozen=True, slots=True)
class Ahead:
    """MRR in micros of one currency that a known date may change within so many days of `day`, and of how many customers."""

    day: date
    name: str
    within_days: int
    currency: str
    micros: int
    customers: int


@dataclass(frozen=True, slots=True)
class Committed:
    """Committed MRR at the closing of `day` in micros of one currency, and what it comes to with what is scheduled within so many days."""

    day: date
    within_days: int
    currency: str
    micros: int
    scheduled_micros: int

    @property
    def with_scheduled_micros(self) -> int:
        """Committed MRR with what is scheduled to come."""
        return self.micros + self.scheduled_micros


_WAY: Final = {GROWING: 1, SHRINKING: -1, PAUSES: -1}


def committed(session: Session, ahead: Sequence[Ahead]) -> list[Committed]:
    """Committed MRR with what is scheduled, for the day and each horizon of some signals, by currency; nothing where there are none."""
    if not ahead:
        return []
    day, horizons = ahead[0].day, sorted({each.within_days for each in ahead})
    standing = {s.currency: s.committed_micros for s in mrr_at(session, day).by_currency}
    scheduled: dict[tuple[int, str], int] = defaultdict(int)
    for each in ahead:
        scheduled[each.within_days, each.currency] += _WAY.get(each.name, 0) * each.micros
    currencies = sorted({*standing, *(currency for _, currency in scheduled)})
    return [Committed(day, w, c, standing.get(c, 0), scheduled[w, c]) for w in horizons for c in currencies]


def outlook(session: Session, day: date | None = None) -> list[Ahead]:
    """The signals of a day (of the last one that there are any of), in order of name, horizon and currency."""
    with read(session.engine) as connection:
        rows = upcoming.of_day(connection, session.basis.version, day)
    return [Ahead(**{name: row[name] for name in Ahead.__dataclass_fields__}) for row in rows]
