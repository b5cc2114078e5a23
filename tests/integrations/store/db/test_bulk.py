"""Many rows at once: each key once, whatever was there before, and the caller told what is new."""

import sqlite3
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import StatementError

from integrations.store.db.bulk import CAREFUL_TIMES, COPY_FROM_ROWS, among, append, asked_for, insert_new, stream
from integrations.store.db.engine import begin
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import event, invoice, rate
from integrations.store.figures.rollups import FIGURES, KEY
from integrations.store.figures.schema import rollup

LEARNT = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = ("account", "event_id", "type", "created", "object_id", "customer_id", "subscription_id", "invoice_id", "learnt_at")
HEAD = ("bucket", "customer_id", "account", "invoice_id", "status", "created", "currency", "amount_paid", "paid_at", "learnt_at")
MANY = 2 * COPY_FROM_ROWS


def events(first: int, until: int) -> list[tuple[object, ...]]:
    """Rows of events by number."""
    return [(1, f"evt_{n:06d}", "x", n, "o", None, None, None, LEARNT) for n in range(first, until)]


def told(connection: Connection, rows: list[tuple[object, ...]]) -> int:
    """How many of the events were new."""
    return len(insert_new(connection, event, EVENT, rows, returning=("event_id",)))


def test_only_new_rows_are_told(engine: Engine) -> None:
    """All new, some new, none new, and all new again: what is told is what was not there, and in the end each is there once."""
    with begin(engine) as connection:
        assert MANY == told(connection, events(0, MANY))
        assert MANY // 2 == told(connection, events(MANY // 2, MANY + MANY // 2))
        assert 0 == told(connection, events(0, MANY))
    with begin(engine) as connection:
        for turn in range(2, CAREFUL_TIMES + 4):
            assert MANY == told(connection, events(turn * MANY, turn * MANY + MANY))
        assert (CAREFUL_TIMES + 3) * MANY + MANY // 2 == connection.execute(select(func.count()).select_from(event)).scalar_one()


def test_what_was_stored_before_in_the_transaction_stays(engine: Engine) -> None:
    """A row that is there already undoes nothing but its own step."""
    with begin(engine) as connection:
        told(connection, events(0, MANY))
    with begin(engine) as connection:
        insert_new(connection, invoice, HEAD, heads(None, 0))
        assert 1 == told(connection, events(0, MANY + 1))
    with begin(engine) as connection:
        assert MANY == connection.execute(select(func.count()).select_from(invoice)).scalar_one()


def heads(paid_at: int | None, amount: int) -> list[tuple[object, ...]]:
    """Rows of invoices' heads."""
    return [(1, "cus", 1, f"in_{n:06d}", "paid", n, "usd", amount, paid_at, LEARNT) for n in range(MANY)]


def test_a_later_sighting_raises_what_is_smaller_or_empty(engine: Engine) -> None:
    """Also where all rows of the first one were new, and never back."""
    growing = ("amount_paid", "paid_at")
    with begin(engine) as connection:
        assert MANY == len(insert_new(connection, invoice, HEAD, heads(None, 500), returning=("invoice_id",), greatest=growing))
        assert MANY == len(insert_new(connection, invoice, HEAD, heads(77, 400), returning=("invoice_id",), greatest=growing))
        assert 0 == len(insert_new(connection, invoice, HEAD, heads(60, 100), returning=("invoice_id",), greatest=growing))
        assert [(500, 77)] == list(connection.execute(select(invoice.c.amount_paid, invoice.c.paid_at).distinct()))


def test_what_is_appended_lies_there_as_what_is_inserted(engine: Engine) -> None:
    """Days, times, flags, bytes and nothing, one row or many: the same to the byte as by a statement of SQLAlchemy's; naive times are refused."""
    learnt = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)

    def row(version: int, at: datetime = learnt) -> dict[str, Any]:
        figures = dict.fromkeys(FIGURES, version) | {
            "companions": '{"a":"ä"}',
            "incomplete": version % 2 == 0,
            "reason": None,
            "products": None,
        }
        key = ("b", "month", date(2026, 1, 1), date(2026, 2, 1), "", "", "usd")
        stood = {"digest": "d", "current": False, "learnt_at": at, "run_id": None if version == 1 else version}
        return dict(zip(("basis", *KEY), key, strict=True)) | {"version": version} | figures | stood

    def stored() -> list[Any]:
        with begin(engine) as connection:
            found = [tuple(each) for each in connection.exec_driver_sql("SELECT * FROM rollup ORDER BY version")]
            connection.execute(delete(rollup))
        return found

    for versions in ([1], list(range(1, 100))):
        with begin(engine) as connection:
            connection.execute(insert(rollup), [row(each) for each in versions])
        expected = stored()
        with begin(engine) as connection:
            appended = append(connection, rollup, list(row(1)), [tuple(row(each).values()) for each in versions])
        assert (len(versions), expected) == (appended, stored())
    with pytest.raises((ValueError, StatementError)), begin(engine) as connection:
        append(connection, rollup, list(row(1)), [tuple(row(1, datetime(2026, 1, 1)).values())])  # noqa: DTZ001  # what is refused


def test_days_are_asked_for_without_the_drivers_own_way(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver of SQLite has one to write a day, which is deprecated since Python 3.12 and may go."""
    adapters: dict[Any, Any] = sqlite3.adapters
    monkeypatch.delitem(adapters, (date, sqlite3.PrepareProtocol))
    with begin(engine) as connection:
        days = [date(2026, 1, day) for day in (1, 2, 3)]
        connection.execute(
            insert(rate),
            [{"unit": "eur", "currency": "usd", "day": day, "rate": "1", "source": "ecb", "learnt_at": LEARNT} for day in days],
        )
        since = select(rate.c.unit).where(rate.c.day > days[0], rate.c.unit.in_(["eur", "gbp"]))
        assert [[("eur",), ("eur",)]] == [[tuple(row) for row in rows] for rows in stream(connection, since)]


ODD = ("plain", "", "NULL", 'a "quoted" one', "back\\slash", '\\"', "{a,b}", "a,b", "line\nbreak", "naïve 数", "it's", " spaced ")
"""Names that an array of texts could be taken apart by."""


def test_names_that_look_like_syntax_are_found_as_they_are(engine: Engine) -> None:
    """Whatever a name holds, exactly the rows of those that are asked for are found, by column and by bucket and name."""
    rows = [(1, f"evt_{n}", "x", n, "o", name, None, None, LEARNT) for n, name in enumerate(ODD)]
    with begin(engine) as connection:
        append(connection, event, EVENT, rows)
        for count in range(len(ODD) + 1):
            query = select(event.c.customer_id).where(among(connection, event.c.customer_id, ODD[:count]))
            assert sorted(ODD[:count]) == sorted(connection.execute(query).scalars())
            asked = asked_for(connection, ODD[count:])
            pairs = connection.execute(select(asked.c.bucket, asked.c.name)).all()
            assert sorted((bucket_of(name), name) for name in ODD[count:]) == sorted(tuple(pair) for pair in pairs)
