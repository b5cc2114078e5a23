"""The migrations bring both databases to exactly the tables that the code describes."""

import re
import threading
import uuid
from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import Engine, delete, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts.marks import touch
from integrations.store.facts.schema import touched
from integrations.store.ledger import bases as ledger_bases
from integrations.store.migrate import NotMigrated, current, differences, head, require_current, upgrade
from integrations.store.tables import metadata
from integrations.store.views.declared import VIEWS
from integrations.store.views.view import statement
from integrations.store.work import jobs, runs
from integrations.store.work.schema import job
from integrations.store.work.schema import run as run_table


def test_migrations_and_tables_agree(database_url: str) -> None:
    """After an upgrade from nothing there is no difference left, and a second upgrade changes nothing."""
    engine = open_engine(database_url)
    assert upgrade(engine) == (None, head())
    assert upgrade(engine) == (head(), head())
    with read(engine) as connection:
        assert differences(connection) == []
    engine.dispose()


def test_an_index_of_some_rows_is_what_its_table_says(engine: Engine) -> None:
    """Such a condition is the migration's to make; where the tables are described it stands as a word about the index."""
    said = {
        index.name: index.info["where"] for table in metadata.tables.values() for index in table.indexes if "where" in index.info
    }
    with read(engine) as connection:
        held = {
            str(each["name"]): str(condition).strip('()"')
            for table in metadata.tables
            for each in inspect(connection).get_indexes(table)
            for name, condition in each.get("dialect_options", {}).items()
            if name.endswith("_where")
        }
    assert said
    assert held == {name: where.strip('"') for name, where in said.items()}  # PostgreSQL writes it in its own way


def test_an_unmigrated_database_names_the_next_command(database_url: str) -> None:
    """Working on an empty database is refused with the command that helps."""
    engine = open_engine(database_url)
    with pytest.raises(NotMigrated, match="nrr db upgrade"):
        require_current(engine)
    upgrade(engine)
    require_current(engine)
    engine.dispose()


def test_two_upgrades_at_once_wait_for_one_another(database_url: str) -> None:
    """Two workers that start together on an empty database: both end well, and one of them found it done."""
    ready, found = threading.Barrier(3), []

    def go() -> None:
        engine = open_engine(database_url)
        ready.wait()
        found.append(upgrade(engine))
        engine.dispose()

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(None, head()), (head(), head()), (head(), head())] == sorted(found, key=lambda each: each[0] or "")


