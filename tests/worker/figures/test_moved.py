"""A subscription that moves to another customer: counted once, for the last one, with a finding, and everything that looks agrees."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Engine, func, select

from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.db.words import bucket_of
from integrations.store.facts.write import Page, put_page
from integrations.store.figures.schema import billing
from integrations.store.ledger.schema import finding
from metrics.evidence import (
    BilledLine,
    CreditedLine,
    CreditNote,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Source,
    Subscription,
    SubscriptionState,
    Totals,
)
from metrics.finding_words import words_of
from metrics.ledger.basis import Basis
from tests.worker.facts import BASIC, LEARNT, PRO, Told, at, derive, derived, mrr, wiring
from worker.figures import billings
from worker.queries.customers import explained, resolve
from worker.queries.session import Session
from worker.runs.verify import verify

NOW = "2025-06-01"
DAILY = ("2025-03-01", "2025-03-02", "2025-03-03")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """A second installation."""
    engine = open_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    migrate.upgrade(engine)
    yield engine
    engine.dispose()


def state(owner: str, when: str, *, price: str = "price_pro", event: str = "") -> SubscriptionState:
    """The subscription as it was listed, or as an event says, of somebody."""
    items = (Item("si_1", price, 1, period_start=at("2025-03-01"), period_end=at("2025-04-01")),)
    about = Subscription("sub_1", owner, "active", "usd", at("2025-01-01"), at("2025-01-01"), items)
    return SubscriptionState(at(when), Source.EVENT if event else Source.SNAPSHOT, event, about)


def bills(owner: str) -> list[InvoiceEvidence]:
    """Its three invoices of somebody: it was basic for a month, and pro for two."""
    out = []
    for month, price in ((1, BASIC), (2, PRO), (3, PRO)):
        amount, since, until = int(price.unit or 0), at(f"2025-0{month}-01"), at(f"2025-0{month + 1}-01")
        head = Invoice(f"in_{month}", owner, "sub_1", "paid", since, "usd", amount_paid=amount, finalized_at=since, paid_at=since)
        line = InvoiceLine(f"il_{month}", head.id, "sub_1", "si_1", price.id, 1, amount, "usd", since, until)
        out.append(InvoiceEvidence(head, (line,), totals=Totals(amount)))
    return out


def told_daily(engine: Engine, *, invoices_again: bool) -> None:
    """Listed every day of customer A, with its invoices; then an event and a listing of customer B."""
    told = Told(engine)
    told.catalog()
    told.customer("cus_a")
    told.customer("cus_b")
    told.put(Page(at(DAILY[0]), subscriptions=[state("cus_a", DAILY[0])], invoices=bills("cus_a")))
    for day in DAILY[1:]:
        told.put(Page(at(day), subscriptions=[state("cus_a", day)]))
        derive(engine, day)
    assert {"cus_a": 30} == mrr(engine)
    told.put(Page(at("2025-03-04"), subscriptions=[state("cus_b", "2025-03-04", event="evt_1")]))
    told.put(Page(at("2025-03-05"), subscriptions=[state("cus_b", "2025-03-05")]))
    if invoices_again:
        told.put(Page(at("2025-03-05"), invoices=bills("cus_b")))
    derive(engine, NOW)


def looked_once(engine: Engine) -> None:
    """All of it seen for the first time, of customer B."""
    told = Told(engine)
    told.catalog()
    told.customer("cus_a")
    told.customer("cus_b")
    told.put(Page(at("2025-03-05"), subscriptions=[state("cus_b", "2025-03-05")], invoices=bills("cus_b")))
    derive(engine, NOW)


def moved_figures(engine: Engine) -> list[tuple[str, date, int]]:
    """Customer, day and MRR after it of each movement."""
    rows = [json.loads(line) for line in derived(engine)]
    return sorted((r["customer"], r["day"], r["after_micros"]) for r in rows if r["table"] == "movement")


def findings(engine: Engine) -> list[tuple[str, str, str]]:
    """Reason, object and sentence of what is said."""
    with read(engine) as connection:
        found = connection.execute(finding.select().order_by(finding.c.reason)).mappings().all()
    return [(f["reason"], f["object_id"], f["detail"]) for f in found]


@pytest.mark.parametrize("invoices_again", [True, False])
def test_it_counts_once_and_for_the_last_one(engine: Engine, invoices_again: bool) -> None:
    """30.00 for customer B and nothing for A, with all its past: 10.00 from January, 20.00 more from February."""
    told_daily(engine, invoices_again=invoices_again)
    assert {"cus_b": 30} == mrr(engine)
    found = moved_figures(engine)
    assert [("cus_b", "2025-01-01", 10_000_000), ("cus_b", "2025-02-01", 30_000_000)] == [(c, str(d), n) for c, d, n in found]


def test_it_is_told_with_both_names(engine: Engine) -> None:
    """The finding names the subscription and both customers, and has words that say what can be done."""
    told_daily(engine, invoices_again=True)
    [(_, about, detail)] = [each for each in findings(engine) if each[0] == "customer_changed"]
    assert "sub_1" == about
    assert "was told of the customer cus_a before, and is told of cus_b now" in detail
    assert "customers by support" in words_of("customer_changed").next_step
    assert "subscription_unseen" not in {reason for reason, _, _ in findings(engine)}


@pytest.mark.parametrize("invoices_again", [True, False])
def test_daily_syncs_and_one_first_look_come_to_the_same(engine: Engine, other: Engine, invoices_again: bool) -> None:
    """Who saw it move and who sees it only now have the same movements."""
    told_daily(engine, invoices_again=invoices_again)
    looked_once(other)
    assert moved_figures(other) == moved_figures(engine)
    assert not [each for each in findings(other) if each[0] == "customer_changed"]


def test_verify_and_a_rebuild_agree(engine: Engine) -> None:
    """Deriving everything again comes to what was derived by news alone."""
    told_daily(engine, invoices_again=True)
    assert [] == list(verify(wiring(engine, NOW)).ledger)
    before = derived(engine)
    derive(engine, NOW, rebuild=True)
    assert before == derived(engine)


def test_billings_hold_each_invoice_once(engine: Engine) -> None:
    """10 and 30 and 30, of customer B alone, also where the first customer's invoices are told again."""
    told_daily(engine, invoices_again=True)
    Told(engine).put(Page(at("2025-03-06"), invoices=bills("cus_a")))
    rows = billings.live(engine, "UTC", date(2025, 1, 1), date(2025, 4, 1))
    assert {"cus_b": 70_000_000} == dict(rows.group_by("customer").agg(pl.col("micros").sum()).iter_rows())


