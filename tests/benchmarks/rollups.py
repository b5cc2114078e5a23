"""How long figures take at size, beside what the database and two other engines need: `make bench-rollups`, or with `--customers N`.

(a) facts → ledger → every window and single-dimension segment from zero, (b) a nightly run with one per cent of the customers touched,
(c) `show retention` from stored figures. In the same run: what reading and COPY-writing the same rows costs the database by itself, and one
window by duckdb over the same ledger in Parquet, by ours over the same file, and by plain SQL in PostgreSQL. Two processes work, as on a
machine of two cores. Everything is printed as seconds and as ratios of this one run; nothing is kept.
"""

import argparse
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.work import jobs, runs
from metrics.evidence import Instant
from metrics.ledger.derive import Basis
from tests.benchmarks import rollups_business as business
from tests.benchmarks import rollups_floor as floor
from tests.services.postgres import Postgres, create_database
from worker.execution.crew import Crew, Terms
from worker.execution.stop import Stop
from worker.figures import derive, rollup, stored
from worker.figures.rollup import Outcome, Rolling

NOW = Instant(int(datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp()))
NIGHT = Instant(NOW + 86_400)
DIMENSIONS = ("plan", "product", "interval", "currency", "country", "signup", "size", "account")
BASIS = Basis()


def main(arguments: Sequence[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rollups")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument("--reporting", default=None, help="a reporting currency, with rates from the bundled history")
    chosen = parser.parse_args(arguments)
    server = Postgres()
    server.start()
    try:
        url = create_database(server.dsn("postgres"), f"bench_{uuid.uuid4().hex[:8]}").replace(
            "postgresql://", "postgresql+psycopg://"
        )
        found = Bench(url, chosen.customers, chosen.processes, chosen.reporting, quiet=chosen.json).run()
    finally:
        server.stop()
    if chosen.json:
        print(json.dumps(found, indent=2))  # noqa: T201  # what the program is for


class Bench:
    """One run over one database."""

    def __init__(self, url: str, customers: int, processes: int, reporting: str | None, *, quiet: bool) -> None:
        self.url, self.customers, self.processes, self.reporting = url, customers, processes, reporting
        self.quiet, self.cpu_seconds = quiet, 0.0
        self.found: dict[str, Any] = {"customers": customers, "processes": processes}

    def run(self) -> dict[str, Any]:
        """Measure everything, in order."""
        migrate.upgrade(open_engine(self.url))
        self._facts()
        with self._timed("a_derive"):
            self._work([derive.first_job()], NOW)
        with self._timed("a_rollup"):
            self._work([rollup.first_job(whole=True)], NOW)
        self._sizes()
        self._floor()
        self._night()
        self._shown()
        self._one_window()
        self._verdict()
        return self.found

    def _say(self, text: str) -> None:
        if not self.quiet:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    @contextmanager
    def _timed(self, name: str) -> Any:
        began, self.cpu_seconds = time.perf_counter(), 0.0
        yield
        self.found[name] = round(time.perf_counter() - began, 3)
        cpu = f", {self.cpu_seconds:.2f} s of it computed by the workers" if self.cpu_seconds else ""
        if self.cpu_seconds:
            self.found[f"{name}_cpu"] = round(self.cpu_seconds, 3)
        self._say(f"{name:<28}{self.found[name]:>10.2f} s{cpu}")

    def _facts(self) -> None:
        business.prepare(self.url)
        step = -(-self.customers // (self.processes * 8))
        ranges = [(low, min(self.customers, low + step)) for low in range(0, self.customers, step)]
        with self._timed("setup_facts"), _pool(self.processes) as pool:
            written = list(pool.map(_write, [(self.url, *each) for each in ranges]))
        self.found["states"] = sum(w.states for w in written)
        floor.analyze(self.url)
        self._say(f"{self.customers:,} customers, {self.found['states']:,} states of subscriptions")

    def _work(self, first: list[jobs.Job], now: Instant) -> None:
        """See a run through with as many processes as there are; their peak memory is kept in `peak_mib`, their own time in `cpu_seconds`."""
        engine = open_engine(self.url)
        with begin(engine) as connection:
            run = runs.start(connection, first[0].kind)
            jobs.add(connection, [replace(job, run_id=run) for job in first])
        with _pool(self.processes) as pool:
            done = list(pool.map(_crew, [(self.url, run, now, self.reporting)] * self.processes))
        with read(engine) as connection:
            closed = runs.get(connection, run)
            summed = jobs.summary(connection, run)
        engine.dispose()
        if closed is None or closed.status != "done":
            raise RuntimeError(f"run {run} is {closed.status if closed else 'gone'}: {summed.errors}")
        self.found["peak_mib"] = max(self.found.get("peak_mib", 0), *(peak for peak, _ in done))
        self.cpu_seconds = sum(seconds for _, seconds in done)

    def _sizes(self) -> None:
        self.found |= floor.counts(self.url, BASIS.version)
        shown = ", ".join(
            f"{self.found[name]:,} {name}" for name in ("movements", "standings", "figures", "day_totals", "month_ends")
        )
        self._say(shown)

    def _floor(self) -> None:
        """What the database needs to read the same facts and ledger, and to take the same ledger and figures in by COPY."""
        with tempfile.TemporaryDirectory() as folder:
            for name, work in (("floor_read", floor.read_all), ("floor_write", floor.write_all)):
                with self._timed(name):
                    work(self.url, Path(folder))

    def _night(self) -> None:
        numbers = random.Random(7).sample(range(self.customers), max(1, self.customers // 100))
        business.touch(self.url, numbers, NOW + 3_600)
        with self._timed("b_derive"):
            self._work([derive.first_job()], NIGHT)
        with self._timed("b_rollup"):
            self._work([rollup.first_job()], NIGHT)
        found = _outcome(self.url)
        assert not found.whole
        assert len(numbers) == found.customers
        assert not found.broken, found.breaks
        self.found["b_customers"] = found.customers

    def _shown(self) -> None:
        engine = open_engine(self.url)
        with self._timed("c_show_retention"):
            series = stored.figures(engine, BASIS, kind="trailing_12", dimension="")
            segments = stored.figures(engine, BASIS, kind="trailing_12", dimension="plan")
        engine.dispose()
        self.found["c_figures"] = len(series) + len(segments)

    def _one_window(self) -> None:
        """One year's retention by each engine: all three must find the same."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            floor.to_parquet(self.url, BASIS.version, path)
            answers = []
            for name, ask in (
                ("one_window_duckdb", floor.by_duckdb),
                ("one_window_ours", floor.by_ours),
                ("one_window_ours_by_plan", floor.by_ours_by_plan),
            ):
                ask(path)  # the first look warms the files
                with self._timed(name):
                    answers.append(ask(path))
        with self._timed("one_window_postgresql"):
            answers.append(floor.by_postgresql(self.url, BASIS.version))
        assert all(answer == answers[0] for answer in answers), answers
        self.found["one_window"] = {code: list(numbers) for code, numbers in answers[0].items()}

    def _verdict(self) -> None:
        f = self.found
        a, b, base = f["a_derive"] + f["a_rollup"], f["b_derive"] + f["b_rollup"], f["floor_read"] + f["floor_write"]
        f["ratios"] = {
            "(a) ÷ reading plus writing (aim 2)": round(a / base, 2),
            "(b) ÷ (a) (aim 0.1)": round(b / a, 3),
            "one window: ours ÷ duckdb (aim 2)": round(f["one_window_ours"] / f["one_window_duckdb"], 2),
            "one window: ours ÷ postgresql (aim 0.5)": round(f["one_window_ours"] / f["one_window_postgresql"], 2),
            "peak of a process in MiB (aim 2048)": f["peak_mib"],
        }
        for name, value in f["ratios"].items():
            self._say(f"{name:<44}{value:>10}")


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=None)


def _write(asked: tuple[str, int, int]) -> business.Written:
    return business.write(*asked)


def _crew(asked: tuple[str, int, Instant, str | None]) -> tuple[int, float]:
    """Work on a run until it is closed; gives the peak memory of this process in MiB, and the seconds that it computed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    url, run, now, reporting = asked
    engine, stop = open_engine(url), Stop()
    rolling = Rolling(engine, stop, BASIS, dimensions=DIMENSIONS, reporting_currency=reporting, rates="ecb" if reporting else None)
    handlers = {**derive.handlers(derive.Deriving(engine, stop, BASIS, now)), **rollup.handlers(rolling)}
    terms = Terms(f"bench-{uuid.uuid4().hex[:6]}", threads=1, heavy=1, lease_seconds=300)
    worked = Crew(engine, terms, stop, ()).work(handlers, wanted=[run], give_up_after=1)
    engine.dispose()
    if worked.error is not None:
        raise worked.error
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_maxrss // 1024, used.ru_utime + used.ru_stime


def _outcome(url: str) -> Outcome:
    engine = open_engine(url)
    with read(engine) as connection:
        found = rollup.outcome(connection, BASIS)
    engine.dispose()
    assert found is not None
    return found


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    main(sys.argv[1:])