def test_a_newer_database_is_not_touched(engine: Engine) -> None:
    """One that a later version has migrated is refused by the upgrade too, and says what helps."""
    with begin(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (require_current, upgrade):
        with pytest.raises(NotMigrated, match=r"9999.*newer version") as refused:
            step(engine)
        assert "nothing was changed" in str(refused.value)
    with read(engine) as connection:
        assert "9999" == current(connection)


def test_a_failed_upgrade_leaves_nothing(database_url: str) -> None:
    """All of it is one transaction: something in its way, and the database is as it was."""
    engine = open_engine(database_url)
    with begin(engine) as connection:
        connection.execute(text("CREATE TABLE worker (mine integer)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(engine)
    with read(engine) as connection:
        assert (None, ["worker"]) == (current(connection), inspect(connection).get_table_names())
    engine.dispose()


def test_every_table_and_column_is_described_in_the_database(engine: Engine) -> None:
    """For people with psql: what the code says of each is what PostgreSQL says; SQLite has no comments, the code has them all."""
    undescribed = [f"{t.name}.{c.name}" for t in metadata.sorted_tables for c in t.columns if not c.comment]
    assert [] == undescribed + [t.name for t in metadata.sorted_tables if not t.comment]
    if engine.dialect.name != "postgresql":
        return
    with read(engine) as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert (table.name, table.comment) == (table.name, found.get_table_comment(table.name)["text"])
            said = {c["name"]: c["comment"] for c in found.get_columns(table.name)}
            assert {c.name: c.comment for c in table.columns} == said


def test_both_databases_count_alike(engine: Engine) -> None:
    """A number that was given out is not given out again, though all rows are gone: marks are removed up to one, runs are spoken of by it."""
    for _ in range(2):
        with begin(engine) as connection:
            touch(connection, 1, ["cus_a", "cus_b"])
            run = runs.start(connection, "sync")
            jobs.add(connection, [jobs.Job("list", run)])
            last = connection.execute(select(touched.c.id).order_by(touched.c.id.desc())).scalars().first()
            number = connection.execute(select(job.c.id)).scalar_one()
            connection.execute(delete(touched))
            connection.execute(delete(job))
            connection.execute(delete(run_table))
    assert (4, 2, 2) == (last, run, number)


def test_words_have_the_order_of_their_bytes(engine: Engine) -> None:
    """The same on both, whatever language the server speaks: reading side by side depends on it."""
    words = ["a", "B", "_", "ä", "Z", "aa", "é", "1", "\U0001f600", "～"]
    with begin(engine) as connection:
        touch(connection, 1, words)
        found = list(connection.execute(select(touched.c.customer_id).order_by(touched.c.customer_id)).scalars())
    assert sorted(words, key=lambda word: word.encode()) == found


def test_the_migration_names_no_table_that_is_gone(engine: Engine) -> None:
    """What is in the database is what the code knows, and alembic's own table."""
    with read(engine) as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    assert set(metadata.tables) == {name for name in names if not re.match("sqlite_", name)}


def test_an_installation_of_before_keeps_its_jobs(database_url: str) -> None:
    """Written anew or not, the table has its rows, its indexes, its rules and its numbers; a status that no job has is refused from then on."""
    engine = open_engine(database_url)
    with begin(engine) as connection:
        migrate.to_schema(connection, "0008")
        run = runs.start(connection, "sync")
        statuses = ("due", "leased", "done", "failed", "quarantined", "canceled", "done")
        jobs.add(connection, [jobs.Job("list", run, stream=f"s{n}", dedupe_key=f"k{n}", data={"n": n}) for n in range(7)])
        for number, status in enumerate(statuses, 1):
            connection.execute(update(job).where(job.c.id == number).values(status=status, nonce=f"n{number}"))
        connection.execute(delete(job).where(job.c.id == 7))
        before = [dict(row) for row in connection.execute(select(job).order_by(job.c.id)).mappings()]
    assert ("0008", head()) == upgrade(engine)
    with read(engine) as connection:
        assert differences(connection) == []
        after = [dict(row) for row in connection.execute(select(job).order_by(job.c.id)).mappings()]
        names = {index["name"] for index in inspect(connection).get_indexes("job")}
        unique = [each["column_names"] for each in inspect(connection).get_unique_constraints("job")]
    assert [row | ({"status": "quarantined"} if row["status"] == "failed" else {}) for row in before] == after
    assert {"ix_job_run_id_stage", "ix_job_status_next_attempt_at"} <= names
    assert [["dedupe_key"]] == unique
    with begin(engine) as connection:
        assert 1 == jobs.add(connection, [jobs.Job("list", run, dedupe_key="k9"), jobs.Job("list", run, dedupe_key="k1")])
        assert 8 <= connection.execute(select(job.c.id).where(job.c.dedupe_key == "k9")).scalar_one(), "7 is not given out again"
    for broken in ({"status": "failed"}, {"run_id": run + 1}):
        with pytest.raises(IntegrityError), begin(engine) as connection:
            connection.execute(update(job).where(job.c.id == 1).values(**broken))
    engine.dispose()


def test_an_installation_of_before_keeps_its_figures_rights_and_views(database_url: str) -> None:
    """The basis that was derived last is the current one of its policy; whoever may read a view, or built one on it, still can."""
    engine = open_engine(database_url)
    postgresql = engine.dialect.name == "postgresql"
    now = next(v for v in VIEWS if v.name == "nrr_movements")
    of_then = {
        name: column for name, column in now.columns.items() if list(now.columns).index(name) <= list(now.columns).index("evidence")
    }
    old = replace(now, columns=of_then, source="FROM movement m JOIN basis b ON b.version = m.basis")
    role = f"reader_{uuid.uuid4().hex[:8]}"
    with begin(engine) as connection:
        command.upgrade(migrate._config(connection), "0001")
        connection.exec_driver_sql(statement(old, postgresql=postgresql))
        for version, until in (("a", 5), ("b", 9), ("c", None)):
            values = f"'{version}', 'default', '{{}}', {until or 'NULL'}"
            connection.exec_driver_sql(f"INSERT INTO basis (version, policy, body, derived_until) VALUES ({values})")  # our own
        if postgresql:
            connection.exec_driver_sql(f"CREATE ROLE {role}")
            connection.exec_driver_sql(f"GRANT SELECT ON nrr_movements TO {role}")
            connection.exec_driver_sql("CREATE VIEW mine AS SELECT customer, mrr_after FROM nrr_movements")
    assert ("0001", head()) == upgrade(engine)
    with read(engine) as connection:
        assert differences(connection) == []
        current_now = 'SELECT version FROM basis WHERE "current"'
        assert ["b"] == list(connection.exec_driver_sql(current_now).scalars())
        assert [] == list(connection.exec_driver_sql("SELECT * FROM nrr_mrr_by_customer"))
        if postgresql:
            may = f"SELECT has_table_privilege('{role}', 'nrr_movements', 'select')"
            assert connection.exec_driver_sql(may).scalar_one()
            assert [] == list(connection.exec_driver_sql("SELECT * FROM mine"))
    with begin(engine) as connection:
        ledger_bases.put(connection, "c", "default", {})
        ledger_bases.put(connection, "d", "stripe", {})
        assert {"c", "d"} == set(connection.exec_driver_sql(current_now).scalars())
        if postgresql:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")
    engine.dispose()