@pytest.mark.parametrize("first", ["cus_a", "cus_b"])
def test_an_invoice_of_no_subscription_is_billed_once(engine: Engine, first: str) -> None:
    """Told of one customer and then of the other, whatever their names: what is billed is the last one's, and the month holds it once."""
    told = Told(engine)
    head = Invoice("in_x", first, None, "paid", at("2025-01-10"), "usd", finalized_at=at("2025-01-10"))
    one = InvoiceEvidence(head, (), totals=Totals(500), others=(BilledLine("il_x", "outside", "manual", 500),))
    told.put(Page(at("2025-02-01"), invoices=[one]))
    second = "cus_b" if first == "cus_a" else "cus_a"
    with begin(engine) as connection:
        again = Page(at("2025-02-02"), invoices=[replace(one, head=replace(head, customer=second))])
        put_page(connection, told.account, again, LEARNT + timedelta(days=1))
    rows = billings.live(engine, "UTC", date(2025, 1, 1), date(2025, 2, 1))
    assert {second: 5_000_000} == dict(rows.group_by("customer").agg(pl.col("micros").sum()).iter_rows())


@pytest.mark.parametrize("first", ["cus_a", "cus_b"])
@pytest.mark.parametrize("what", ["whole", "by customer", "in parts"])
def test_an_invoice_and_a_note_that_are_told_of_another_customer_are_billed_once(
    engine: Engine, first: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5.00 and 2.00 taken back, of whom each was told last: asked of all, of each customer, and where customers are looked at in parts."""
    told = Told(engine)
    second = "cus_b" if first == "cus_a" else "cus_a"
    head = Invoice("in_x", first, None, "paid", at("2025-01-10"), "usd", finalized_at=at("2025-01-10"))
    one = InvoiceEvidence(head, (), totals=Totals(500), others=(BilledLine("il_x", "outside", "manual", 500),))
    note = CreditNote("cn_x", first, "in_x", "issued", at("2025-01-11"), "usd", Totals(200), (CreditedLine("cnl_x", "il_x", 200),))
    told.put(Page(at("2025-02-01"), invoices=[one], credit_notes=[note]))
    with begin(engine) as connection:
        later = [replace(one, head=replace(head, customer=second))], [replace(note, customer=second)]
        again = Page(at("2025-02-02"), invoices=later[0], credit_notes=later[1])
        put_page(connection, told.account, again, LEARNT + timedelta(days=1))
    if what == "in parts":
        monkeypatch.setattr(billings, "AT_ONCE", 1)
        monkeypatch.setattr("integrations.store.figures.billings.invoices_held", lambda _connection: 4)
        assert bucket_of("cus_a") < 256 <= bucket_of("cus_b"), "they lie in two of four parts"
        billings.refresh(engine, "UTC", lambda: None)
        with read(engine) as connection:
            assert 3_000_000 == connection.execute(select(func.sum(billing.c.micros))).scalar_one()
        return
    asked = [None] if what == "whole" else ["cus_a", "cus_b"]
    rows = pl.concat([billings.live(engine, "UTC", date(2025, 1, 1), date(2025, 2, 1), customer) for customer in asked])
    assert {second: 3_000_000} == dict(rows.group_by("customer").agg(pl.col("micros").sum()).iter_rows())


def shared(owner: str) -> list[InvoiceEvidence]:
    """Three invoices, each about two subscriptions of 30.00."""
    out = []
    for month in (1, 2, 3):
        since, until, unit = at(f"2025-0{month}-01"), at(f"2025-0{month + 1}-01"), int(PRO.unit or 0)
        head = Invoice(f"in_{month}", owner, None, "paid", since, "usd", amount_paid=2 * unit, finalized_at=since, paid_at=since)
        lines = [InvoiceLine(f"il_{month}_{n}", head.id, f"sub_{n}", "si_1", PRO.id, 1, unit, "usd", since, until) for n in (1, 2)]
        out.append(InvoiceEvidence(head, tuple(lines), totals=Totals(2 * unit)))
    return out


@pytest.mark.parametrize("moved", [(), ("sub_1",), ("sub_1", "sub_2")])
@pytest.mark.parametrize("invoices_again", [True, False])
def test_an_invoice_about_several_subscriptions_counts_once(engine: Engine, moved: tuple[str, ...], invoices_again: bool) -> None:
    """Whichever of them moves, and whoever its invoices are told of again: each subscription once, with its past, and what is odd is told."""
    told = Told(engine)
    told.catalog()
    told.customer("cus_a")
    told.customer("cus_b")

    def states(names: tuple[str, ...], owner: str, when: str) -> list[SubscriptionState]:
        about = state(owner, when)
        return [replace(about, subscription=replace(about.subscription, id=name)) for name in names]

    told.put(Page(at(DAILY[0]), subscriptions=states(("sub_1", "sub_2"), "cus_a", DAILY[0]), invoices=shared("cus_a")))
    derive(engine, DAILY[1])
    assert {"cus_a": 60} == mrr(engine)
    told.put(Page(at("2025-03-05"), subscriptions=states(moved, "cus_b", "2025-03-05")))
    if invoices_again:
        with begin(engine) as connection:
            put_page(connection, told.account, Page(at("2025-03-05"), invoices=shared("cus_b")), LEARNT + timedelta(days=1))
    derive(engine, NOW)
    assert {"cus_a": 60 - 30 * len(moved), "cus_b": 30 * len(moved)} == {"cus_a": 0, "cus_b": 0, **mrr(engine)}
    assert {"2025-01-01"} == {str(day) for _, day, _ in moved_figures(engine)}
    reasons = {(reason, about) for reason, about, _ in findings(engine)}
    assert {("customer_changed", name) for name in moved} <= reasons
    assert bool(moved or invoices_again) == any(reason == "subscription_unseen" for reason, _ in reasons)
    assert [] == list(verify(wiring(engine, NOW)).ledger)
    rows = billings.live(engine, "UTC", date(2025, 1, 1), date(2025, 4, 1))
    owner = "cus_b" if invoices_again else "cus_a"
    assert {owner: 180_000_000} == dict(rows.group_by("customer").agg(pl.col("micros").sum()).iter_rows())


def test_explaining_it_says_whose_it_is(engine: Engine) -> None:
    """Both movements are the second customer's, from the subscription's invoices; the first one has none."""
    told_daily(engine, invoices_again=True)
    session = Session(engine, Basis(), at(NOW))
    assert ["cus_b"] == list(resolve(session, "sub_1"))
    movements = {each.ledger.customer: [m.date for m in each.movements] for each in explained(session, ["cus_a", "cus_b"])}
    assert {"cus_a": [], "cus_b": ["2025-01-01", "2025-02-01"]} == movements
