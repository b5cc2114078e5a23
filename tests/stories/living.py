"""The product as it lives beside a sandbox: the real reader over HTTP, the real store, the real engine.

What a story compares with the sandbox's own ledger comes from here. Nothing of the sandbox's knowledge gets in but its address.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from integrations.sandbox.oracle.ledger import Movement, Standing
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import open_engine, read
from integrations.store.facts import accounts, catalog, quarantine
from integrations.store.facts import read as read_facts
from integrations.stripe.client import Client
from integrations.stripe.limits import Ceilings, LocalLimiter
from integrations.stripe.reader import Reader
from metrics.entries import CustomerLedger
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.accounts import Source, Sources
from worker.ingest.drift import Drift
from worker.ingest.pace import Pace
from worker.runs import steps
from worker.wiring.wiring import Wiring

UNLIMITED = Ceilings(1e9, 1e9)
DEFAULT = Basis()
MINUTE = 60


def wired(engine: Engine, sandbox: Sandbox, **terms: Any) -> Wiring:
    """A wiring with one account, the sandbox's, without limits and with short waits."""
    options = {"threads": 4, "lease_seconds": 30.0, "attempts": 3, "first_delay_seconds": 0.05} | terms

    def reader(_name: str, _livemode: bool | None) -> Reader:
        return Reader(Client(sandbox.key, limiter=LocalLimiter(UNLIMITED), base=sandbox.url))

    sources = Sources(engine, [Source("main")], reader)
    return Wiring(engine, sources, lambda: datetime.now(UTC), Stop(), Terms(owner="story", **options), Pace(), shards=2)


def quiet_end(business: Business) -> int:
    """The end of a business, or a minute before it: whenever nothing happened within the minute that a sync stays behind."""
    happened = {each.created for _, life in business.lives(business.end) for each in life.happenings}
    now = business.end
    while happened & set(range(now - 2 * MINUTE, now + 1)):
        now -= MINUTE
    return now


@contextmanager
def opened(database_url: str) -> Iterator[Engine]:
    """A database that is migrated, if it isn't already."""
    engine = open_engine(database_url)
    with read(engine) as connection:
        migrated = migrate.current(connection)
    if migrated is None:
        migrate.upgrade(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def synced(engine: Engine, sandbox: Sandbox, moments: Iterable[int] = ()) -> None:
    """Sync at each of `moments` (now, without any), moving the sandbox's clock there."""
    wiring = wired(engine, sandbox)
    try:
        for moment in [*moments] or [sandbox.now]:
            sandbox.set_now(moment)
            report = steps.sync(wiring)
            assert ("done", 0) == (report.status, report.quarantined), report
    finally:
        wiring.sources.close()


def watched(engine: Engine, sandbox: Sandbox, moments: Sequence[int], *, audited: bool) -> list[Drift]:
    """Sync at each of `moments`, and audit after each but the first, or after the last alone; returns what the last audit found.

    Unlike in `synced`, something may be kept out.
    """
    wiring = wired(engine, sandbox)
    drifts: list[Drift] = []
    try:
        for number, moment in enumerate(moments):
            sandbox.set_now(moment)
            assert "done" == steps.sync(wiring).status
            if number and (audited or moment == moments[-1]):
                report, found = steps.audit(wiring)
                assert "done" == report.status, report
                drifts = list(found)
    finally:
        wiring.sources.close()
    return drifts


def derived(engine: Engine, now: int, basis: Basis = DEFAULT) -> dict[str, CustomerLedger]:
    """The product's ledger of every customer as of `now`, from what is stored."""
    with read(engine) as connection:
        catalogs = {row.id: catalog.load(connection, row.id) for row in accounts.everything(connection)}
        deriver = Deriver(catalogs, basis)
        return {group.customer: deriver.derive(group, Instant(now)) for group in read_facts.groups(connection)}


def kept_out(engine: Engine) -> int:
    """Objects in quarantine."""
    with read(engine) as connection:
        return quarantine.count(connection)


def kept_out_for(engine: Engine) -> set[str]:
    """Why objects are in quarantine."""
    with read(engine) as connection:
        return {each.reason for each in quarantine.everything(connection)}


def movements(ledger: CustomerLedger) -> list[Movement]:
    """The product's movements in the oracle's words: plain values, nothing else in common."""
    return [
        Movement(
            m.customer,
            m.day,
            m.currency,
            m.kind,
            m.cause,
            m.before_micros,
            m.after_micros,
            m.list_before_micros,
            m.list_after_micros,
        )
        for m in ledger.movements
    ]


def standings(ledger: CustomerLedger) -> list[Standing]:
    """The product's standings in the oracle's words, which has none for usage: days on which nothing but usage changed are passed over."""
    out: list[Standing] = []
    held: dict[str, tuple[object, ...]] = {}
    for s in ledger.standings:
        stands = (
            s.net_micros,
            s.list_micros,
            s.at_risk_micros,
            s.scheduled_micros,
            s.subscriptions,
            s.plan,
            s.product,
            s.interval,
        )
        if stands != held.get(s.currency, (0, 0, 0, 0, 0, None, None, None)):
            out.append(Standing(s.customer, s.day, s.currency, *stands))
        held[s.currency] = stands
    return out


def said_of(ledger: CustomerLedger) -> bool:
    """Whether the ledger says that it may know less than there is."""
    return bool(ledger.findings) or any(movement.inferred for movement in ledger.movements)


def amounts(told: Movement) -> tuple[object, ...]:
    """A movement without its cause: an invoice doesn't say why."""
    return (
        told.day,
        told.currency,
        told.kind,
        told.before_micros,
        told.after_micros,
        told.list_before_micros,
        told.list_after_micros,
    )
