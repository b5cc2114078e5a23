"""The audit: what no event told is found, repaired, counted and named; what an event explains is not called drift."""

import pytest
from sqlalchemy import Engine, select

from integrations.store.db.engine import read
from integrations.store.facts import lookups
from integrations.store.facts import read as read_facts
from integrations.store.facts.lookups import Changed
from integrations.store.facts.schema import account as account_table
from integrations.store.facts.schema import invoice
from metrics.evidence import Customer, Instant, Source
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker.ingest.audit import unexplained
from worker.ingest.plan import DAY
from worker.runs import steps

SUB_1 = Changed("subscription", "sub_1", "cus_1")


def quantity(engine: Engine, customer: str) -> int | None:
    """The quantity in the newest state held of a customer's subscription."""
    with read(engine) as connection:
        [group] = read_facts.groups(connection, only=[customer])
    newest = max(group.members[0].subscriptions[0].states, key=lambda state: (state.at, state.source))
    return newest.subscription.items[0].quantity


def test_a_change_without_event_is_healed_counted_and_named(engine: Engine, wire: Wire) -> None:
    """The sync can't see it; the audit stores what is so and says which subscription drifted; the next audit finds nothing."""
    stripe = FakeStripe()
    stripe.fill(40)
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 7_200)
    stripe.change(5, 9, seen=False)
    steps.sync(wire(default=stripe))
    assert 1 == quantity(engine, "cus_000005")
    report, [drift] = steps.audit(wire(default=stripe))
    assert "done" == report.status
    assert (1, ("sub_000005",)) == (drift.subscriptions, drift.named)
    assert 9 == quantity(engine, "cus_000005")
    stripe.now = Instant(stripe.now + 7_200)
    _, [drift] = steps.audit(wire(default=stripe))
    assert 0 == drift.subscriptions


def test_news_on_its_way_is_no_drift(engine: Engine, wire: Wire) -> None:
    """A change in the last minute has its event, which the next sync reads: the audit sees the difference and knows why."""
    stripe = FakeStripe()
    stripe.fill(40)
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 30)
    stripe.change(5, 9)
    stripe.now = Instant(stripe.now + 5)
    _, [drift] = steps.audit(wire(default=stripe))
    assert 0 == drift.subscriptions


def statuses(engine: Engine, customer: str) -> list[tuple[Instant, str]]:
    """Moment and status of every state held of a customer's subscription, in order."""
    with read(engine) as connection:
        [group] = read_facts.groups(connection, only=[customer])
    return [(state.at, state.subscription.status) for state in group.members[0].subscriptions[0].states]


def invoice_statuses(engine: Engine) -> dict[str, set[str]]:
    """Every status in which an invoice was seen."""
    out: dict[str, set[str]] = {}
    with read(engine) as connection:
        for name, status in connection.execute(select(invoice.c.invoice_id, invoice.c.status)):
            out.setdefault(name, set()).add(status)
    return out


def later(stripe: FakeStripe, seconds: int = 7_200) -> None:
    """Time goes on."""
    stripe.now = Instant(stripe.now + seconds)


def test_a_late_event_is_laid_in_its_place(engine: Engine, wire: Wire) -> None:
    """An event that appears when its moment was read already is found by the audit, with its own date, and counted as late by name."""
    stripe = FakeStripe()
    stripe.fill(12)
    steps.sync(wire(default=stripe))
    happened = Instant(stripe.now + 600)
    later(stripe)
    steps.sync(wire(default=stripe))
    late = stripe.tell(5, 9, happened)
    steps.sync(wire(default=stripe))
    assert 1 == quantity(engine, "cus_000005"), "it lies before what a sync looks at"
    _, [drift] = steps.audit(wire(default=stripe))
    assert ({"event": 1}, {"event": (late,)}) == (drift.counts, drift.others)
    with read(engine) as connection:
        [group] = read_facts.groups(connection, only=["cus_000005"])
    assert [happened] == [s.at for s in group.members[0].subscriptions[0].states if s.source == Source.EVENT]
    _, [drift] = steps.audit(wire(default=stripe))
    assert {} == drift.counts


def test_an_invoice_that_was_paid_unheard_is_found(engine: Engine, wire: Wire) -> None:
    """Old and open here, paid there: looked up by itself. New and never heard of: it stands in the list. Both are named."""
    stripe = FakeStripe()
    stripe.fill(6)
    old = stripe.bill(1, "open", created=Instant(stripe.now - 20 * DAY))
    steps.sync(wire(default=stripe))
    later(stripe)
    stripe.bill(1, "paid", created=Instant(stripe.now - 20 * DAY))
    new = stripe.bill(2, "paid", created=Instant(stripe.now - DAY))
    steps.sync(wire(default=stripe))
    assert {old: {"open"}} == invoice_statuses(engine)
    _, [drift] = steps.audit(wire(default=stripe))
    assert {old: {"open", "paid"}, new: {"paid"}} == invoice_statuses(engine)
    assert (2, {old, new}) == (drift.counts["invoice"], set(drift.others["invoice"]))


def test_a_draft_that_was_deleted_is_not_asked_for_every_night(engine: Engine, wire: Wire) -> None:
    """It is looked up once, and then known to be no more; nobody calls that drift."""
    stripe = FakeStripe()
    stripe.fill(3)
    draft = stripe.bill(1, "draft", created=Instant(stripe.now - 20 * DAY))
    steps.sync(wire(default=stripe))
    del stripe.invoices[draft]
    later(stripe)
    _, [drift] = steps.audit(wire(default=stripe))
    assert {} == drift.counts
    stripe.asked.clear()
    steps.audit(wire(default=stripe))
    assert draft not in {name for name, *_ in stripe.asked}


