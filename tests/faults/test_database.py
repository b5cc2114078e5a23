"""The database gone, refusing, in a circle, full: what was committed stays, what was not is done again."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text

from integrations.store.db.engine import begin
from tests.faults.conftest import Built
from tests.faults.plant import Plant, differences, until
from tests.faults.test_processes import same
from tests.faults.test_redis import begun
from tests.integrations.store import dump
from tests.services.postgres import Postgres, create_database


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this test's own, to be crashed."""
    found = Postgres()
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.mark.long
def test_a_backend_is_terminated_again_and_again(plant: Built, expected: list[str]) -> None:
    """Every connection to the database is ended by its administrator, eight times, in the middle of pages and derivations."""
    with plant(latency_seconds=0.1) as found:
        begun(found)
        for _ in range(8):
            terminate(found)
            time.sleep(0.4)
        same(found, expected)


def terminate(found: Plant) -> None:
    """End every other connection to this database."""
    with psycopg.connect(found.database.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.slow
def test_the_server_crashes_at_once(plant: Built, server: Postgres, expected: list[str]) -> None:
    """PostgreSQL is gone in the middle of a transaction, and back five seconds later."""
    address = create_database(server.dsn("postgres"), "nrr").replace("postgresql://", "postgresql+psycopg://")
    with plant(latency_seconds=0.15, database=address) as found:
        begun(found)
        server.crash()
        time.sleep(5.0)
        server.start()
        same(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("code", ["40001", "40P01", "53100", "53300"])
def test_the_database_refuses_for_a_while(plant: Built, expected: list[str], code: str) -> None:
    """Serialisation failures, deadlocks, a full disk and too many clients, raised by a trigger on every third statement, three times."""
    with plant(latency_seconds=0.1) as found:
        with begin(found.engine) as connection:
            connection.execute(text("CREATE SEQUENCE public.trouble"))
            connection.execute(
                text(
                    "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('public.trouble') % 3 = 0 THEN "
                    f"RAISE EXCEPTION 'made so' USING ERRCODE = '{code}'; END IF; RETURN NULL; END $$"
                )
            )
            for table in ("invoice", "subscription_state", "event", "movement"):
                connection.execute(text(f"CREATE TRIGGER trouble AFTER INSERT ON {table} EXECUTE FUNCTION trouble()"))
        found.worker()
        found.beat()
        until(lambda: found.query("SELECT last_value FROM public.trouble")[0][0] >= 9, 60, "it has refused three times")
        with begin(found.engine) as connection:
            connection.execute(text("DROP FUNCTION trouble() CASCADE"))
        same(found, expected)


@pytest.mark.slow
def test_locks_in_a_circle(plant: Built, expected: list[str]) -> None:
    """Somebody locks jobs in the other order all the time: PostgreSQL ends one of the two, and it is done again."""
    with plant(latency_seconds=0.1) as found:
        over = threading.Event()
        address = found.database.replace("+psycopg", "")

        def lock() -> None:
            while not over.wait(0.02):
                try:
                    with psycopg.connect(address) as connection:
                        connection.execute("SELECT id FROM job WHERE status = 'leased' ORDER BY id DESC FOR UPDATE")
                        time.sleep(0.05)
                        connection.execute("LOCK TABLE touched IN SHARE MODE")
                except psycopg.OperationalError:
                    continue

        other = threading.Thread(target=lock, daemon=True)
        other.start()
        try:
            begun(found)
            time.sleep(5.0)
        finally:
            over.set()
            other.join()
        same(found, expected)


def _without_needless(facts: Sequence[str]) -> list[str]:
    """The facts without what only says that a coupon was asked for in vain, where a list told its scope: whether anybody had to ask depends
    on which list was there first."""
    rows = [json.loads(line) for line in facts]
    coupons = [row for row in rows if row["table"] == "catalog" and row["kind"] == "coupon"]
    told = {(row["account"], row["object_id"]) for row in coupons if row["body"].get("scope_told", True)}
    in_vain = [
        row.get("kind") == "coupon"
        and row["body"].get("scope_asked", False)
        and not row["body"].get("scope_told", True)
        and (row["account"], row["object_id"]) in told
        for row in rows
    ]
    return [line for line, needless in zip(facts, in_vain, strict=True) if not needless]


@contextmanager
def four_at_once(found: Plant) -> Iterator[list[int]]:
    """Four commands over one database at the same time; their exit codes afterwards."""
    codes: list[int] = []
    running = [found.command("backfill" if number == 0 else "sync", *(["run"] if number == 0 else [])) for number in range(4)]
    yield codes
    codes += [each.wait(120) for each in running]


@pytest.mark.slow
def test_four_processes_write_into_one_sqlite_file_at_once(plant: Built, expected: list[str]) -> None:
    """A backfill and three syncs, each with its own threads: nothing is lost and nothing is doubled."""
    folder_address = "sqlite:///{}"
    with plant(latency_seconds=0.02) as built:
        path = built.folder / "shared.sqlite3"
        address = folder_address.format(path)
    from integrations.store import migrate
    from integrations.store.db.engine import open_engine

    engine = open_engine(address)
    migrate.upgrade(engine)
    engine.dispose()
    with plant(latency_seconds=0.02, database=address) as found:
        del found.environment["REDIS_URL"]
        with four_at_once(found) as codes:
            pass
        assert [0, 0, 0, 0] == codes
        names = {table.name for table in dump.FACTS}
        facts = [line for line in expected if json.loads(line)["table"] in names]
        assert "" == differences(_without_needless(facts), _without_needless(found.dump(derived=False)))
        until(lambda: not found.open_jobs(), 10, "no job is open")
