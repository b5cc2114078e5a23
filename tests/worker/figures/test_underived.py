"""One customer that can't be derived is named and left out; everybody else is derived, added up, verified and shown."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, select, update

from integrations.store.db.engine import begin, read
from integrations.store.facts import exchange_rates
from integrations.store.facts.schema import customer_state, subscription_state
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger.schema import finding, movement, standing
from metrics.entries import CustomerLedger
from metrics.evidence import CustomerGroup, Instant
from metrics.exchange_rates import QUOTES
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from metrics.timeline.timeline import Traced
from tests.worker.facts import Told, derive, mrr, wiring
from worker.alerts import gather
from worker.figures.standing import mrr_at
from worker.health import freshness
from worker.runs import refresh
from worker.runs.verify import verify

NOW = "2025-03-01"
MUCH = 10**11
"""So many at 10.00: each number is one, and what they come to is more than can be added up."""


@pytest.fixture
def told(engine: Engine) -> Told:
    """An account with a sound customer, whose subscription is of the basic price."""
    found = Told(engine)
    found.catalog()
    found.subscription("cus_a")
    return found


def findings(engine: Engine) -> list[tuple[str, str, str]]:
    """Customer, reason and severity of all findings about not deriving."""
    with read(engine) as connection:
        query = select(finding.c.customer, finding.c.reason, finding.c.severity).where(finding.c.reason == "cannot_derive")
        return [(c, r, s) for c, r, s in connection.execute(query)]


def rows(engine: Engine, customer: str) -> int:
    """Movements and standings of a customer."""
    with read(engine) as connection:
        return sum(len(connection.execute(select(t.c.day).where(t.c.customer == customer)).all()) for t in (movement, standing))


def test_an_absurd_customer_stops_nobody(engine: Engine, told: Told) -> None:
    """It is named with its reason, the other is counted, figures are made, and verifying agrees."""
    told.subscription("cus_b", quantity=MUCH)
    assert "done" == derive(engine, NOW).status
    assert {"cus_a": 10} == mrr(engine)
    assert [("cus_b", "cannot_derive", "error")] == findings(engine)
    report, outcome = refresh.rollup(wiring(engine, NOW))
    assert outcome is not None
    assert ("done", 0) == (report.status, outcome.broken)
    assert () == verify(wiring(engine, NOW)).problems


def test_what_it_had_is_dropped_whole_and_comes_back(engine: Engine, told: Told) -> None:
    """Its former movements rested on other facts; as soon as it can be derived again it has them, and the finding is gone."""
    told.subscription("cus_b", quantity=2)
    derive(engine, "2025-02-01")
    refresh.rollup(wiring(engine, "2025-02-01"))
    before = rows(engine, "cus_b")
    told.subscription("cus_b", "2025-02-10", quantity=MUCH)
    derive(engine, "2025-02-11")
    assert (0, [("cus_b", "cannot_derive", "error")]) == (rows(engine, "cus_b"), findings(engine))
    report, _ = refresh.rollup(wiring(engine, "2025-02-11"))
    assert "done" == report.status
    assert () == verify(wiring(engine, "2025-02-11")).problems
    with begin(engine) as connection:
        mine = subscription_state.c.customer_id == "cus_b"
        first = (
            connection.execute(select(subscription_state.c.body).where(mine).order_by(subscription_state.c.at)).scalars().first()
        )
        connection.execute(update(subscription_state).where(mine).values(body=first))
    derive(engine, "2025-02-12", rebuild=True)
    assert ([], before) == (findings(engine), rows(engine, "cus_b"))


@pytest.mark.parametrize("table", [subscription_state, customer_state])
def test_what_is_stored_and_cannot_be_read_stops_nobody(engine: Engine, told: Told, table: Any) -> None:
    """A body that the disk has spoilt is its customer's alone, with a rule for who is whom as well."""
    told.subscription("cus_b")
    told.customer("cus_b")
    with begin(engine) as connection:
        connection.execute(update(table).where(table.c.customer_id == "cus_b").values(body=b"\x83\xa2id"))
    for basis in (Basis(), Basis(merge_key="company")):
        assert "done" == derive(engine, NOW, basis, rebuild=True).status
        assert {"cus_a": 10} == mrr(engine, basis)
        assert ("cus_b", "cannot_derive", "error") in findings(engine)
    assert () == verify(wiring(engine, NOW, Basis(merge_key="company"))).problems


