"""Several processes at one SQLite file: each waits for its turn, and nothing is lost."""

import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import func, select

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts import accounts
from integrations.store.facts.schema import subscription_state, touched
from integrations.store.facts.write import Page, put_page
from integrations.store.migrate import upgrade
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from metrics.evidence import Instant, Item, Source, Subscription, SubscriptionState
from tests.integrations.store.dump import canonical

PROCESSES = 4
PAGES = 40
OF_EACH = 20
LEARNT = datetime(2026, 1, 1, tzinfo=UTC)


def states(page: int) -> list[SubscriptionState]:
    """A page of subscriptions."""
    return [
        SubscriptionState(
            Instant(1000),
            Source.SNAPSHOT,
            "",
            Subscription(f"sub_{n:05d}", f"cus_{n:05d}", "active", "usd", Instant(n), Instant(n), (Item(f"si_{n}", "price", 1),)),
        )
        for n in range(page * OF_EACH, (page + 1) * OF_EACH)
    ]


def write(url: str, owner: str, begun: Barrier | None = None) -> None:
    """Claim pages as jobs until none is left: store each with its job's end in one transaction, and every fourth one twice.

    With others they begin together, and let one another in after each page: SQLite has no queue, and the quickest would have it all.
    """
    engine = open_engine(url)
    if begun is not None:
        begun.wait(60)
    while True:
        with begin(engine) as connection:
            job = jobs.claim(connection, owner=owner, lease_seconds=300)
        if job is None:
            break
        for again in range(2 if job.data["page"] % 4 == 0 else 1):
            with begin(engine) as connection:
                put_page(connection, 1, Page(Instant(1000), subscriptions=states(job.data["page"])), LEARNT)
                if not again:
                    jobs.finish(connection, job)
        if begun is not None:
            time.sleep(0.02)
    engine.dispose()


@pytest.mark.long
def test_four_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    """Every page is stored once by exactly one of them, each had its share, and the content is that of one process alone."""
    urls = [f"sqlite:///{tmp_path / name}.sqlite3" for name in ("together", "alone")]
    for url in urls:
        engine = open_engine(url)
        upgrade(engine)
        with begin(engine) as connection:
            accounts.bind(connection, name="default", stripe_id="acct_1", livemode=False)
            run = runs.start(connection, "sync")
            jobs.add(connection, [Job("list", run, account=1, data={"page": page}) for page in range(PAGES)])
        engine.dispose()
    context = multiprocessing.get_context("spawn")
    begun = context.Barrier(PROCESSES)
    workers = [context.Process(target=write, args=(urls[0], f"worker {n}", begun)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    write(urls[1], "alone")
    for worker in workers:
        worker.join(120)
    assert [0] * PROCESSES == [worker.exitcode for worker in workers]
    together, alone = (open_engine(url) for url in urls)
    with read(together) as mine, read(alone) as reference:
        done = Counter((job.status, job.owner, job.token) for job in jobs.of_run(mine, 1))
        assert PAGES == sum(done.values())
        assert {"done"} == {status for status, _, _ in done}
        assert {1} == {token for _, _, token in done}, "no job was claimed by two"
        assert len({owner for _, owner, _ in done}) > 1, "one process did all the work: the test shows nothing"
        assert PAGES * OF_EACH == mine.execute(select(func.count()).select_from(subscription_state)).scalar_one()
        assert PAGES * OF_EACH == mine.execute(select(func.count(func.distinct(touched.c.customer_id)))).scalar_one()
        assert list(canonical(reference)) == list(canonical(mine))
    together.dispose()
    alone.dispose()


_KILLED = """
import sys, time
from tests.integrations.store.db.test_sqlite_processes import LEARNT, states
from integrations.store.db.engine import begin, open_engine
from integrations.store.facts.write import Page, put_page
from metrics.evidence import Instant
with begin(open_engine(sys.argv[1])) as connection:
    put_page(connection, 1, Page(Instant(1000), subscriptions=states(0)), LEARNT)
    print("inside", flush=True)
    time.sleep(60)
"""


def test_one_killed_in_its_transaction_leaves_nothing_and_holds_nobody_up(tmp_path: Path) -> None:
    """What it had not committed is gone, and the next writer goes on at once."""
    url = f"sqlite:///{tmp_path / 'killed'}.sqlite3"
    engine = open_engine(url)
    upgrade(engine)
    root = str(Path(__file__).resolve().parents[4])
    with subprocess.Popen([sys.executable, "-c", _KILLED, url], stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert b"inside\n" == process.stdout.readline()
        process.kill()
    with begin(engine) as connection:
        assert 0 == connection.execute(select(func.count()).select_from(subscription_state)).scalar_one()
        assert OF_EACH == put_page(connection, 1, Page(Instant(1000), subscriptions=states(0)), LEARNT).new
    engine.dispose()
