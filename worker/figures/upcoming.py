"""Looking ahead by known dates: the signals of a day, from the facts of the few customers whom a date concerns.

A job of the roll-up's last stage. Nothing is guessed: customers are derived as of now and as of the end of each horizon.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.store.db.chunks import chunks
from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.figures import upcoming
from integrations.store.ledger import read as read_ledger
from integrations.store.work import jobs
from integrations.store.work.jobs import Job
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import is_underived
from metrics.ledger.upcoming import RENEWALS, Coming, coming
from metrics.periods import day_of
from worker.execution.job_data import read_as
from worker.figures.derive import deriver_of
from worker.figures.jobs import Outlook

HORIZONS: Final = (30, 90)
"""Within so many days."""
_DAY: Final = 86_400
_AT_ONCE: Final = 500


def do_outlook(engine: Engine, check: Callable[[], None], job: Job) -> None:
    """Find and keep the signals of the day on which the ledger was last derived."""
    asked = read_as(Outlook, job)
    basis, now = asked.basis, asked.now
    found: dict[int, list[Coming]] = {horizon: [] for horizon in HORIZONS}
    farthest = Instant(now + HORIZONS[-1] * _DAY)
    with read(engine) as connection:
        concerned = upcoming.concerned(connection, basis.version, now, farthest)
    for names in chunks(concerned, _AT_ONCE):
        check()
        with read(engine) as connection:
            _dated(connection, basis, names, now, found)
    with read(engine) as connection:
        for horizon in HORIZONS:
            renewing = upcoming.renewing(connection, now, Instant(now + horizon * _DAY))
            for names in chunks(renewing, _AT_ONCE):
                found[horizon] += _standing(connection, basis.version, names)
    with begin(engine) as connection:
        jobs.hold(connection, job)
        upcoming.put(connection, basis.version, day_of(now, basis.timezone), _rows(found))
        jobs.finish(connection, job)


def _dated(connection: Connection, basis: Basis, names: Sequence[str], now: Instant, found: dict[int, list[Coming]]) -> None:
    deriver = deriver_of(connection, basis)
    for group in read_facts.groups(connection, only=names):
        present = deriver.derive(group, now)
        for horizon, some in found.items():
            until = Instant(now + horizon * _DAY)
            later = deriver.derive(group, until)
            # Of a customer that can't be derived nothing is known, neither now nor of what is coming.
            if not (is_underived(present) or is_underived(later)):
                some += coming(present, later, now, until, basis.timezone)


def _standing(connection: Connection, basis: str, names: Sequence[str]) -> Iterator[Coming]:
    """What customers whose long period ends stand at."""
    standings = read_ledger.book(connection, basis, only=names).standings.sort("customer", "currency", "day")
    last = standings.group_by("customer", "currency", maintain_order=True).last().filter(pl.col("net_micros") > 0)
    for customer, currency, micros in last.select("customer", "currency", "net_micros").iter_rows():
        yield Coming(RENEWALS, customer, currency, micros)


def _rows(found: dict[int, list[Coming]]) -> Iterator[tuple[str, int, str, int, int]]:
    for horizon, some in found.items():
        sums: dict[tuple[str, str], int] = defaultdict(int)
        whose: dict[tuple[str, str], set[str]] = defaultdict(set)
        for each in some:
            sums[each.name, each.currency] += each.micros
            whose[each.name, each.currency].add(each.customer)
        for (name, currency), micros in sums.items():
            yield name, horizon, currency, micros, len(whose[name, currency])
