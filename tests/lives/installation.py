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
from worker.execution.crew import Terms
from worker.execution.stop import Stop
from worker.figures.derive import deriver_of
from worker.ingest.accounts import Source, Sources
from worker.ingest.plan import Pace
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

    def send(self, path: str, params: Params) -> tuple[int, bytes, Mapping[str, str]]:
        """The answer, dated by the account's clock."""
        body = self.account.answer(path, params, self.moment)
        status = 200
        if body is None:
            status, body = 404, {"error": {"code": "resource_missing", "message": f"No such object: {path}", "param": "id"}}
        return status, json.dumps(body).encode(), {"date": formatdate(self.moment, usegmt=True)}

    def close(self) -> None:
        """Nothing to close."""


class InMemory(Client):
    """The product's client over an account in memory, as it is at `moment`."""

    def __init__(self, account: Account) -> None:
        super().__init__(_Wire.key, limiter=LocalLimiter(Ceilings(1e6, 1e6)))
        self._transport.close()
        self.wire = _Wire(account)
        self._transport = self.wire  # type: ignore[assignment]  # a hand-written fake


class Installation:
    """A database and the account that it reads. `template` is a migrated file to begin with."""

    def __init__(self, account: Account, file: Path, template: Path, basis: Basis | None = None) -> None:
        shutil.copy(template, file)
        self.engine = open_engine(f"sqlite:///{file}")
        self.basis = basis or Basis()
        self.client = InMemory(account)
        sources = Sources(self.engine, [Source("default")], lambda _name, _mode: Reader(self.client))
        terms = Terms(owner="lives", threads=2, lease_seconds=60.0, attempts=2, first_delay_seconds=0.01)
        self.wiring = Wiring(self.engine, sources, lambda: datetime.now(UTC), Stop(), terms, Pace(), shards=1, basis=self.basis)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wiring.close()

    # --- reading -------------------------------------------------------------------------------------------------------------

    def sync(self, at: int) -> Self:
        """`nrr sync` at a moment."""
        return self._done(steps.sync, at)

    def audit(self, at: int) -> Self:
        """`nrr audit` at a moment."""
        return self._done(lambda wiring: steps.audit(wiring)[0], at)

    def backfill(self, at: int, *streams: str) -> Self:
        """`nrr backfill run` of some streams at a moment, whole."""

        def run(wiring: Wiring) -> steps.Report:
            asked = Request(streams).planning("default")
            number, _ = steps.open_run(wiring, "backfill", [steps.plan_job(1, asked)], account=1)
            return steps.see_through(wiring, number)

        return self._done(run, at)

    def _done(self, step: Callable[[Wiring], steps.Report], at: int) -> Self:
        self.client.wire.moment = at
        report = step(replace(self.wiring, stop=Stop()))
        assert report.status == "done", (report.status, report.errors, report.error)
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