def test_a_customer_that_changed_unheard_is_healed(engine: Engine, wire: Wire) -> None:
    """Its metadata, which segments are made of, are as they are now, and it is named."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    later(stripe)
    stripe.customers["cus_000003"] = Customer("cus_000003", metadata=(("industry", "rail"),))
    _, [drift] = steps.audit(wire(default=stripe))
    assert ({"customer": 1}, {"customer": ("cus_000003",)}) == (drift.counts, drift.others)


def test_a_customer_that_was_deleted_is_not_asked_for_every_night(engine: Engine, wire: Wire) -> None:
    """Deleted unheard, it is looked up once and named. From then on it is known, no list is expected to have it, and nobody calls it drift."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    later(stripe)
    stripe.hidden = {"cus_000003"}
    stripe.customers["cus_000003"] = Customer("cus_000003", deleted=True, metadata_told=False)
    _, [drift] = steps.audit(wire(default=stripe))
    assert ({"customer": 1}, {"customer": ("cus_000003",)}) == (drift.counts, drift.others)
    later(stripe)
    stripe.asked.clear()
    _, [drift] = steps.audit(wire(default=stripe))
    assert {} == drift.counts
    assert "cus_000003" not in {name for name, *_ in stripe.asked}


def test_a_deleted_customer_takes_no_place_among_those_that_are_looked_up(engine: Engine, wire: Wire) -> None:
    """However many were deleted: so many at most are looked up by one audit, and these are those that go on."""
    stripe = FakeStripe()
    stripe.fill(6)
    for number in (0, 1, 2):
        stripe.customers[f"cus_{number:06d}"] = Customer(f"cus_{number:06d}", deleted=True)
    steps.sync(wire(default=stripe))
    later(stripe)
    with read(engine) as connection:
        [account] = connection.execute(select(account_table.c.id)).scalars()
        wanted = lookups.unseen(connection, account, "customer", since=stripe.now, at_most=2)
    assert [("cus_000003", "cus_000003"), ("cus_000004", "cus_000004")] == wanted


def test_a_subscription_that_no_list_has_is_looked_up_by_itself(engine: Engine, wire: Wire) -> None:
    """What can be had by its id is as it was; what Stripe doesn't know any more is gone from then on, by name, and once."""
    stripe = FakeStripe()
    stripe.fill(6)
    steps.sync(wire(default=stripe))
    later(stripe)
    stripe.hidden, stripe.gone = {"sub_000002"}, {"sub_000004"}
    _, [drift] = steps.audit(wire(default=stripe))
    assert (1, ("sub_000004",)) == (drift.subscriptions, drift.named)
    assert ["active"] == [status for _, status in statuses(engine, "cus_000002")]
    assert (stripe.now, "gone") == statuses(engine, "cus_000004")[-1]
    later(stripe)
    stripe.asked.clear()
    _, [drift] = steps.audit(wire(default=stripe))
    assert 0 == drift.total
    assert "sub_000004" not in {name for name, *_ in stripe.asked}


def test_an_audit_goes_on_where_it_stopped(engine: Engine, wire: Wire) -> None:
    """What was read before a stop is not read again, and the count at the end is of the whole audit."""
    stripe = FakeStripe()
    stripe.fill(200)
    steps.sync(wire(default=stripe))
    later(stripe)
    stripe.change(199, 7, seen=False)
    stripe.change(3, 8, seen=False)
    wiring = wire(default=stripe)

    def stop_in_the_middle(stream: str, _since: Instant | None, cursor: str | None) -> None:
        if stream == "subscriptions" and cursor and sum(each[0] == "subscriptions" and bool(each[3]) for each in stripe.asked) > 4:
            wiring.stop.request()

    stripe.before_page = stop_in_the_middle
    stripe.asked.clear()
    stopped, _ = steps.audit(wiring)
    assert "running" == stopped.status
    stripe.before_page = lambda *_: None
    report, [drift] = steps.audit(wire(default=stripe))
    assert (stopped.run_id, "done") == (report.run_id, report.status)
    assert (2, {"sub_000199", "sub_000003"}) == (drift.subscriptions, set(drift.named))
    assert sum(each[0] == "subscriptions" for each in stripe.asked) < 2 * 20, "pages of ten, none read twice but at a cut"


def test_every_request_of_an_audit_waits_for_a_turn_in_the_background(engine: Engine, wire: Wire) -> None:
    """Lists, events and single objects alike: the share of the limit is what keeps an audit from being in anybody's way."""
    stripe = FakeStripe()
    stripe.fill(25)
    stripe.bill(1, "open", created=Instant(stripe.now - 20 * DAY))
    steps.sync(wire(default=stripe))
    later(stripe)
    stripe.hidden = {"sub_000002"}
    stripe.asked.clear()
    stripe.turns = 0
    steps.audit(wire(default=stripe))
    by_plan_and_drift = 2  # the clock, and the news at the end
    assert stripe.turns >= len(stripe.asked) - by_plan_and_drift > 10


@pytest.mark.parametrize(
    ("changed", "explained", "expected"),
    [
        ([], set(), []),
        ([SUB_1], set(), [SUB_1]),
        ([SUB_1], {"sub_1"}, []),
        ([SUB_1, Changed("subscription", "sub_2", "cus_2")], {"cus_2"}, [SUB_1]),
    ],
)
def test_unexplained(changed: list[Changed], explained: set[str], expected: list[Changed]) -> None:
    """An event of the subscription or of its customer explains a difference."""
    assert expected == unexplained(changed, explained)
