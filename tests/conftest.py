"""Real services for every test that wants them; nothing is skipped when one is missing, it fails.

`make test` runs a test whose subject isn't the database on SQLite only, `make test-all` on PostgreSQL as well.
"""

import gc
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from tests.examples import ALL
from tests.services.loopback import only_loopback
from tests.services.memory import write_to_memory
from tests.services.migrated import Reused
from tests.services.postgres import Postgres, create_database, drop_database
from tests.services.redis import RedisServer

settings.load_profile("all" if ALL else "default")
os.environ["NRR_RATES_URL"] = "off"  # commands that tests start ask no host that isn't this machine
only_loopback()
gc.disable()  # nothing that is made on the way to the tests is garbage: see `pytest_collection_finish`
_clear_up: Final = write_to_memory()

_OF_THE_DATABASE: Final = (
    "tests/services/",
    "tests/faults/",
    "tests/integrations/store/",
    "tests/worker/execution/",
    "tests/worker/ingest/test_read.py",
    "tests/worker/figures/test_derive.py::test_increments_equal_a_rebuild",
    "tests/worker/figures/test_rollup.py::test_who_is_derived_again_meanwhile",
    "tests/worker/figures/test_rollup.py::test_a_part_that_was_overtaken",
    "tests/worker/figures/test_rollup.py::test_a_ledger_that_is_cleared",
)
"""Where claims, upserts, COPY, order, isolation and views are the subject: each push runs these on both databases."""


MOST_CORES: Final = 8
"""Past these a run is as long as its longest tests, and each process more begins with ten seconds of its own."""


NO_BROWSER: Final = "not run: this machine has no Chromium"
"""Why a test of the marker `browser` is skipped."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly what could not be tried for want of a browser."""
    without = [each for each in terminalreporter.stats.get("skipped", ()) if NO_BROWSER in str(each.longrepr)]
    if without:
        terminalreporter.write_line(f"{len(without)} browser tests were {NO_BROWSER} (apt-get install chromium)", yellow=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What tests wrote goes with the run, unless there is something to look at."""
    if _clear_up is not None and exitstatus == pytest.ExitCode.OK:
        session.config.add_cleanup(_clear_up)


@pytest.fixture(autouse=True)
def _logging_of_before() -> Iterator[None]:
    """Where a test has its lines written to ends with it: to the next one its output is a closed file."""
    root = logging.getLogger()
    handlers, level = set(root.handlers), root.level
    yield
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `twice` what is the same test on PostgreSQL again and not about the database, as `random_cases` what tries random ones."""
    there = {item.nodeid for item in items}
    for item in items:
        twin = item.nodeid.replace("[postgresql", "[sqlite").replace("-postgresql", "-sqlite")
        if twin != item.nodeid and twin in there and not item.nodeid.startswith(_OF_THE_DATABASE):
            item.add_marker(pytest.mark.twice)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.random_cases)
            if ALL and not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(1_800))
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1_800))


def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means: one more than cores, because tests wait, for processes and for one another's leases."""
    from worker.execution.cores import cores

    return min(cores(), MOST_CORES) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Which worker runs which tests."""
    from tests.services.together import Together

    return Together(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was made for all tests is never looked through for garbage again: that took a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a server's maintenance database: TEST_DATABASE_URL's server, else one of our own for this session."""
    given = os.environ.get("TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given.replace("postgres://", "postgresql://").replace("+psycopg", "")
        return
    server = Postgres()
    try:
        server.start()
        yield server.dsn("postgres")
    finally:
        server.stop()


def _migrated(url: str) -> None:
    from integrations.store.db.engine import open_engine
    from integrations.store.migrate import upgrade

    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def _postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of a migrated database that others are copied from: migrating each one takes far longer."""
    name = f"nrr_template_{uuid.uuid4().hex[:12]}"
    _migrated(create_database(postgres_url, name))
    yield name
    drop_database(postgres_url, name)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    file = tmp_path_factory.mktemp("template") / "nrr.sqlite3"
    _migrated(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def reused_postgres(postgres_url: str, _postgres_template: str) -> Iterator[Reused]:
    """A migrated database for one test after the other."""
    reused = Reused(postgres_url, _postgres_template)
    yield reused
    reused.drop()


@pytest.fixture
def _postgres_migrated(reused_postgres: Reused) -> Iterator[str]:
    yield reused_postgres.take()
    reused_postgres.give_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database without content, once of each kind: what nearly every test wants."""
    if request.param == "sqlite":
        file = tmp_path / "nrr.sqlite3"
        shutil.copy(request.getfixturevalue("_sqlite_template"), file)
        return f"sqlite:///{file}"
    url: str = request.getfixturevalue("_postgres_migrated")
    return url


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """A fresh, empty PostgreSQL database for one test."""
    name = f"nrr_test_{uuid.uuid4().hex[:12]}"
    yield create_database(postgres_url, name).replace("postgresql://", "postgresql+psycopg://")
    drop_database(postgres_url, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture(scope="session")
def _session_redis() -> Iterator[RedisServer]:
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_url(_session_redis: RedisServer) -> str:
    """The address of a running Redis that is empty."""
    import redis

    with redis.Redis.from_url(_session_redis.url) as client:
        client.flushall()
    return _session_redis.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this test's own, to be stopped, frozen and killed."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()
