"""Tables cut by the bucket of customers: no figure depends on it, names stay, and only the parts that a job is about are looked at."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from integrations.store import migrate, partitions
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.partitions import NoPartitions, cut_tables, parts_of
from integrations.store.tables import metadata
from integrations.store.work import jobs, runs
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from tests.benchmarks import rollups_business as business
from tests.integrations.store.dump import canonical
from tests.metrics.retention.books import Stand
from tests.services.postgres import create_database, drop_database
from tests.worker.ledgers import Life, roll_up, rolling_of, store
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.figures import derive
from worker.runs import database

NOW = Instant(1_768_478_400)
PARTS = 5
DERIVED = Basis(timezone="Europe/Berlin")
"""Another basis than that of the ledgers which are rolled up."""
DAYS = [date(2025, month, 3) for month in (5, 6)]


@pytest.fixture(scope="module")
def whole_and_cut(postgres_url: str) -> Iterator[tuple[str, str]]:
    """The addresses of two empty databases: one whole, the other cut into PARTS."""
    names = [f"nrr_test_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    urls = [create_database(postgres_url, name).replace("postgresql://", "postgresql+psycopg://") for name in names]
    for url, parts in zip(urls, (None, PARTS), strict=True):
        engine = open_engine(url)
        assert (None, migrate.head()) == database.upgrade(engine, parts=parts)
        engine.dispose()
    yield urls[0], urls[1]
    for name in names:
        drop_database(postgres_url, name)


def _derive(engine: Engine, now: Instant) -> None:
    job = derive.first_job()
    with begin(engine) as connection:
        run = runs.start(connection, job.kind)
        jobs.add(connection, [replace(job, run_id=run)])
    stop = Stop()
    handlers = derive.handlers(derive.Deriving(engine, stop, DERIVED, now))
    worked = Crew(engine, Terms("test", threads=1, heavy=1, lease_seconds=300), stop, ()).work(
        handlers, wanted=[run], give_up_after=1
    )
    assert worked.error is None, worked.error


def _filled(url: str) -> list[str]:
    """Facts and the ledger from them, figures of another ledger, news of both: the whole content of the database."""
    business.prepare(url)
    business.write(url, 0, 30)
    engine = open_engine(url)
    _derive(engine, NOW)
    business.touch(url, [3, 17, 28], NOW + 3_600)
    _derive(engine, Instant(NOW + 86_400))
    lives = {
        f"c{n:02}": Life({(day, "usd"): Stand(f"c{n:02}", day, (n + 1) * 10_000_000, plan="pro" if n % 2 else "basic")})
        for n, day in enumerate(DAYS * 6)
    }
    store(engine, lives, lives, date(2025, 6, 20))
    roll_up(rolling_of(engine))
    lives["c05"].stands[date(2025, 6, 10), "usd"] = Stand("c05", date(2025, 6, 10), 90_000_000, cause="quantity")
    store(engine, lives, ["c05"], date(2025, 6, 21))
    roll_up(rolling_of(engine))
    with read(engine) as connection:
        rows = list(canonical(connection))
    engine.dispose()
    return rows


@pytest.mark.long
def test_no_figure_depends_on_it(whole_and_cut: tuple[str, str], tmp_path: Path) -> None:
    """Facts, ledger and figures are the same rows after a first night and one with news; a backup of one fits the other, which keeps its parts."""
    whole, cut = map(_filled, whole_and_cut)
    assert len(whole) > 500
    assert whole == cut
    engines = [open_engine(url) for url in whole_and_cut]
    for engine, parts in zip(engines, (0, PARTS), strict=True):
        with read(engine) as connection:
            assert parts == parts_of(connection)
    file = tmp_path / "backup"
    database.backup(engines[0], file, business.LEARNT)
    database.restore(engines[1], file, replace=True)
    with read(engines[1]) as connection:
        assert PARTS == parts_of(connection)
        assert cut == list(canonical(connection))
    for engine in engines:
        engine.dispose()


@pytest.mark.long
def test_names_stay_and_only_the_parts_asked_for_are_looked_at(whole_and_cut: tuple[str, str]) -> None:
    """Columns, keys, indexes, rules and comments are those of a table that is not cut; every large table is cut, and no list shows its parts."""
    engines = [open_engine(url) for url in whole_and_cut]
    whole, cut = map(inspect, engines)
    assert sorted(whole.get_table_names()) == sorted(cut.get_table_names())
    for name in cut_tables():
        assert whole.get_table_comment(name) == cut.get_table_comment(name)
        assert whole.get_pk_constraint(name) == cut.get_pk_constraint(name)
        assert whole.get_check_constraints(name) == cut.get_check_constraints(name)
        assert [{**c, "type": str(c["type"])} for c in whole.get_columns(name)] == [
            {**c, "type": str(c["type"])} for c in cut.get_columns(name)
        ]
        assert sorted((str(i["name"]), i["column_names"]) for i in whole.get_indexes(name)) == sorted(
            (str(i["name"]), i["column_names"]) for i in cut.get_indexes(name)
        )
    with read(engines[1]) as connection:
        held = connection.exec_driver_sql(
            "SELECT inhparent::regclass::text, count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE c.relkind = 'p' GROUP BY 1"
        )
        assert dict.fromkeys(cut_tables(), PARTS) == {str(name): int(count) for name, count in held}
        plan = "\n".join(
            connection.exec_driver_sql(
                "EXPLAIN SELECT * FROM standing WHERE basis = 'b' AND bucket >= 205 AND bucket < 409"
            ).scalars()
        )
    assert ("standing_001" in plan, "standing_000" in plan, "standing_002" in plan) == (True, False, False)
    for engine in engines:
        engine.dispose()


@pytest.mark.long
def test_an_upgrade_cuts_what_a_newer_schema_brings(whole_and_cut: tuple[str, str]) -> None:
    """A large table that came whole is cut like the others, with its rows."""
    engine = open_engine(whole_and_cut[1])
    with begin(engine) as connection:
        connection.exec_driver_sql("DROP TABLE wake")
        metadata.tables["wake"].create(connection)
        connection.exec_driver_sql("INSERT INTO wake (basis, bucket, customer, at) VALUES ('b', 1023, 'c', 5)")
    database.upgrade(engine)
    with read(engine) as connection:
        assert "p" == connection.exec_driver_sql("SELECT relkind FROM pg_class WHERE oid = 'wake'::regclass").scalar()
        assert 1 == connection.exec_driver_sql(f"SELECT count(*) FROM {partitions.SCHEMA}.wake_004").scalar()
    with begin(engine) as connection:  # the database is other tests' too, in whatever order they come
        connection.exec_driver_sql("DELETE FROM wake")
    engine.dispose()


def test_what_cannot_be_cut_is_refused(whole_and_cut: tuple[str, str], tmp_path: Path) -> None:
    """SQLite, numbers that make no sense, and a database that has its tables; asking again for what there is changes nothing."""
    whole, cut = map(open_engine, whole_and_cut)
    for engine, parts, words in (
        (open_engine(f"sqlite:///{tmp_path / 'a.sqlite3'}"), 4, "only PostgreSQL"),
        (cut, 1, "2 to 256"),
        (cut, 0, "2 to 256 parts, not 0"),
        (whole, 4, "not cut; nothing was changed"),
        (cut, PARTS + 1, f"in {PARTS} parts; nothing was changed"),
    ):
        with pytest.raises(NoPartitions, match=words):
            database.upgrade(engine, parts=parts)
    assert (migrate.head(), migrate.head()) == database.upgrade(cut, parts=PARTS)
    assert not (tmp_path / "a.sqlite3").exists()
    for engine in (whole, cut):
        engine.dispose()
