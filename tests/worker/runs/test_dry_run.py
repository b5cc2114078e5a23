"""Trying a backfill out: what it says is what then happens, and nothing of it happens before."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from integrations.sandbox.api.faults import Fault
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import read
from integrations.store.figures import rollups
from metrics.retention.figures import Figures
from tests.integrations.store import dump
from worker.config.load import isolated
from worker.runs import backfill, refresh, steps
from worker.runs.backfill import Request
from worker.runs.dry_run import Key, WindowChange, changes, preview
from worker.wiring.wiring import Wiring, open_wiring


@pytest.fixture
def holed(database_url: str) -> Iterator[tuple[Wiring, Sandbox]]:
    """An installation that has missed a third of the invoices and half of the subscriptions."""
    with Sandbox(Business(customers=14, months=5, seed=3)) as stripe:
        values = {"database_url": SecretStr(database_url), "stripe_api_key": SecretStr(stripe.key), "stripe_api_base": stripe.url}
        wiring = open_wiring(isolated(values).settings)
        migrate.upgrade(wiring.engine)
        for path, share in (("/v1/invoices", 0.3), ("/v1/subscriptions", 0.5), ("/v1/events", 0.5)):
            stripe.faults.add(Fault("missing", path, times=None, share=share, seed=1))
        assert "done" == steps.sync(wiring).status
        refresh.derive(wiring)
        refresh.rollup(wiring)
        stripe.faults.clear()
        yield wiring, stripe
        wiring.close()


def content(wiring: Wiring) -> list[str]:
    """Everything that is stored."""
    with read(wiring.engine) as connection:
        return list(dump.canonical(connection))


def figures(wiring: Wiring) -> dict[Key, int]:
    """The closing MRR of every window of the whole book."""
    with read(wiring.engine) as connection:
        rows = rollups.current(connection, wiring.basis.version, dimension="")
    return {(row["kind"], row["first"], row["until"], row["currency"]): int(row["closing"]) for row in rows}


@pytest.mark.long
def test_what_is_foretold_comes_true(holed: tuple[Wiring, Sandbox]) -> None:
    """The windows named are the ones whose figures differ afterwards, by what was said; before that not a byte has changed."""
    wiring, _ = holed
    before, stored = figures(wiring), content(wiring)
    foretold = preview(wiring, Request())
    assert stored == content(wiring)
    assert 0 < len(foretold.changes)
    backfill.run(wiring, Request())
    refresh.derive(wiring)
    refresh.rollup(wiring)
    after = figures(wiring)
    moved = {key: (before.get(key), after.get(key)) for key in {*before, *after} if before.get(key) != after.get(key)}
    told = {
        (c.kind, c.first, c.until, c.currency): (c.before and c.before.closing, c.after and c.after.closing)
        for c in foretold.changes
    }
    assert moved == {key: told.get(key) for key in moved}
    assert 0 == len(preview(wiring, Request()).changes)


def test_only_what_differs_is_told() -> None:
    """A window that is the same on both sides is no change; one that is only on one side is."""
    from datetime import date

    key = ("month", date(2026, 1, 1), date(2026, 2, 1), "usd")
    one = Figures("default", *key[:3], "", "", "usd", closing=5)
    other = Figures("default", *key[:3], "", "", "usd", closing=6)
    assert () == changes({key: one}, {key: one})
    assert (WindowChange(*key, one, other),) == changes({key: one}, {key: other})
    assert (WindowChange(*key, None, other),) == changes({}, {key: other})
