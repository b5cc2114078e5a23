"""A disk that is full: nothing of a page is stored, nothing of it is passed over, and work goes on when there is room."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from integrations.store import migrate
from integrations.store.db.engine import open_engine, read
from integrations.store.work import jobs
from tests.worker.conftest import Wire
from tests.worker.ingest.test_read import dumped
from tests.worker.stripe_fake import FakeStripe
from worker.runs import steps


@pytest.fixture
def migrated_url(tmp_path: Path) -> str:
    """SQLite only: PostgreSQL's full disk is among the faults of the harness."""
    url = f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    made = open_engine(url)
    migrate.upgrade(made)
    made.dispose()
    return url


def test_sqlite_on_a_full_disk(engine: Engine, wire: Wire) -> None:
    """No page more than the file has now: the sync gives up with the database's own error. With room it reads the rest."""
    stripe = FakeStripe()
    stripe.fill(200)
    engine.dispose()

    def full(connection: Any, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    event.listen(engine, "connect", full)
    wiring = wire(default=stripe)
    report = steps.sync(replace(wiring, terms=replace(wiring.terms, lease_seconds=1.0)))
    assert "running" == report.status
    assert "full" in str(report.error)
    with read(engine) as connection:
        assert 0 == jobs.summary(connection).by_status.get("quarantined", 0)
    event.remove(engine, "connect", full)
    engine.dispose()
    assert "done" == steps.sync(wire(default=stripe)).status
    assert 200 == sum('"table": "subscription_state"' in line for line in dumped(engine))
