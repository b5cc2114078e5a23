"""Leading signals of a day: what is coming by dates that are known, and where to look for whom it concerns."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, literal_column, select

from integrations.store.db.bulk import append
from integrations.store.facts.customers.customer_merge import names
from integrations.store.facts.schema import invoice_line
from integrations.store.figures.schema import signal as table
from integrations.store.ledger.schema import exclusion, standing, wake
from metrics.instants import Instant

LONG_SECONDS: Final = 45 * 86_400
"""A period that is longer than a month, by whatever it is billed."""
_COLUMNS: Final = ("basis", "day", "name", "within_days", "currency", "micros", "customers")


def put(connection: Connection, basis: str, day: date, rows: Iterable[tuple[str, int, str, int, int]]) -> int:
    """Keep a day's signals (name, within_days, currency, micros, customers) in the place of those that there are."""
    connection.execute(delete(table).where(table.c.basis == basis, table.c.day == day))
    return append(connection, table, _COLUMNS, [(basis, day, *row) for row in sorted(rows)])


def of_day(connection: Connection, basis: str, day: date | None = None) -> list[dict[str, Any]]:
    """The signals of a day (of the last one that there are any of), in order of name, horizon and currency."""
    newest = select(func.max(table.c.day)).where(table.c.basis == basis).scalar_subquery()
    query = select(table).where(table.c.basis == basis, table.c.day == (newest if day is None else day))
    rows = connection.execute(query.order_by(table.c.name, table.c.within_days, table.c.currency)).mappings()
    return [dict(row) for row in rows]


def concerned(connection: Connection, basis: str, now: Instant, until: Instant) -> list[str]:
    """Customers whose MRR a known date may change in (now, until]: a moment to wake at, a trial that runs, a cancellation asked for."""
    moments = select(wake.c.customer).where(wake.c.basis == basis, wake.c.at > now, wake.c.at <= until)
    running = and_(
        exclusion.c.reason == "trial", exclusion.c.since <= now, (exclusion.c.until.is_(None)) | (exclusion.c.until > now)
    )
    trials = select(exclusion.c.customer).where(exclusion.c.basis == basis, running)
    # Who ended long ago had its end asked for once, too: only what stands now says that something is to come.
    later = standing.alias()
    place = ("basis", "bucket", "customer", "currency")
    newer = select(later.c.day).where(*(later.c[name] == standing.c[name] for name in place), later.c.day > standing.c.day)
    # The bound is written into the statement: an index of these rows alone is used for no other.
    scheduled = standing.c.scheduled_micros > literal_column("0")
    asked = select(standing.c.customer).where(standing.c.basis == basis, scheduled, ~newer.exists())
    return sorted({str(name) for query in (moments, trials, asked) for name in connection.execute(query.distinct()).scalars()})


def renewing(connection: Connection, now: Instant, until: Instant) -> list[str]:
    """Customers of whom a paid period that is longer than a month ends in (now, until]."""
    ends = and_(invoice_line.c.period_end > now, invoice_line.c.period_end <= until)
    long = invoice_line.c.period_end - invoice_line.c.period_start > LONG_SECONDS
    query = select(invoice_line.c.account, invoice_line.c.customer_id).where(ends, long, ~invoice_line.c.proration).distinct()
    found = [(int(account), str(customer)) for account, customer in connection.execute(query)]
    return sorted(set(names(connection, found).values()))
