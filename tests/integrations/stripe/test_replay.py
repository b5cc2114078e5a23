"""Real input, the whole way: recorded objects of Stripe's, read over HTTP, stored, and turned into MRR and movements.

Every expected figure was worked out by hand from the recordings; beside each stands what it comes from. Amounts are cents a month of a
subscription's items, and 250.00 a year is 20.833333 a month.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from integrations.store.db.engine import open_engine, read
from integrations.store.facts import catalog, quarantine
from integrations.store.facts import read as read_facts
from integrations.store.facts.schema import event, invoice, invoice_line, person, subscription_state
from integrations.store.work import cursors
from integrations.stripe.client import Client
from integrations.stripe.limits import Ceilings, LocalLimiter
from integrations.stripe.reader import Reader
from metrics.entries import CustomerLedger
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from metrics.policy import preset
from tests.integrations.store.dump import canonical
from tests.integrations.stripe import replay
from tests.integrations.stripe.replay import ACCOUNT, KEY, NOW, Replay, collected
from tests.worker.cli.command import bare_environment, in_process
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.accounts import Source, Sources
from worker.ingest.pace import Pace
from worker.runs import steps
from worker.runs.steps import Report
from worker.wiring.wiring import Wiring

USD = 1_000_000
YEARLY = 20_833_333
"""small-annual: 250.00 ÷ 12, rounded once, half to even."""

STANDS_AT = {
    "cus_92fee88a65fcb212": 25 * USD,  # sub_332802fb7846308a: small-monthly, one
    "cus_9503a235f41ca76c": 250 * USD,  # sub_41ec81b8a76c9cdd: small-monthly, ten
    "cus_42d0ba4fe5b1b640": YEARLY,  # sub_fe235124f66367eb: swapped to small-annual in its first minute
    "cus_714db9b6efb3d6be": 15 * USD,  # sub_ca1e6b3f83f0c063: small-monthly less 10BUCKS for ever
    "cus_0c970c2e0489fd83": 80 * USD,  # subscription 0003: gold 20; 0004: gold 20 and silver 40
    "cus_17dba57520c82b77": 54_780_000,  # subscription 0001: gold 20; 0002: silver 40 with 5.22 of tax inside
    "cus_0e70c799220cfd2b": 25 * USD,  # sub_d97ff1bbbae6e8bd: small-monthly
    "cus_2ed936a0a42424c4": YEARLY,  # sub_96d4696f5b4cebdc: swapped from month to year with a pair of prorations
    "cus_01dc90750aeb595a": YEARLY,  # sub_05713d8ba9c260d8: the same, with an invoice by hand after it
}
"""What each customer is worth a month when all is known. The only other one with subscriptions, cus_ee918da7f73ca163, has the free tier."""

FREE = "cus_ee918da7f73ca163"
UNSEEN = {"sub_074e29fda73e757b", "sub_4f686c44eb40cd50", "sub_3198a9da3276d17f"}
YOUNGER = {"si_0536984187002559", "si_6917f0990861b147", "si_ae5e2c60bd69e225", "si_ec4a507b354f87ff"}
"""Items whose price was made days after their subscription, of whose invoices none was recorded."""
"""Named by recorded invoices of 2022, and recorded nowhere themselves."""


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated database of each kind."""
    made = open_engine(migrated_url)
    yield made
    made.dispose()


@pytest.fixture
def served() -> Iterator[Replay]:
    """The recordings behind an address of this machine."""
    with replay.serving() as found:
        yield found


def sync(engine: Engine, served: Replay, *, people: bool = False) -> Report:
    """What `nrr sync` does, with a real reader, and nothing left over."""

    def reader(_name: str, _live: bool | None) -> Reader:
        return Reader(Client(KEY, base=served.address, limiter=LocalLimiter(Ceilings(1e6, 1e6))), people=people)

    sources = Sources(engine, [Source("default")], reader)
    wiring = Wiring(engine, sources, lambda: datetime.now(UTC), Stop(), Terms(owner="test", threads=4), Pace())
    report = steps.sync(wiring)
    sources.close()
    assert ("done", 0, None) == (report.status, report.quarantined, report.error)
    return report


