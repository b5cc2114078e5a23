"""Facts are stored once, read back whole, and what is derived from them does not depend on how they came."""

import random
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.db.words import bucket_of
from integrations.store.facts.catalog import load as load_catalog
from integrations.store.facts.marks import count_touched
from integrations.store.facts.read import groups
from integrations.store.facts.write import Page, put_page
from integrations.store.migrate import upgrade
from metrics.evidence import (
    Customer,
    CustomerState,
    EventFact,
    Instant,
    InvoiceEvidence,
    Source,
    SubscriptionState,
)
from tests.integrations.store.dump import canonical
from tests.metrics.life import CATALOG, Life, told

LEARNT = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = told(Path(__file__).parents[3] / "metrics" / "cases" / "lives.md")
INVOICED = [life for life in LIVES if life.invoices][:12]


def facts_of(lives: list[Life]) -> tuple[list[SubscriptionState], list[InvoiceEvidence]]:
    """The facts of several lives, each of a customer of its own."""
    from dataclasses import replace

    states, invoices = [], []
    for number, life in enumerate(lives):
        name = f"cus_{number}"
        for found in life.states.values():
            for s in found:
                subscription = replace(s.subscription, id=f"{s.subscription.id}_{number}", customer=name)
                states.append(replace(s, subscription=subscription, source_id=s.source_id and f"{s.source_id}_{number}"))
        for each in (i for group in life.invoices.values() for i in group):
            lines = tuple(
                replace(x, subscription=f"{x.subscription}_{number}", invoice=f"{x.invoice}_{number}") for x in each.lines
            )
            head = replace(each.head, id=f"{each.head.id}_{number}", customer=name)
            head = replace(head, subscription=f"{each.head.subscription}_{number}")
            invoices.append(InvoiceEvidence(head, lines))
    return states, invoices


def put(connection: Connection, states: list[SubscriptionState], invoices: list[InvoiceEvidence]) -> int:
    """Store them as one page; gives the number of new rows."""
    page = Page(
        Instant(0),
        prices=tuple(CATALOG.prices.values()),
        coupons=tuple(CATALOG.coupons.values()),
        subscriptions=tuple(states),
        invoices=tuple(invoices),
        customers=(CustomerState(Instant(5), Source.SNAPSHOT, "", Customer("cus_0", Instant(1), metadata=(("a", "b"),))),),
        events=(EventFact("evt_1", "x", Instant(3), "sub"),),
        payloads=(("event", "sub", "evt_1", Instant(3), zlib.compress(b"{}")),),
    )
    return put_page(connection, 1, page, LEARNT).new


def test_the_same_page_twice_changes_nothing(engine: Engine) -> None:
    """The second time no row is new and nobody is touched."""
    states, invoices = facts_of(INVOICED)
    with begin(engine) as connection:
        assert put(connection, states, invoices) > 0
        touched = count_touched(connection)
        before = list(canonical(connection))
    with begin(engine) as connection:
        assert put(connection, states, invoices) == 0
        assert touched == count_touched(connection)
        assert before == list(canonical(connection))


def test_order_and_paging_leave_the_same_facts(engine: Engine, tmp_path: Path) -> None:
    """Facts in one page, and shuffled in pages of three, give the same dump."""
    states, invoices = facts_of(INVOICED)
    with begin(engine) as connection:
        put(connection, states, invoices)
        whole = list(canonical(connection))
    other = open_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    upgrade(other)
    chance = random.Random(7)
    chance.shuffle(states)
    chance.shuffle(invoices)
    # A listing is dropped when it repeats what is known, so listings keep their place after the events of their object.
    states.sort(key=lambda s: s.source == Source.SNAPSHOT)
    with begin(other) as connection:
        for index in range(0, max(len(states), len(invoices)), 3):
            put(connection, states[index : index + 3], invoices[index : index + 3])
        assert whole == list(canonical(connection))
    other.dispose()


def test_what_was_stored_is_read_back_by_customer(engine: Engine) -> None:
    """Groups come in order of bucket and name, each with its own evidence, equal to what was put in; shards are disjoint and complete."""
    states, invoices = facts_of(INVOICED)
    with begin(engine) as connection:
        put(connection, states, invoices)
    with read(engine) as connection:
        found = list(groups(connection))
        assert sorted((bucket_of(g.customer), g.customer) for g in found) == [(bucket_of(g.customer), g.customer) for g in found]
        assert {s.subscription.customer for s in states} | {"cus_0"} == {g.customer for g in found}
        read_states = {s for g in found for m in g.members for e in m.subscriptions for s in e.states}
        # A listing that repeats what is known is kept as a moment at which it was seen again.
        told = {replace(s, at=moment, seen=()) for s in read_states for moment in (s.at, *s.seen)}
        assert set(states) == told
        read_lines = {x for g in found for m in g.members for e in m.subscriptions for i in e.invoices for x in i.lines}
        assert {x for i in invoices if i.head.status != "draft" for x in i.lines} == read_lines
        sharded = [g.customer for shard in range(4) for g in groups(connection, shard=(shard, 4))]
        assert [g.customer for g in found] == sharded
        assert [found[1].customer] == [g.customer for g in groups(connection, only=[found[1].customer])]
        assert load_catalog(connection, 1).prices == CATALOG.prices


def test_a_paid_invoice_takes_the_place_of_the_open_one(engine: Engine) -> None:
    """Both statuses are kept as facts; the more advanced one speaks."""
    from dataclasses import replace

    _, invoices = facts_of([next(x for x in INVOICED if {i.head.status for g in x.invoices.values() for i in g} == {"paid"})])
    opened = [replace(i, head=replace(i.head, status="open", paid_at=None)) for i in invoices]
    for first, second in ((opened, invoices), (invoices, opened)):
        with begin(engine) as connection:
            put(connection, [], first)
            put(connection, [], second)
            heads = [i.head.status for g in groups(connection) for m in g.members for e in m.subscriptions for i in e.invoices]
        assert ["paid"] * len(invoices) == heads


def test_a_naive_time_is_refused(engine: Engine) -> None:
    """A time without its zone would mean something else on another machine."""
    with pytest.raises(Exception, match="without its zone"), begin(engine) as connection:
        put_page(connection, 1, Page(Instant(0), events=(EventFact("e", "t", Instant(1), "o"),)), datetime(2026, 1, 1))  # noqa: DTZ001  # on purpose
