"""How long figures take at size, beside what the database and two other engines need: `make bench-rollups`, or with `--customers N`.

(a) facts → ledger → every window and single-dimension segment from zero, (b) a nightly run with one per cent of the customers touched,
(c) `show retention` from stored figures. In the same run: what reading and COPY-writing the same rows costs the database by itself, and one
window by duckdb over the same ledger in Parquet, by ours over the same file, and by plain SQL in PostgreSQL. Two processes work, as on a
machine of two cores. Everything is printed as seconds and as ratios of this one run; nothing is kept. CPU is that of the workers, without
their start, and of the database: on a machine that others use too, look at its ratios. (d) is a night in which nothing is new.
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
from metrics.ledger.basis import Basis
from tests.benchmarks import rollups_business as business
from tests.benchmarks import rollups_floor as floor
from tests.benchmarks import rollups_invoices
from tests.benchmarks.account_database import cpu_seconds_of
from tests.services.postgres import Postgres, create_database
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.figures import derive, rollup, stored
from worker.figures.rollup import Outcome, Rolling

NOW = Instant(int(datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp()))
NIGHT = Instant(NOW + 86_400)
QUIET = Instant(NIGHT + 86_400)
BEFORE_CUSTOMERS = 10_000
"""What the ratios stood at before nights wrote only what they change, on the same machine as the ones in `deploy/scale.md`."""
DIMENSIONS = ("plan", "product", "interval", "currency", "country", "signup", "size", "account")
BASIS = Basis()


def main(arguments: Sequence[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.rollups",
        epilog=f"The business is five years old, or as many as {business.YEARS_NAME} says.",
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument(
        "--invoices", action="store_true", help="with an invoice for each period that was paid for, some twenty a customer"
    )
    parser.add_argument("--reporting", default=None, help="a reporting currency, with rates from the bundled history")
    chosen = parser.parse_args(arguments)
    server = Postgres()
    server.start()
    try:
        url = create_database(server.dsn("postgres"), f"bench_{uuid.uuid4().hex[:8]}").replace(
            "postgresql://", "postgresql+psycopg://"
        )
        assert server.process is not None
        bench = Bench(url, server.process.pid, chosen.customers, chosen.processes, chosen.reporting, quiet=chosen.json)
        found = bench.run(invoices=chosen.invoices)
    finally:
        server.stop()
    if chosen.json:
        print(json.dumps(found, indent=2))  # noqa: T201  # what the program is for


class Bench:
    """One run over one database."""

    def __init__(self, url: str, server: int, customers: int, processes: int, reporting: str | None, *, quiet: bool) -> None:
        self.url, self.server, self.customers, self.processes, self.reporting = url, server, customers, processes, reporting
        self.quiet, self.cpu_seconds = quiet, 0.0
        self.found: dict[str, Any] = {"customers": customers, "processes": processes, "years": 2026 - business.FIRST.year}

    def run(self, *, invoices: bool = False) -> dict[str, Any]:
        """Measure everything, in order."""
        migrate.upgrade(open_engine(self.url))
        self._facts(invoices=invoices)
        with self._timed("a_derive"):
            self._work([derive.first_job()], NOW)
        with self._timed("a_rollup"):
            self._work([rollup.first_job(whole=True)], NOW)
        self._sizes()
        self._floor()
        self._night()
        self._quiet_night()
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
        own, database = time.process_time(), cpu_seconds_of(self.server)
        yield
        self.found[name] = round(time.perf_counter() - began, 3)
        ours = self.cpu_seconds or time.process_time() - own
        theirs = cpu_seconds_of(self.server) - database
        self.found[f"{name}_cpu"], self.found[f"{name}_database_cpu"] = round(ours, 3), round(theirs, 3)
        self._say(f"{name:<28}{self.found[name]:>10.2f} s; CPU {ours:.2f} s ours, {theirs:.2f} s the database's")

    def _facts(self, *, invoices: bool) -> None:
        business.prepare(self.url)
        step = -(-self.customers // (self.processes * 8))
        ranges = [(low, min(self.customers, low + step)) for low in range(0, self.customers, step)]
        with self._timed("setup_facts"), _pool(self.processes) as pool:
            written = list(pool.map(_write, [(self.url, *each) for each in ranges]))
            billed = sum(pool.map(_bill, [(self.url, *each) for each in ranges])) if invoices else 0
        self.found["states"] = sum(w.states for w in written)
        floor.analyze(self.url)
        self.found["invoices"] = billed
        self._say(f"{self.customers:,} customers, {self.found['states']:,} states of subscriptions, {billed:,} invoices")

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

    def _quiet_night(self) -> None:
        """A night in which nothing is new, and what it leaves in the database (dead rows that the next ones take over included)."""
        before = floor.size(self.url)
        with self._timed("d_quiet_derive"):
            self._work([derive.first_job()], QUIET)
        with self._timed("d_quiet_rollup"):
            self._work([rollup.first_job()], QUIET)
        self.found["d_mib"] = round((floor.size(self.url) - before) / 2**20, 2)

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
        everything = self._cpu("a_derive", "a_rollup")
        f["ratios"] = {
            "(a) ÷ reading plus writing": (round(a / base, 2), 2, None),
            "the same by CPU": (round(everything / self._cpu("floor_read", "floor_write"), 2), 2, 5.28),
            "(b) ÷ (a)": (round(b / a, 3), 0.1, None),
            "(b) ÷ (a) by CPU": (round(self._cpu("b_derive", "b_rollup") / everything, 3), 0.1, 0.234),
            "(d) nothing new: s of CPU": (round(self._cpu("d_quiet_derive", "d_quiet_rollup"), 2), 1, 0.92),
            "(d) nothing new: MiB stored": (f["d_mib"], 0.1, 3.37),
            "one window: ours ÷ duckdb": (round(f["one_window_ours"] / f["one_window_duckdb"], 2), 2, None),
            "one window: ours ÷ postgresql": (round(f["one_window_ours"] / f["one_window_postgresql"], 2), 0.5, None),
            "peak of a process in MiB": (f["peak_mib"], 500, 457),
        }
        self._say(f"{'':<32}{'now':>9}{'aim':>9}{'before':>9}  (before: with {BEFORE_CUSTOMERS:,} customers)")
        for name, (value, aim, before) in f["ratios"].items():
            self._say(f"{name:<32}{value:>9}{aim:>9}{'' if before is None else before:>9}")

    def _cpu(self, *names: str) -> float:
        return float(sum(self.found[f"{name}_cpu"] + self.found[f"{name}_database_cpu"] for name in names))


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=None)


def _write(asked: tuple[str, int, int]) -> business.Written:
    return business.write(*asked)


def _bill(asked: tuple[str, int, int]) -> int:
    return rollups_invoices.write(*asked)


def _crew(asked: tuple[str, int, Instant, str | None]) -> tuple[int, float]:
    """Work on a run until it is closed; gives the peak memory of this process in MiB, and the seconds that it computed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    url, run, now, reporting = asked
    began = time.process_time()
    engine, stop = open_engine(url), Stop()
    rolling = Rolling(engine, stop, BASIS, dimensions=DIMENSIONS, reporting_currency=reporting, rates="ecb" if reporting else None)
    handlers = {**derive.handlers(derive.Deriving(engine, stop, BASIS, now)), **rollup.handlers(rolling)}
    terms = Terms(f"bench-{uuid.uuid4().hex[:6]}", threads=1, heavy=1, lease_seconds=300)
    worked = Crew(engine, terms, stop, ()).work(handlers, wanted=[run], give_up_after=1)
    engine.dispose()
    if worked.error is not None:
        raise worked.error
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.process_time() - began


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
