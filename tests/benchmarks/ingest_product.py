"""The product as a contender: the step that `nrr sync` takes, with its own reader, jobs, writer and store, into an empty database.

`--profile` tells where the CPU of its threads goes, at a price: a run with it is not compared with anything.
"""

import argparse
import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrations.store import migrate
from integrations.store.db import bulk, encoding
from integrations.store.db.engine import open_engine
from integrations.store.facts import catalog, states
from integrations.store.facts import write as write_facts
from integrations.stripe import reader, requests
from integrations.stripe.client import Client
from integrations.stripe.limits import Ceilings, LocalLimiter, ceilings
from integrations.stripe.reader import Reader
from integrations.stripe.transport import Transport
from tests.benchmarks.contender import Result, Stopwatch, tell
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest import translate, writer
from worker.ingest.accounts import Source, Sources
from worker.ingest.pace import Pace
from worker.runs import steps
from worker.wiring.wiring import Wiring

KEY = "sk_live_benchmark0000"
AS_FAST_AS_IT_GOES = Ceilings(1e9, 1e9)


def read(base: str, database: str, *, limited: bool) -> Result:
    """Read the account behind `base` into `database`; objects are counted once, however often they were listed."""
    engine = open_engine(database)
    limiter = LocalLimiter(ceilings(livemode=True) if limited else AS_FAST_AS_IT_GOES)
    client = Client(KEY, base=base, limiter=limiter)
    sources = Sources(engine, [Source("default")], lambda _name, _mode: Reader(client))
    wiring = Wiring(engine, sources, lambda: datetime.now(UTC), Stop(), Terms(owner="benchmark"), Pace())
    watch = Stopwatch()
    report = steps.sync(wiring)
    again = report.objects.get("subscriptions_canceled", 0)
    usage = client.usage
    result = watch.result(
        sum(report.objects.values()) - again,
        status=report.status,
        again=again,
        requests=usage.requests,
        throttled=usage.throttled,
        retried=usage.retried,
        kept_out=report.quarantined,
    )
    client.close()
    engine.dispose()
    return result


# --- where the time goes --------------------------------------------------------------------------------------------------------


class Shares:
    """CPU seconds of named pieces of code, of all threads, each without the named pieces that it calls."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = defaultdict(float)
        self.wall: dict[str, float] = defaultdict(float)
        self._open = threading.local()

    def of(self, owner: Any, name: str, label: str) -> None:
        """Count a function or method under `label`."""
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def counted(*arguments: Any, **named: Any) -> Any:
            stack = self._open.__dict__.setdefault("stack", [])
            stack.append([0.0, 0.0])
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return inner(*arguments, **named)
            finally:
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                below = stack.pop()
                self.cpu[label] += cpu - below[0]
                self.wall[label] += wall - below[1]
                if stack:
                    stack[-1][0] += cpu
                    stack[-1][1] += wall

        setattr(owner, name, counted)


def watched() -> Shares:
    """Count the pieces of the way from a page to its rows."""
    shares = Shares()
    shares.of(Transport, "send", "http")
    shares.of(requests, "parse_list", "json to structs")
    shares.of(reader, "page_of", "structs to evidence")
    shares.of(translate, "merged", "merge pages")
    shares.of(write_facts, "put_page", "rows")
    shares.of(write_facts, "encode", "encode")
    shares.of(catalog, "put", "catalog")
    shares.of(states, "_put", "states")
    shares.of(states, "_known", "states: known")
    shares.of(write_facts, "_put_payloads", "payloads: compress")
    for module in (write_facts, states, catalog):
        shares.of(module, "insert_new", "upsert")
    shares.of(write_facts, "touch", "touched")
    shares.of(bulk, "_copy", "copy")
    shares.of(bulk, "cleaned", "look for bad text")
    shares.of(encoding, "digest", "digest")
    shares.of(writer.Writer, "_moved", "cursors")
    shares.of(writer.Writer, "_attempt", "transaction")
    shares.of(Crew, "_claim", "claim jobs")
    shares.of(Crew, "_close", "close runs")
    shares.of(Crew, "_dispatch", "give out jobs")
    shares.of(Crew, "_do", "job threads, the rest")
    shares.of(Reader, "pages", "paging")
    shares.of(Client, "get", "asking")
    shares.of(writer.Writer, "put", "hand over")
    shares.of(writer.Writer, "_run", "writer, the rest")
    return shares


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--limited", action="store_true")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    made = open_engine(given.database)
    migrate.upgrade(made)
    made.dispose()
    found = watched() if given.profile else None
    told = read(given.base, given.database, limited=given.limited)
    if found:
        told.shares.update({k: round(v, 3) for k, v in sorted(found.cpu.items(), key=lambda each: -each[1])})
        told.more["wall"] = {k: round(v, 3) for k, v in sorted(found.wall.items(), key=lambda each: -each[1])}
    tell(told)
