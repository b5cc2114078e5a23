"""What is coming by dates that are known: the last night's look ahead."""

from dataclasses import dataclass
from datetime import date

from integrations.store.db.engine import read
from integrations.store.figures import upcoming
from worker.queries.session import Session


@dataclass(frozen=True, slots=True)
class Ahead:
    """MRR in micros of one currency that a known date may change within so many days of `day`, and of how many customers."""

    day: date
    name: str
    within_days: int
    currency: str
    micros: int
    customers: int


def outlook(session: Session, day: date | None = None) -> list[Ahead]:
    """The signals of a day (of the last one that there are any of), in order of name, horizon and currency."""
    with read(session.engine) as connection:
        rows = upcoming.of_day(connection, session.basis.version, day)
    return [Ahead(**{name: row[name] for name in Ahead.__dataclass_fields__}) for row in rows]