def ledgers(engine: Engine, now: int, basis: Basis = Basis()) -> dict[str, CustomerLedger]:  # noqa: B008  # a frozen value
    """Every customer's ledger as of `now`, from the stored facts."""
    with read(engine) as connection:
        deriver = Deriver({1: catalog.load(connection, 1)}, basis)
        return {g.customer: deriver.derive(g, Instant(now)) for g in read_facts.groups(connection)}


def standing(found: dict[str, CustomerLedger]) -> dict[str, int]:
    """What each customer stands at in the end, of those that are worth anything."""
    last = {name: ledger.standings[-1].net_micros for name, ledger in found.items() if ledger.standings}
    return {name: net for name, net in last.items() if net}


def moved(ledger: CustomerLedger) -> list[tuple[str, str, str, int, int]]:
    """A customer's movements: day, kind, cause, before and after."""
    return [(m.day.isoformat(), m.kind, m.cause, m.before_micros, m.after_micros) for m in ledger.movements]


def counts(engine: Engine) -> dict[str, int]:
    """How many facts are stored of what."""
    with read(engine) as connection:
        return dict(Counter(json.loads(line)["table"] for line in canonical(connection)))


# --- everything at once ------------------------------------------------------------------------------------------------------------


def test_all_recorded_objects_in_one_sync(engine: Engine, served: Replay) -> None:
    """Each object of each list is read once, and stored: thirteen subscriptions, twenty invoices with their eight lines of items."""
    report = sync(engine, served)
    lists = collected(NOW)
    assert {name: len(lists[name]) for name in ("products", "prices", "coupons", "customers", "subscriptions", "invoices")} == {
        name: count
        for name, count in report.objects.items()
        if name not in ("events", "subscriptions_canceled", "pending_items", "credit_notes")
    }
    with read(engine) as connection:
        assert set(lists["subscriptions"]) == set(connection.execute(select(subscription_state.c.subscription_id)).scalars())
        assert set(lists["invoices"]) == set(connection.execute(select(invoice.c.invoice_id)).scalars())
        lines = dict(iter(connection.execute(select(invoice_line.c.line_id, invoice_line.c.amount))))
        assert [] == quarantine.everything(connection)
    assert {
        "il_569a65634af36a2f": 4000,  # a first invoice of 2019 with its tax inside
        "il_4358214a4d2da0fb": 0,  # cycles of the free tier
        "il_eb5858cec16a3c36": 0,
        "il_60069b04447efef9": -2500,  # the month taken back
        "il_b5ca3d21cc227c29": 25000,  # and the year
        "il_04f9e9190429bbd0": -2500,
        "il_63cbc8f7f321a744": 25000,
    } == lines


def test_mrr_of_every_recorded_customer(engine: Engine, served: Replay) -> None:
    """By hand: 512.28 less a hundredth of a cent of the three yearly ones' roundings, nine customers; findings for the three unseen and four whose first price nothing shows."""
    sync(engine, served)
    found = ledgers(engine, NOW)
    assert STANDS_AT == standing(found)
    assert 512_279_999 == sum(standing(found).values())
    listed = sum(ledger.standings[-1].list_micros for ledger in found.values() if ledger.standings)
    assert 522_279_999 == listed, "the coupon of ten dollars lowers net MRR only"
    findings = {f.object_id: f.reason for ledger in found.values() for f in ledger.findings if f.reason != "history_from_invoices"}
    assert dict.fromkeys(UNSEEN, "subscription_unseen") | dict.fromkeys(YOUNGER, "price_version_unknown") == findings
    assert [] == moved(found[FREE])


