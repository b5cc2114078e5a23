"""Evidence is read back customer by customer: in whatever shards, by name or all together, always the same and always whole."""

import random

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.db.words import bucket_of
from integrations.store.facts import read as read_facts
from integrations.store.facts.customers import customer_merge
from metrics.evidence import CustomerGroup
from tests.integrations.store.telling import customer, invoice, put, rows, subscription


def population(engine: Engine, seed: int) -> None:
    """Customers with any part of the evidence, some of two accounts, some one by a rule, and one invoice of nobody."""
    chance = random.Random(seed)
    for account in (1, 2):
        names = [f"cus_{chance.randrange(60)}" for _ in range(40)]
        put(
            engine,
            account,
            customers=[customer(n, x=str(account)) for n in set(names) if chance.random() < 0.6],
            subscriptions=[subscription(f"sub_{account}_{n}", n) for n in set(names) if chance.random() < 0.7],
            invoices=[
                *(invoice(f"in_{account}_{i}", n, of=f"sub_{account}_{n}", lines=i % 3) for i, n in enumerate(names)),
                invoice(f"in_{account}_nobody", None),
            ],
        )
    with begin(engine) as connection:
        given = {(1 + n % 2, f"cus_{n}"): f"g:{n % 4}" for n in range(0, 60, 5)}
        customer_merge.assign(connection, given)


def test_shards_names_and_all_agree(engine: Engine) -> None:
    """Every customer once, in order of bucket and name; nobody without a name."""
    population(engine, 3)
    with read(engine) as connection:
        everybody = list(read_facts.groups(connection))
        assert everybody == [g for shard in range(7) for g in read_facts.groups(connection, shard=(shard, 7))]
        assert everybody == list(read_facts.groups(connection, only=[g.customer for g in everybody]))
        order = [(bucket_of(g.customer), g.customer) for g in everybody]
    assert sorted(set(order)) == order
    assert "" not in {g.customer for g in everybody}
    merged = [g for g in everybody if g.customer.startswith("g:")]
    assert any(len(g.members) > 1 for g in merged)
    assert not {m.customer for g in merged for m in g.members if m.account == 1} & {
        m.customer for g in everybody if not g.customer.startswith("g:") for m in g.members if m.account == 1
    }


def test_nothing_is_lost_on_the_way(engine: Engine) -> None:
    """As many states, invoices and lines come out as are stored, but for those of nobody."""
    population(engine, 4)
    with read(engine) as connection:
        everybody = list(read_facts.groups(connection))
    of = [m for g in everybody for m in g.members]
    bills = [b for m in of for s in m.subscriptions for b in s.invoices]
    assert rows(engine, "customer_state") == sum(len(m.states) for m in of)
    assert rows(engine, "subscription_state") == sum(len(s.states) for m in of for s in m.subscriptions)
    assert rows(engine, "invoice") - 2 == len(bills)
    assert rows(engine, "invoice_line") - 2 == sum(len(b.lines) for b in bills)


def test_an_invoice_of_two_subscriptions_is_evidence_of_both(engine: Engine) -> None:
    """Each has its own lines and the head; lines come in order of id."""
    from dataclasses import replace

    bill = invoice("in_1", "cus_a", of="sub_1", lines=2)
    other = tuple(replace(line, id=f"{line.id}x", subscription="sub_2") for line in bill.lines)
    put(engine, invoices=[replace(bill, lines=(*other, *reversed(bill.lines)))])
    with read(engine) as connection:
        [group] = read_facts.groups(connection)
    [member] = group.members
    assert [("sub_1", ["il_in_1_0", "il_in_1_1"]), ("sub_2", ["il_in_1_0x", "il_in_1_1x"])] == [
        (s.subscription, [line.id for line in s.invoices[0].lines]) for s in member.subscriptions
    ]
    assert all(s.states == () and s.invoices[0].head == bill.head for s in member.subscriptions)


def test_the_last_status_of_an_invoice_speaks(engine: Engine) -> None:
    """Whatever came last; a status that nobody knows yet is more than a draft."""
    for order in (["draft", "open", "uncollectible", "paid"], ["paid", "uncollectible", "open"], ["draft", "in_dispute"]):
        name = f"in_{'_'.join(order)}"
        for status in order:
            put(engine, invoices=[invoice(name, "cus_a", status=status, of=name)])
    with read(engine) as connection:
        [group] = read_facts.groups(connection)
    assert {"in_dispute", "paid"} == {s.invoices[0].head.status for s in group.members[0].subscriptions}


def test_reading_can_be_given_up_in_the_middle(engine: Engine) -> None:
    """Whoever takes only the first customer leaves the connection usable."""
    population(engine, 5)
    with read(engine) as connection:
        first: CustomerGroup = next(iter(read_facts.groups(connection)))
        assert [first] == list(read_facts.groups(connection, only=[first.customer]))
        assert read_facts.count_customers(connection) > 10
