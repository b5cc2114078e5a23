"""Processes that read beside a command: what is stored is what one process stores, whoever of them read it, and whatever becomes of them."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import read
from integrations.store.work.schema import job as job_table
from integrations.stripe import limits
from integrations.stripe.limits import Ceilings, LocalLimiter
from tests.integrations.store import dump
from tests.stories.living import opened, quiet_end, synced
from worker.config.load import isolated
from worker.config.settings import Settings
from worker.ingest.jobs import Planning
from worker.runs import steps
from worker.runs.processes import processes
from worker.runs.processes.processes import READING_COMMAND, Processes
from worker.wiring.wiring import REQUESTS_OF_A_PROCESS, Wiring, open_wiring

PATIENCE_SECONDS = 90.0
"""A starved machine may take so long to start a process."""

FAILING = """
import sys
from worker.ingest import read
def failing(*_asked):
    raise RuntimeError("none of it")
read.do_list = failing
from worker.runs import reading_process
from worker.runs.processes import process
sys.exit(process.main(reading_process.read, threads=None))
"""


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, f"after {PATIENCE_SECONDS} s still not: {what}"
        time.sleep(0.05)


def settings(database: str, sandbox: Sandbox | None = None, **more: object) -> Settings:
    """Three processes, and as many requests a second as those are worth."""
    host = {} if sandbox is None else {"stripe_api_key": SecretStr(sandbox.key), "stripe_api_base": sandbox.url}
    asked = {"database_url": SecretStr(database), "requests_per_second": 3 * REQUESTS_OF_A_PROCESS, "processes": 3, **host, **more}
    return isolated(asked).settings


@pytest.fixture(scope="module")
def business() -> Business:
    """A small business with some history."""
    return Business(seed=11, customers=40, months=14)


@contextmanager
def wired(database: str, business: Business) -> Iterator[Wiring]:
    """A command's wiring beside the business's sandbox, with an empty database."""
    with Sandbox(business, now=quiet_end(business)) as sandbox:
        asked = settings(database, sandbox)
        wiring = open_wiring(asked, pretended=datetime.fromtimestamp(sandbox.now, UTC))
        migrate.upgrade(wiring.engine)
        try:
            yield wiring
        finally:
            wiring.close()


def planned(wiring: Wiring) -> int:
    """A sync of which the plan is done and everything is still to be read."""
    account = wiring.sources.bind("default")
    run, _ = steps.open_run(wiring, "sync", [steps.plan_job(account, Planning("default", "sync"))], account=account)
    steps._work(wiring, deadline=time.monotonic() + PATIENCE_SECONDS, kinds=("plan",))
    return run


def lists(wiring: Wiring, status: str) -> list[str]:
    """The holders of the lists that are in this status."""
    query = select(job_table.c.owner).where(job_table.c.kind == "list", job_table.c.status == status)
    with read(wiring.engine) as connection:
        return [str(each) for each in connection.execute(query).scalars()]


def facts(connection: Connection) -> list[str]:
    """All that is stored of what Stripe said, in order."""
    return list(dump.canonical(connection, derived=False))


@pytest.mark.long
def test_processes_read_what_a_command_would(
    postgres_database: str, tmp_path: Path, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes read every list while the command does nothing, and are gone when none is left. What is stored is what a sync alone stores."""
    monkeypatch.setattr(processes, "READ_BEFORE", 0)
    monkeypatch.setattr(processes, "EVERY_SECONDS", 0.05)
    with wired(postgres_database, business) as wiring:
        run = planned(wiring)
        assert lists(wiring, "due")
        counts: list[int] = []
        made = Processes(wiring, [run], 2, counts.append, command=READING_COMMAND, worth=processes.reading)
        made.start()
        try:
            until(lambda: not lists(wiring, "due") and not lists(wiring, "leased"), "every list is read")
            until(lambda: counts[-1] == 0, "the processes are gone")
        finally:
            made.close()
        assert 2 == max(counts)
        assert all(":" in owner and not owner.endswith(wiring.terms.owner) for owner in lists(wiring, "done"))
        assert "done" == steps.see_through(wiring, run).status
        with read(wiring.engine) as connection:
            found = facts(connection)
    with opened(f"sqlite:///{tmp_path / 'alone.sqlite3'}") as engine, Sandbox(business, now=quiet_end(business)) as sandbox:
        synced(engine, sandbox)
        with read(engine) as connection:
            alone = facts(connection)
    assert alone == found
    assert len(found) > 500


def test_a_command_goes_on_alone_when_its_processes_fail(
    postgres_database: str, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process fails at is given back, no third one is started after two, and the command reads everything by itself."""
    monkeypatch.setattr(processes, "READ_BEFORE", 0)
    monkeypatch.setattr(processes, "EVERY_SECONDS", 0.05)
    with wired(postgres_database, business) as wiring:
        run = planned(wiring)
        counts: list[int] = []
        failing = (sys.executable, "-P", "-c", FAILING)
        made = Processes(wiring, [run], 1, counts.append, command=failing, worth=processes.reading)
        made.start()
        try:
            until(lambda: counts.count(0) == processes.FAILURES, "two have failed")
        finally:
            made.close()
        assert [] == lists(wiring, "done")
        assert [] == lists(wiring, "leased")
        assert [1, 0] * processes.FAILURES == counts
        assert "done" == steps.see_through(wiring, run).status


def test_how_many_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the limit is worth and there are processes; with Stripe's own limits one, and on SQLite. Each has its part of the limit."""
    asked_for: list[float] = []

    class Recorded(LocalLimiter):
        def __init__(self, allowed: Ceilings, **more: Any) -> None:
            asked_for.append(allowed.account)
            super().__init__(allowed, **more)

    monkeypatch.setattr(limits, "LocalLimiter", Recorded)
    server, file = "postgresql://nrr@localhost/none", f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
    found = []
    for database, allowed in ((server, 300.0), (server, None), (server, 1e6), (server, 250.0), (server, 60.0), (file, 300.0)):
        made = open_wiring(settings(database, requests_per_second=allowed, stripe_api_key=SecretStr("rk_live_0000000000")))
        made.sources.named("default")
        made.close()
        found.append((made.reading_processes, asked_for.pop()))
    stripes_own = limits.ceilings(livemode=True).account
    assert [(3, 100.0), (1, stripes_own), (3, 1e6 / 3), (2, 125.0), (1, 60.0), (1, 300.0)] == found