def test_the_swap_from_month_to_year(engine: Engine, served: Replay) -> None:
    """25.00 a month at 18:29:11, 250.00 a year four seconds later: the pair dates the change, and the year isn't 250.00 of MRR.

    The day's one movement is new at 20.833333; without netting it is new at 25.00 and a contraction of 4.166667. Both name the lines.
    """
    sync(engine, served)
    (timeline,) = ledgers(engine, NOW)["cus_2ed936a0a42424c4"].timelines
    assert [(1762799351, 25 * USD, True), (1762799355, YEARLY, False)] == [
        (step.at, step.net_micros, step.inferred) for step in timeline.steps
    ], "the first month's invoice isn't recorded: the credit says what it was, and it is carried back to the start"
    pair = {"il_60069b04447efef9", "il_b5ca3d21cc227c29"}
    assert pair <= set(timeline.steps[1].evidence)
    for customer in ("cus_2ed936a0a42424c4", "cus_01dc90750aeb595a"):
        assert [("2025-11-10", "new", "start", 0, YEARLY)] == moved(ledgers(engine, NOW)[customer])
    assert pair <= set(ledgers(engine, NOW)["cus_2ed936a0a42424c4"].movements[0].evidence)
    apart = ledgers(engine, NOW, Basis(preset("default", netting=False)))["cus_2ed936a0a42424c4"]
    assert [("2025-11-10", "new", "start", 0, 25 * USD), ("2025-11-10", "contraction", "plan", 25 * USD, YEARLY)] == moved(apart)


def test_tax_inside_an_amount_of_old(engine: Engine, served: Replay) -> None:
    """40.00 with 5.22 of tax inside by a tax rate of the line, on a price that says nothing of tax: 34.78 beside the 20.00 of gold.

    The fixture's authors gave the subscription another item than its invoice line: what is listed in 2026 is a new one, without a line
    that says what tax is in it. It is of the same price, whose latest line says how much: nothing changes.
    """
    sync(engine, served)
    assert [("2019-06-02", "new", "start", 0, 54_780_000)] == moved(ledgers(engine, NOW)["cus_17dba57520c82b77"])


def test_movements_of_the_others(engine: Engine, served: Replay) -> None:
    """Each of them came once, on the day that its subscription started, and nothing else is known of it."""
    sync(engine, served)
    found = ledgers(engine, NOW)
    started = {
        "cus_0c970c2e0489fd83": date(2019, 6, 2),
        "cus_92fee88a65fcb212": date(2021, 4, 9),
        "cus_9503a235f41ca76c": date(2021, 4, 9),
        "cus_42d0ba4fe5b1b640": date(2021, 4, 9),
        "cus_714db9b6efb3d6be": date(2021, 4, 9),
        "cus_0e70c799220cfd2b": date(2023, 8, 21),
    }
    expected = {name: [(day.isoformat(), "new", "start", 0, STANDS_AT[name])] for name, day in started.items()}
    assert expected == {name: moved(found[name]) for name in started}
    assert {name for name, ledger in found.items() if ledger.movements} == set(STANDS_AT)


def test_a_second_sync_changes_nothing(engine: Engine, served: Replay) -> None:
    """To the byte."""
    sync(engine, served)
    with read(engine) as connection:
        before = list(canonical(connection))
    sync(engine, served)
    with read(engine) as connection:
        assert before == list(canonical(connection))


def test_names_are_stored_only_if_asked_for(engine: Engine, served: Replay) -> None:
    """By default no name and no address gets in; with `store_names` those of the recorded customers do."""
    sync(engine, served)
    assert "person" not in counts(engine)
    everyone = " ".join(canonical_of(engine))
    assert "@" not in everyone


def canonical_of(engine: Engine) -> list[str]:
    """The content, line by line."""
    with read(engine) as connection:
        return list(canonical(connection))


def test_names_are_handed_through_to_the_store(engine: Engine, served: Replay) -> None:
    """With `store_names` the recorded customers' names and addresses are stored, in their one table and nowhere else."""
    sync(engine, served, people=True)
    with read(engine) as connection:
        stored = {c: (n, e) for c, n, e in connection.execute(select(person.c.customer_id, person.c.name, person.c.email))}
    told = {
        c["id"]: (c.get("name"), c.get("email")) for c in collected(NOW)["customers"].values() if c.get("name") or c.get("email")
    }
    assert told == stored
    assert stored
    assert not [line for line in canonical_of(engine) if "@" in line and json.loads(line)["table"] != "person"]


