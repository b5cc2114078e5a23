"""Keeping the monthly figures of what is billed: only months with news are made again, and all of them when the time zone has changed.

They rest on no policy: what was billed was billed. A month costs what its invoices cost to read, however many others are kept.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date
from hashlib import blake2b
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.store.db.engine import begin, read
from integrations.store.figures import billings
from integrations.store.work import jobs, key_value
from integrations.store.work.jobs import Job
from metrics.billings import months
from metrics.billings.classify import BILLED, classified
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.periods import add_months, day_of, opening
from worker.execution.log import logger
from worker.figures import proof

log = logger(__name__)

KIND: Final = "billings"
MADE: Final = "billings"
"""Under this name is remembered by which time zone and which metered prices all months were made."""
AT_ONCE: Final = 200_000
"""Invoices that are looked at together."""
_DAY: Final = 86_400


def do_billings(engine: Engine, basis: Basis, check: Callable[[], None], job: Job) -> None:
    """Bring the figures up to date as a job, which ends in the transaction of its effect. No two of them go on at once: a roll-up is
    exclusive, and these jobs are parts of one."""
    with read(engine) as connection:
        due = billings.has_news(connection) or proof.is_of_another_basis(connection, basis)
    proven = proof.of_last_month(engine, basis, check) if due else None

    def finish(connection: Connection) -> None:
        if proven is not None:
            key_value.put(connection, proof.REMEMBERED, proven)
        jobs.finish(connection, job)

    refresh(engine, basis.timezone, check, finish)


def refresh(
    engine: Engine, timezone: str, check: Callable[[], None], within: Callable[[Connection], None] = lambda _: None
) -> Sequence[date] | None:
    """Make the months with news again, stored in one transaction that `within` ends; gives these months, None for all."""
    with begin(engine) as connection:
        days, last = billings.news(connection)
    with read(engine) as connection:
        rests_on = _rests_on(connection, timezone)
        wanted = _months(days, timezone) if key_value.get(connection, MADE) == rests_on else None
        frame = None if wanted == [] else _made(connection, timezone, wanted, check)
    with begin(engine) as connection:
        if frame is not None:
            billings.replace_months(connection, wanted, frame)
            log.info("billings_made", months=None if wanted is None else len(wanted), rows=len(frame))
        billings.drop_news_until(connection, last)
        key_value.put(connection, MADE, rests_on)
        within(connection)
    return wanted


def _rests_on(connection: Connection, timezone: str) -> dict[str, Any]:
    metered = billings.prices(connection).filter("metered").sort("account", "price").rows()
    return {"timezone": timezone, "metered": blake2b(json.dumps(metered).encode(), digest_size=8).hexdigest()}


def _months(days: Sequence[Instant], timezone: str) -> list[date]:
    """The reporting months that some days in UTC may lie in."""
    ends = (day_of(Instant(at + more), timezone) for at in days for more in (0, _DAY - 1))
    return sorted({add_months(day, 0) for day in ends})


def _made(connection: Connection, timezone: str, wanted: Sequence[date] | None, check: Callable[[], None]) -> pl.DataFrame:
    parts = []
    for within in _spans(wanted, timezone):
        shards = max(1, billings.invoices_held(connection) // AT_ONCE) if within == (None, None) else 1
        for index in range(shards):
            check()
            rows = months.dated(classified(billings.facts(connection, within, (index, shards))), timezone)
            parts.append(months.summed(rows if wanted is None else months.only(rows, wanted)))
    empty = months.summed(months.dated(pl.DataFrame(schema=BILLED), timezone))
    return months.summed(pl.concat([empty, *parts]))


def _spans(wanted: Sequence[date] | None, timezone: str) -> list[billings.Range]:
    """The wanted months as ranges of time, neighbours together."""
    if wanted is None:
        return [(None, None)]
    spans: list[tuple[date, date]] = []
    for month in wanted:
        if spans and spans[-1][1] == month:
            spans[-1] = (spans[-1][0], add_months(month, 1))
        else:
            spans.append((month, add_months(month, 1)))
    return [moments(timezone, first, until) for first, until in spans]


def live(engine: Engine, timezone: str, first: date, until: date, customer: str | None = None) -> pl.DataFrame:
    """What was billed on the reporting days [first, until), straight from the facts: rows of `months.dated`."""
    with read(engine) as connection:
        return months.dated(classified(billings.facts(connection, moments(timezone, first, until), customer=customer)), timezone)


def moments(timezone: str, first: date, until: date) -> billings.Range:
    """The moments of the reporting days [first, until)."""
    return opening(first, timezone), opening(until, timezone)