def test_a_fault_of_ours_is_one_customers(engine: Engine, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong within the engine for one customer."""
    told.subscription("cus_b")
    real = Deriver._derive

    def failing(self: Deriver, group: CustomerGroup, now: Instant, traces: dict[str, list[Traced]] | None) -> CustomerLedger:
        if group.customer == "cus_b":
            raise ZeroDivisionError("months")
        return real(self, group, now, traces)

    monkeypatch.setattr(Deriver, "_derive", failing)
    derive(engine, NOW)
    assert {"cus_a": 10} == mrr(engine)
    with read(engine) as connection:
        [(customer, why)] = ledger_bases.underived(connection)
    assert "cus_b" == customer
    assert "ZeroDivisionError: months" in why


def test_no_memory_is_nobodys_fault(engine: Engine, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of a customer: the job fails and is done again."""

    def failing(*_: Any) -> CustomerLedger:
        raise MemoryError

    monkeypatch.setattr(Deriver, "_derive", failing)
    assert "failed" == refresh.derive(wiring(engine, NOW)).status
    assert [] == findings(engine)


def test_it_is_said_where_health_is_looked_at(engine: Engine, told: Told) -> None:
    """Freshness counts it, JSON and lines have it, and the alarm for what is quarantined fires."""
    told.subscription("cus_b", quantity=MUCH)
    derive(engine, NOW)
    found = freshness.gather(engine)
    assert (1, 1) == (found.underived, freshness.told(found)["underived"])
    assert any("not derived: 1 customers" in line for line in freshness.lines(found))
    with read(engine) as connection:
        value, details = gather._health(connection, Basis())["quarantine"]
    assert 1 == value
    assert ["customer cus_b: nothing is counted of this customer"] == [each.partition(",")[0] for each in details]


@pytest.mark.long
def test_many_large_customers_still_add_up(engine: Engine, told: Told) -> None:
    """A hundred of the largest that are counted: their sum fits, to the micro."""
    for number in range(100):
        told.subscription(f"cus_{number}", quantity=7 * 10**9)
    derive(engine, NOW)
    report, outcome = refresh.rollup(replace(wiring(engine, NOW), dimensions=("plan", "size")))
    assert outcome is not None
    assert ("done", 0, []) == (report.status, outcome.broken, findings(engine))
    assert 101 == len(mrr(engine))
    assert () == verify(wiring(engine, NOW)).problems


def left_out(engine: Engine) -> list[str]:
    """Who is too large to be added to the others."""
    with read(engine) as connection:
        return sorted(connection.execute(select(finding.c.customer).where(finding.c.reason == "cannot_add_up")).scalars())


@pytest.mark.long
def test_who_is_too_large_beside_the_others_is_left_out(engine: Engine, told: Told) -> None:
    """Three hundred near the bound: so many are left out, by name, that the sums of the rest are right to the micro."""
    for number in range(300):
        told.subscription(f"cus_{number:03d}", quantity=7 * 10**9)
    derive(engine, NOW)
    report, outcome = refresh.rollup(replace(wiring(engine, NOW), dimensions=("plan", "size")))
    assert outcome is not None
    assert ("done", 0) == (report.status, outcome.broken)
    gone = left_out(engine)
    kept = mrr(engine)
    assert (10, 301 - len(gone)) == (kept["cus_a"], len(kept))
    assert 120 <= len(kept) <= 124, "no more than has to be"
    assert gone == sorted(gone)[: len(gone)]
    found = mrr_at(engine, Basis(), date(2025, 2, 28)).by_currency
    assert [(10 + 7 * 10**10 * (len(kept) - 1)) * 10**6] == [each.net_micros for each in found]
    assert () == verify(wiring(engine, NOW)).problems
    with read(engine) as connection:
        assert len(gone) == len(ledger_bases.underived(connection))


@pytest.mark.long
def test_who_becomes_too_large_later_is_left_out_then(engine: Engine, told: Told) -> None:
    """A night's news count too; the figures of everybody else go on."""
    for number in range(100):
        told.subscription(f"cus_{number:03d}", quantity=7 * 10**9)
    derive(engine, "2025-02-01")
    refresh.rollup(wiring(engine, "2025-02-01"))
    assert [] == left_out(engine)
    for number in range(100, 130):
        told.subscription(f"cus_{number:03d}", "2025-02-10", quantity=7 * 10**9)
    derive(engine, "2025-02-11")
    report, outcome = refresh.rollup(wiring(engine, "2025-02-11"))
    assert outcome is not None
    assert ("done", 0, False) == (report.status, outcome.broken, outcome.whole)
    assert 131 == len(mrr(engine)) + len(left_out(engine))
    assert [] != left_out(engine)
    assert () == verify(wiring(engine, "2025-02-11")).problems


def test_a_rate_makes_one_too_large(engine: Engine, told: Told) -> None:
    """Expressed in a currency of small units a single customer leaves 64 bits: it alone is left out."""
    told.subscription("cus_b", quantity=7 * 10**9)
    with begin(engine) as connection:
        quotes = pl.DataFrame({"unit": ["usd"], "currency": ["vnd"], "day": [date(2024, 12, 1)], "rate": ["25000"]}, schema=QUOTES)
        exchange_rates.put(connection, quotes, "file", datetime(2025, 1, 1, tzinfo=UTC))
    derive(engine, NOW)
    report, outcome = refresh.rollup(replace(wiring(engine, NOW), reporting_currency="vnd"))
    assert outcome is not None
    assert ("done", 0, ["cus_b"], {"cus_a": 10}) == (report.status, outcome.broken, left_out(engine), mrr(engine))
    together = mrr_at(engine, Basis(), date(2025, 2, 28), reporting_currency="vnd").together
    assert together is not None
    assert 250_000 * 10**6 == together.net_micros