# --- as time went by ---------------------------------------------------------------------------------------------------------------

_MOMENTS = {
    "2021-05-01": 445_613_333,  # 25 + 250 + 20.833333 + 15 + 80 + 54.78
    "2021-06-09": 445_613_333,  # the free tier came and went within three minutes
    "2022-01-21": 445_613_333,  # invoices of subscriptions that nobody recorded
    "2025-11-11": 512_279_999,  # and 25 of 2023, and the two swaps of the day before
}


def test_five_years_followed_as_they_went_by(engine: Engine, served: Replay) -> None:
    """Synced now and then over five years, the way there is by events and holes, and the figures are those of one sync in the end."""
    seen: dict[str, int] = {}
    for day, mrr in _MOMENTS.items():
        served.now = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
        served.asked.clear()
        report = sync(engine, served)
        seen[day] = report.objects.get("events", 0)
        assert mrr == sum(standing(ledgers(engine, served.now)).values()), day
    # What nobody needs for MRR (tax ids, schedules, edits of drafts) is not even asked for.
    assert {"2021-05-01": 5, "2021-06-09": 3, "2022-01-21": 4, "2025-11-11": 0} == seen
    served.now = NOW
    sync(engine, served)
    assert STANDS_AT == standing(ledgers(engine, NOW))
    with read(engine) as connection:
        types = Counter(connection.execute(select(event.c.type)).scalars())
        assert NOW - 60 == cursors.of_account(connection, 1)["events"].position
    assert {
        "customer.deleted": 1,
        "customer.updated": 1,
        "customer.subscription.updated": 1,
        "customer.subscription.created": 1,
        "customer.subscription.deleted": 1,
        "invoice.finalized": 1,
        "invoice.paid": 1,
        "invoice.voided": 1,
        "credit_note.voided": 1,
        "price.created": 1,
        "price.updated": 1,
        "product.updated": 1,
    } == types


# --- the command line --------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_commands_say_the_same(served: Replay, tmp_path: Path) -> None:
    """`nrr sync` against the recordings, and `nrr show mrr` on the last day before: 512.279999."""
    env = {
        **bare_environment(),
        "STRIPE_API_BASE": served.address,
        "STRIPE_API_KEY": KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'nrr.sqlite3'}",
    }

    def nrr(*arguments: str) -> str:
        done = in_process(*arguments, folder=tmp_path, environment=env)
        assert 0 == done.code, done.err
        assert KEY not in done.out + done.err
        return done.out

    nrr("db", "upgrade")
    assert "done" == json.loads(nrr("sync", "--json"))["status"]
    told = json.loads(nrr("show", "mrr", "--at", "2026-03-31", "--json"))
    assert ("512.279999", "522.279999", 9) == (told["mrr"], told["list_mrr"], told["customers"])
    (said,) = json.loads(nrr("show", "findings", "--reason", "other_lines", "--json"))["findings"]
    invoices = [i for i in collected(NOW)["invoices"].values() if i["status"] not in ("draft", "void")]
    charges = [(i["id"], line["amount"]) for i in invoices for line in i["lines"].get("data", ()) if is_beside(line)]
    amount = f"{sum(a for _, a in charges) / 100:.2f}"
    assert said["detail"].startswith(f"{len(charges)} charges on {len({i for i, _ in charges})} invoices, {amount} USD in all")
    assert (ACCOUNT, "one-off" in said["meaning"], "subscription" in said["next_step"]) == (said["object_id"], True, True)


def is_beside(line: dict[str, Any]) -> bool:
    """Whether a recorded line is of no subscription item."""
    parent = line.get("parent")
    if parent is None:
        return line["type"] != "subscription" and not line["proration"]
    return parent["type"] == "invoice_item_details" and not parent["invoice_item_details"]["proration"]
