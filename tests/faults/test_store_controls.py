"""Defences of the store, each taken away: what its test looks at goes wrong. No time plays a part, so no slow machine does it by itself."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import OperationalError

from integrations.store.alerts import outbox
from integrations.store.alerts.schema import outbox as outbox_table
from integrations.store.db import engine as engines
from integrations.store.db.bulk import insert_new
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts.schema import event as event_table
from integrations.store.migrate import upgrade
from integrations.store.work.schema import setting
from metrics.evidence import Instant
from tests.integrations.store.telling import event, put
from worker.ingest import plan
from worker.ingest.pace import Pace
from worker.ingest.plan import CATALOG, LISTS, Known

LATE, OVERLAP = 400, 600
NOW = 1_760_000_000


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated database, once of each kind."""
    made = open_engine(migrated_url)
    yield made
    made.dispose()


# --- natural keys -------------------------------------------------------------------------------------------------------------


def read_twice(engine: Engine) -> int:
    """How many events are held after a page of three was stored twice."""
    for _ in range(2):
        put(engine, events=[event(f"evt_{number}", "cus_a") for number in range(3)])
    with read(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(event_table)).scalar_one())


def test_what_is_read_twice_is_held_once(engine: Engine) -> None:
    """On its natural key."""
    assert 3 == read_twice(engine)


def test_without_natural_keys_it_is_held_twice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: a key that is made up for each row lets each reading in."""
    stored, made = insert_new, iter(range(1_000))

    def with_made_up_keys(connection: Connection, into: Any, columns: Any, rows: Any, **more: Any) -> Any:
        if into is event_table:
            rows = [(row[0], f"{row[1]}#{next(made)}", *row[2:]) for row in rows]
        return stored(connection, into, columns, rows, **more)

    monkeypatch.setattr("integrations.store.facts.write.insert_new", with_made_up_keys)
    assert 6 == read_twice(engine)


# --- BEGIN IMMEDIATE ----------------------------------------------------------------------------------------------------------


def two_at_once(url: str) -> list[str]:
    """Two that each read a number and write it one higher, the second beginning while the first is between the two: what each came to."""
    engine = open_engine(url)
    with begin(engine) as connection:
        connection.execute(setting.insert().values(name="count", value="0", updated_at=datetime.now(UTC)))
    came, first_has_read, second_has_begun = [], threading.Event(), threading.Event()

    def count(*, first: bool) -> None:
        try:
            if not first:
                first_has_read.wait(30)
                second_has_begun.set()
            with begin(engine) as connection:
                held = int(connection.execute(select(setting.c.value).where(setting.c.name == "count")).scalar_one())
                if first:
                    first_has_read.set()
                    second_has_begun.wait(30)
                    second_is_reading.wait(1)  # it can't read before we are through, unless nothing keeps it from that
                else:
                    second_is_reading.set()
                connection.execute(setting.update().where(setting.c.name == "count").values(value=str(held + 1)))
            came.append("counted")
        except OperationalError:
            came.append("refused")

    second_is_reading = threading.Event()
    threads = [threading.Thread(target=count, kwargs={"first": first}) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    with read(engine) as connection:
        came.append(str(connection.execute(select(setting.c.value).where(setting.c.name == "count")).scalar_one()))
    engine.dispose()
    return came


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLite's only: PostgreSQL has no such word."""
    engine = open_engine(f"sqlite:///{tmp_path / 'nrr.sqlite3'}")
    upgrade(engine)
    engine.dispose()
    return str(engine.url)


def test_who_writes_waits_for_whoever_began_before(sqlite_url: str) -> None:
    """Both count, one after the other."""
    assert ["counted", "counted", "2"] == two_at_once(sqlite_url)


def test_without_begin_immediate_one_is_refused_or_lost(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: begun as SQLite does by itself, both read the same number, and one of them is refused what it meant to write."""
    monkeypatch.setattr(engines, "_begin_sqlite", lambda connection: connection.exec_driver_sql("BEGIN"))
    assert ["counted", "counted", "2"] != two_at_once(sqlite_url)


# --- the outbox ---------------------------------------------------------------------------------------------------------------


def told_twice(engine: Engine) -> int:
    """How many messages there are after the same change was told of twice."""
    message = outbox.Message("nrr", "", "2026-05", "firing:1", "slack", {"text": "x"})
    for _ in range(2):
        with begin(engine) as connection:
            outbox.enqueue(connection, [message])
    with read(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(outbox_table)).scalar_one())


def test_a_change_is_told_of_once(engine: Engine) -> None:
    """However often it is written down."""
    assert 1 == told_twice(engine)


def test_without_the_outboxs_uniqueness_it_is_told_of_twice(engine: Engine) -> None:
    """A control: with the constraint gone from the table nothing else keeps the second one out."""
    with begin(engine) as connection:
        if engine.dialect.name == "postgresql":
            name = connection.execute(
                text("SELECT conname FROM pg_constraint WHERE conrelid = 'outbox'::regclass AND contype = 'u'")
            ).scalar_one()
            connection.exec_driver_sql(f'ALTER TABLE outbox DROP CONSTRAINT "{name}"')
        else:
            connection.exec_driver_sql("CREATE TABLE bare AS SELECT * FROM outbox")
            connection.exec_driver_sql("DROP TABLE outbox")
            connection.exec_driver_sql("ALTER TABLE bare RENAME TO outbox")
    assert 2 == told_twice(engine)


# --- the events' overlap ------------------------------------------------------------------------------------------------------


def next_events(pace: Pace) -> list[str]:
    """What a host's events a later sync asks for, as the plan says: one is shown only now, and was created before the mark of the last sync."""
    mark = Instant(NOW - pace.lag_seconds)
    created = {"evt_late": mark - LATE, "evt_new": mark + 30}
    planned = plan.sync(Known(mark, dict.fromkeys((*CATALOG, *LISTS), mark)), Instant(NOW + 900), pace)
    [news] = [job for job in planned.jobs if job.kind == "events"]
    assert news.since is not None
    assert news.until is not None
    return sorted(name for name, at in created.items() if news.since <= at < news.until)


@pytest.mark.parametrize(
    ("overlap", "expected"), [(OVERLAP, ["evt_late", "evt_new"]), (0, ["evt_new"])], ids=["with", "control without"]
)
def test_an_event_that_comes_late_lies_in_the_overlap(overlap: int, expected: list[str]) -> None:
    """Only with the overlap is the late one asked for; without it nobody would ever read it."""
    assert expected == next_events(Pace(lag_seconds=60, overlap_seconds=overlap))
