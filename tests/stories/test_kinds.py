"""Lives of each kind through the real product over HTTP, looked at in every way in which somebody may look.

What the sandbox knows that it did is what must come out; whoever looks late, or without events, may know less: what a first look can
know is in the oracle too, and the rest is said by a finding or the mark *inferred*. All customers live in one business, which is looked at once for each way.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest

from integrations.sandbox.api.faults import Fault
from integrations.sandbox.oracle.first_look import first_look
from integrations.sandbox.oracle.ledger import Truth
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, HOUR
from integrations.sandbox.simulator.business import Business
from metrics.entries import CustomerLedger
from tests.stories.kinds import BEGIN, END, KINDS
from tests.stories.living import amounts, derived, movements, opened, standings, watched
from worker.ingest.drift import Drift

BUSINESS: Final = Business(customers=0, months=5, start=BEGIN, scripts=tuple(make() for make in KINDS.values()))
_NINE: Final = 9 * HOUR


def mornings(days: int) -> list[int]:
    """One in so many mornings while most of it happens, and a few moments before and after."""
    often = range(BEGIN + (30 + days) * DAY + _NINE, BEGIN + 75 * DAY, days * DAY)
    return [BEGIN, BEGIN + 25 * DAY, *often, BEGIN + 100 * DAY, BEGIN + 125 * DAY, END]


SELDOM: Final = [*range(BEGIN, END - DAY, 23 * DAY + 5 * HOUR), END]


VANISHED: Final = "a subscription that vanishes"
"""Nothing says what became of it: it leaves MRR on the day on which an audit misses it, inferred, with a finding that names it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one way of looking found of each kind, and what there was to find."""

    found: dict[str, CustomerLedger]
    truths: dict[str, Truth]
    drifts: tuple[Drift, ...]


def _look(folder: Path, moments: list[int], *, audited: bool, events: bool = True) -> Look:
    """The product after looking at each of `moments`; without events only its audits and the invoices tell it anything."""
    with Sandbox(BUSINESS, now=moments[0]) as sandbox, opened(f"sqlite:///{folder / 'nrr.sqlite3'}") as engine:
        if not events:
            sandbox.faults.add(Fault("missing", path="/v1/events", times=None, share=1.0))
        drifts = watched(engine, sandbox, moments, audited=audited)
        known = [life.customer.id for _, life in BUSINESS.lives(END)]
        found = derived(engine, sandbox.now)
        late = len(moments) == 1 or not events
        truths = {each.customer: each for each in (first_look(BUSINESS, END) if late else sandbox.ledger())}
    names = dict(zip(known, KINDS, strict=True))
    return Look(
        {names[each]: ledger for each, ledger in found.items()},
        {names[each]: truth for each, truth in truths.items()},
        tuple(drifts),
    )


@pytest.fixture(
    scope="module",
    params=[pytest.param(2, marks=pytest.mark.long), pytest.param(1, marks=pytest.mark.long)],
    ids=["every other morning", "every morning"],
)
def daily(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Synced and audited in the morning, while it happens."""
    return _look(tmp_path_factory.mktemp("daily"), mornings(request.param), audited=True)


@pytest.fixture(scope="module")
def seldom(tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Synced every three weeks or so, audited at the end."""
    return _look(tmp_path_factory.mktemp("seldom"), SELDOM, audited=False)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Look:
    """First read when it is all over: invoices, and what objects say of themselves."""
    return _look(tmp_path_factory.mktemp("once"), [END], audited=False)


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Listed every ten days by an audit; no event ever comes."""
    return _look(tmp_path_factory.mktemp("listings"), [*range(BEGIN, END, 10 * DAY), END], audited=True, events=False)


def assert_gone(found: CustomerLedger, truth: Truth, day: date) -> None:
    """It was what it was, and is missed since `day`."""
    assert list(truth.movements) == movements(found)[:-1]
    missed = found.movements[-1]
    assert (day, "churn", "status_unknown", True) == (missed.day, missed.kind, missed.cause, missed.inferred)
    assert "subscription_gone" in {finding.reason for finding in found.findings}


@pytest.mark.parametrize("kind", KINDS)
def test_synced_daily_and_audited(daily: Look, kind: str) -> None:
    """Nothing is missing, nothing is there that didn't happen, and each movement has its day, amount and cause."""
    found, truth = daily.found[kind], daily.truths[kind]
    if kind == VANISHED:
        assert_gone(found, truth, date(2025, 2, 18))
    else:
        assert list(truth.movements) == movements(found)
        assert list(truth.standings) == standings(found)


@pytest.mark.parametrize("kind", KINDS)
def test_synced_seldom(seldom: Look, kind: str) -> None:
    """The same."""
    found, truth = seldom.found[kind], seldom.truths[kind]
    if kind == VANISHED:
        assert_gone(found, truth, datetime.fromtimestamp(END, UTC).date())
    else:
        assert list(truth.movements) == movements(found)


@pytest.mark.parametrize("kind", KINDS)
def test_looked_at_once(once: Look, kind: str) -> None:
    """Everything that has left a trace is found, on its day; what has left none has a finding."""
    found, truth = once.found[kind], once.truths[kind]
    reasons = {finding.reason for finding in found.findings}
    if kind == VANISHED:
        assert ([], {"subscription_unseen"}) == (movements(found), reasons)
    else:
        assert [amounts(m) for m in truth.movements] == [amounts(m) for m in movements(found)]
        assert "history_from_invoices" in reasons


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.long
def test_listed_without_events(listings: Look, kind: str) -> None:
    """What a listing shows first is dated by it and marked as inferred, unless an invoice dates it."""
    found = listings.found[kind]
    if [amounts(m) for m in listings.truths[kind].movements] != [amounts(m) for m in movements(found)]:
        assert any(m.inferred for m in found.movements) or {each.reason for each in found.findings} - {"history_from_invoices"}
