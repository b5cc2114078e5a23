"""An installation of the product over a made-up account, in one process: the whole way from answers to ledgers, but for the sockets.

The reader, the plan, the jobs, the store (SQLite) and the engine are the product's own; only HTTP is left out, since an answer's bytes
are handed over as they are.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Self

import polars as pl

from integrations.store.db.engine import open_engine, read
from integrations.store.facts import quarantine
from integrations.store.facts import read as read_facts
from integrations.store.figures import billings
from integrations.stripe.client import Client, Params
from integrations.stripe.limits import Ceilings, LocalLimiter
from integrations.stripe.reader import Reader
from metrics.billings.classes import SUMMED
from metrics.billings.classify import classified
from metrics.entries import CustomerLedger, Movement
from metrics.evidence import Finding, Instant
from metrics.ledger.basis import Basis
from tests.lives.account import Account
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.figures.derive import deriver_of
from worker.ingest.accounts import Source, Sources
from worker.ingest.pace import Pace
from worker.runs import steps
from worker.runs.backfill import Request
from worker.wiring.wiring import Wiring


class _Wire:
    """What a client sends its questions over: no socket, the account itself."""

    key = "rk_test_lives"
    base = "https://api.stripe.com"

    def __init__(self, account: Account) -> None:
        self.account = account
        self.moment = 0
        self.pace = 0
        """Seconds that pass with each answer."""
        self.left: int | None = None
        """So many answers more are given; None: as many as are asked for."""
        self.over: Callable[[], object] | None = None
        """What then happens with each further question; None: the host is out of order (503)."""

    def send(self, path: str, params: Params, _sent: Callable[[], None] = lambda: None) -> tuple[int, bytes, Mapping[str, str]]:
        """The answer, dated by the account's clock."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0 and self.over is not None:
                self.over()
            elif self.left < 0:
                return 503, b"{}", {"date": formatdate(self.moment, usegmt=True)}
        body = self.account.answer(path, params, self.moment)
        self.moment += self.pace
        status = 200
        if body is None:
            status, body = 404, {"error": {"code": "resource_missing", "message": f"No such object: {path}", "param": "id"}}
        return status, json.dumps(body).encode(), {"date": formatdate(self.moment, usegmt=True)}

    def close(self) -> None:
        """Nothing to close."""


class InMemory(Client):
    """The product's client over an account in memory, as it is at `moment`."""

    def __init__(self, account: Account) -> None:
        super().__init__(_Wire.key, limiter=LocalLimiter(Ceilings(1e6, 1e6)), sleep=lambda _seconds: None)
        self._transport.close()
        self.wire = _Wire(account)
        self._transport = self.wire  # type: ignore[assignment]  # a hand-written fake


class Installation:
    """A database and the account that it reads. `template` is a migrated file to begin with."""

    def __init__(self, account: Account, file: Path, template: Path, basis: Basis | None = None, *, threads: int = 2) -> None:
        shutil.copy(template, file)
        self.engine = open_engine(f"sqlite:///{file}")
        self.basis = basis or Basis()
        self.client = InMemory(account)
        sources = Sources(self.engine, [Source("default")], lambda _name, _mode: Reader(self.client))
        terms = Terms(owner="lives", threads=threads, lease_seconds=60.0, attempts=2, first_delay_seconds=0.01)
        self.wiring = Wiring(self.engine, sources, lambda: datetime.now(UTC), Stop(), terms, Pace(), shards=1, basis=self.basis)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wiring.close()

    # --- reading -------------------------------------------------------------------------------------------------------------

    def sync(self, at: int) -> Self:
        """`nrr sync` at a moment."""
        return self._done("sync", at)

    def audit(self, at: int) -> Self:
        """`nrr audit` at a moment."""
        return self._done("audit", at)

    def backfill(self, at: int) -> Self:
        """`nrr backfill run` of all streams at a moment, whole."""
        return self._done("backfill", at)

    def _done(self, what: str, at: int) -> Self:
        report = self.begin(what, at)
        assert report.status == "done", (report.status, report.errors, report.error)
        return self

    def begin(self, what: str, at: int, *, pace: int = 0, answers: int | None = None, asked: bool = False) -> steps.Report:
        """A sync, an audit or a backfill (all of it, or of the stream that is named behind it) that takes so many seconds for each answer.

        After so many `answers` the host is out of order, or (`asked`) the process is asked to stop. What is left of the run is gone on with by
        the next one of its kind. Raises ReadError or KeyError where not even the account's own answer was given.
        """
        wire, stop = self.client.wire, Stop()
        wire.moment, wire.pace, wire.left, wire.over = at, pace, answers, stop.request if asked else None
        wiring = replace(self.wiring, stop=stop)
        kind, _, stream = what.partition(" ")
        try:
            match kind:
                case "sync":
                    return steps.sync(wiring)
                case "audit":
                    return steps.audit(wiring)[0]
                case _:
                    planning = Request((stream,) if stream else ()).planning("default")
                    account = steps.bind(wiring, ["default"])[0]["default"]
                    number, _joined = steps.open_run(wiring, "backfill", [steps.plan_job(account, planning)], account=account)
                    return steps.see_through(wiring, number)
        finally:
            wire.pace, wire.left, wire.over = 0, None, None

    def go_on(self, at: int) -> Self:
        """Whatever run was left open, of any kind, is worked on until nothing is due."""
        self.client.wire.moment = at
        steps.work(replace(self.wiring, stop=Stop()), seconds=60)
        return self

    # --- what comes out ------------------------------------------------------------------------------------------------------

    def ledgers(self, at: int) -> dict[str, CustomerLedger]:
        """Every customer's ledger as of a moment."""
        with read(self.engine) as connection:
            deriver = deriver_of(connection, self.basis)
            return {group.customer: deriver.derive(group, Instant(at)) for group in read_facts.groups(connection)}

    def billed(self) -> dict[str, int]:
        """What the classes of each invoice and credit note that counts add up to, in minor units."""
        with read(self.engine) as connection:
            rows = classified(billings.facts(connection)).filter(pl.col("class").is_in(SUMMED))
        found: dict[str, int] = dict(rows.group_by("object").agg(pl.col("amount").sum()).iter_rows())
        return found

    def kept_out(self) -> list[tuple[str, str]]:
        """The reason and the id of every object that could not be read."""
        with read(self.engine) as connection:
            return [(each.reason, each.object_id) for each in quarantine.everything(connection, 1 << 30)]


def told(ledger: CustomerLedger) -> list[tuple[str, str, int]]:
    """Movements as (day, kind, change in cents)."""
    return [(m.day.isoformat(), m.kind, _cents(m)) for m in ledger.movements]


def causes(ledger: CustomerLedger) -> list[str]:
    """The cause of each movement."""
    return [m.cause for m in ledger.movements]


def reasons(ledger: CustomerLedger) -> set[str]:
    """The reasons of all findings."""
    return {f.reason for f in ledger.findings}


def named(findings: tuple[Finding, ...]) -> set[str]:
    """Whatever findings name."""
    return {f.object_id for f in findings}


def _cents(movement: Movement) -> int:
    assert movement.delta_micros % 10_000 == 0, "whole cents"
    return movement.delta_micros // 10_000
