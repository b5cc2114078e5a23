"""Reports that were made by themselves: which files there are, of which period, as known when, and what a workbook is made again from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from integrations.store.db.clock import now
from integrations.store.db.engine import insert_into
from integrations.store.db.words import clean
from integrations.store.figures.schema import report_made as table
from integrations.store.work import key_value


@dataclass(frozen=True, slots=True)
class MadeReport:
    """A report that was made, with the file that it was. `known_at`: its figures are those that were known then."""

    basis: str
    policy: str
    what: str
    kind: str
    first: date
    until: date
    currency: str
    path: str
    bytes: int
    digest: str
    known_at: datetime
    options: Mapping[str, Any]
    run_id: int | None = None
    id: int = 0
    made_at: datetime | None = None


_COLUMNS: Final = tuple(table.c[name] for name in MadeReport.__dataclass_fields__)
_KEY: Final = ("basis", "what", "kind", "first", "currency")


def put(connection: Connection, made: MadeReport, body: bytes | None) -> int:
    """Keep a report in the place of the one of the same period that there may be, whose number it has then; gives its number."""
    values = {name: getattr(made, name) for name in MadeReport.__dataclass_fields__ if name not in ("id", "made_at")}
    values |= {
        "options": json.dumps(dict(made.options), sort_keys=True),
        "path": clean(made.path),
        "made_at": now(connection),
        "body": body,
    }
    statement = insert_into(connection, table).values(**values)
    # Two who make it at once made the same: whoever comes second only says so again.
    again = {name: statement.excluded[name] for name in values if name not in _KEY}
    upsert = statement.on_conflict_do_update(index_elements=[table.c[name] for name in _KEY], set_=again)
    return int(connection.execute(upsert.returning(table.c.id)).scalar_one())


def everything(connection: Connection, *, basis: str | None = None, limit: int = 100) -> list[MadeReport]:
    """The reports that were made, newest first."""
    query = select(*_COLUMNS).order_by(table.c.id.desc()).limit(limit)
    return [_made(row) for row in connection.execute(query if basis is None else query.where(table.c.basis == basis)).mappings()]


def get(connection: Connection, number: int) -> MadeReport | None:
    """One by its number, if there is such."""
    row = connection.execute(select(*_COLUMNS).where(table.c.id == number)).mappings().first()
    return None if row is None else _made(row)


def of_period(connection: Connection, basis: str, until: date) -> list[MadeReport]:
    """Those of periods that ended before a day, pages first."""
    query = select(*_COLUMNS).where(table.c.basis == basis, table.c.until == until)
    return [_made(row) for row in connection.execute(query.order_by(table.c.what, table.c.kind, table.c.currency)).mappings()]


def latest(connection: Connection, basis: str, what: str, kind: str) -> MadeReport | None:
    """The one of the latest period."""
    mine = (table.c.basis == basis, table.c.what == what, table.c.kind == kind)
    row = connection.execute(select(*_COLUMNS).where(*mine).order_by(table.c.first.desc()).limit(1)).mappings().first()
    return None if row is None else _made(row)


def before(connection: Connection, basis: str, what: str, kind: str, currency: str, first: date) -> MadeReport | None:
    """The one of the period before a day, of the same kind and currency."""
    mine = (table.c.basis == basis, table.c.what == what, table.c.kind == kind, table.c.currency == currency, table.c.first < first)
    row = connection.execute(select(*_COLUMNS).where(*mine).order_by(table.c.first.desc()).limit(1)).mappings().first()
    return None if row is None else _made(row)


def body(connection: Connection, number: int) -> bytes | None:
    """What a workbook is made again from."""
    return connection.execute(select(table.c.body).where(table.c.id == number)).scalar_one_or_none()


# --- those that could not be made -------------------------------------------------------------------------------------------

_FAILED: Final = "reports_failed"
"""Under which name they are remembered."""


@dataclass(frozen=True, slots=True)
class FailedReport:
    """A report that could not be made: of which period, why, since when, and when it was tried last."""

    what: str
    kind: str
    first: date
    until: date
    why: str
    since: datetime
    tried_at: datetime


def failed(connection: Connection) -> list[FailedReport]:
    """The reports that could not be made yet."""
    return [_failed(each) for each in key_value.get(connection, _FAILED) or ()]


def remember_failed(connection: Connection, some: Sequence[FailedReport]) -> None:
    """These, and no others, could not be made."""
    if some or key_value.get(connection, _FAILED):
        key_value.put(connection, _FAILED, [_remembered(each) for each in some])


def _remembered(each: FailedReport) -> dict[str, Any]:
    values = {name: getattr(each, name) for name in FailedReport.__dataclass_fields__}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _failed(row: Mapping[str, Any]) -> FailedReport:
    days = {name: date.fromisoformat(row[name]) for name in ("first", "until")}
    moments = {name: datetime.fromisoformat(row[name]) for name in ("since", "tried_at")}
    return FailedReport(row["what"], row["kind"], days["first"], days["until"], row["why"], **moments)


def _made(row: Any) -> MadeReport:
    return MadeReport(**{**row, "options": json.loads(row["options"])})


def bodies(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Every report's content that is kept, by its number, one at a time."""
    for number in connection.execute(select(table.c.id).where(table.c.body.is_not(None)).order_by(table.c.id)).scalars().all():
        kept = body(connection, number)
        if kept is not None:
            yield int(number), kept


def drop_bodies(connection: Connection, numbers: Sequence[int]) -> None:
    """Keep no content of these any more: they can't be made again."""
    for number in numbers:
        connection.execute(update(table).where(table.c.id == number).values(body=None))
