"""A subscription that is told of another customer than before: it lies whole under the last one, whatever came first."""

from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import lookups
from integrations.store.facts import read as read_facts
from integrations.store.facts.write import Page, put_page
from metrics.evidence import CreditedLine, CreditNote, Instant, Totals
from tests.integrations.store.dump import canonical
from tests.integrations.store.telling import LEARNT, invoice, put, rows, subscription

Held = dict[str, dict[str, tuple[list[tuple[int, str]], list[str]]]]


def held(engine: Engine) -> Held:
    """By customer and subscription the states (moment, and the customer that each tells) and the invoices."""
    with read(engine) as connection:
        return {
            group.customer: {
                e.subscription: ([(s.at, s.subscription.customer) for s in e.states], [i.head.id for i in e.invoices])
                for e in member.subscriptions
            }
            for group in read_facts.groups(connection)
            for member in group.members
        }


def test_the_newest_telling_owns_it(engine: Engine) -> None:
    """States and invoices are the last customer's alone, each state says still whose it was, and both customers are derived again."""
    put(engine, subscriptions=[subscription("sub_1", "cus_a", 100)], invoices=[invoice("in_1", "cus_a", lines=2)])
    found = put(engine, subscriptions=[subscription("sub_1", "cus_b", 200)])
    assert {"cus_a", "cus_b"} == found[1]
    assert {"cus_b": {"sub_1": ([(100, "cus_a"), (200, "cus_b")], ["in_1"])}} == held(engine)


def test_an_older_telling_that_comes_late_takes_nothing_back(engine: Engine) -> None:
    """An event of the time before lies under the owner of today."""
    put(engine, subscriptions=[subscription("sub_1", "cus_b", 200)])
    put(engine, subscriptions=[subscription("sub_1", "cus_a", 100, event="evt_1")], invoices=[invoice("in_1", "cus_a")])
    assert {"cus_b": {"sub_1": ([(100, "cus_a"), (200, "cus_b")], ["in_1"])}} == held(engine)


def test_an_invoice_that_is_told_of_both_is_held_once(engine: Engine) -> None:
    """Told of the first customer, of the second, and of the first again after the subscription has moved: one invoice with its lines."""
    put(engine, subscriptions=[subscription("sub_1", "cus_a", 100)], invoices=[invoice("in_1", "cus_a", lines=2)])
    put(engine, invoices=[invoice("in_1", "cus_b", lines=2)])
    put(engine, subscriptions=[subscription("sub_1", "cus_b", 200)])
    put(engine, invoices=[invoice("in_1", "cus_a", lines=2)])
    assert (1, 2) == (rows(engine, "invoice"), rows(engine, "invoice_line"))
    assert ["in_1"] == held(engine)["cus_b"]["sub_1"][1]


def test_what_else_the_customer_has_stays(engine: Engine) -> None:
    """Another subscription, an invoice about both of them, and a waiting line of the other."""
    both = invoice("in_both", "cus_a", lines=2)
    both = replace(
        both, head=replace(both.head, subscription=None), lines=(both.lines[0], replace(both.lines[1], subscription="sub_2"))
    )
    waiting = [("cus_a", replace(invoice("", "cus_a", of=each).lines[0], id=f"ii_{each}")) for each in ("sub_1", "sub_2")]
    states = [subscription("sub_1", "cus_a", 100), subscription("sub_2", "cus_a", 100)]
    put(engine, subscriptions=states, invoices=[both, invoice("in_2", "cus_a", of="sub_2")], pending=waiting)
    put(engine, subscriptions=[subscription("sub_1", "cus_b", 200)])
    found = held(engine)
    assert ([(100, "cus_a")], ["in_2", "in_both"]) == (found["cus_a"]["sub_2"][0], sorted(found["cus_a"]["sub_2"][1]))
    assert ([(100, "cus_a"), (200, "cus_b")], []) == found["cus_b"]["sub_1"]
    with read(engine) as connection:
        by_customer = {m.customer: m for g in read_facts.groups(connection) for m in g.members}
    assert ["ii_sub_1"] == [line.id for s in by_customer["cus_b"].subscriptions for line in s.pending]


def test_credit_notes_go_with_their_invoice(engine: Engine) -> None:
    """And the day of each has news."""
    note = CreditNote("cn_1", "cus_a", "in_1", "issued", Instant(90), "usd", Totals(5), (CreditedLine("cnl_1", "il_in_1_0", 5),))
    put(engine, subscriptions=[subscription("sub_1", "cus_a", 100)], invoices=[invoice("in_1", "cus_a")], credit_notes=[note])
    put(engine, subscriptions=[subscription("sub_1", "cus_b", 200)])
    with read(engine) as connection:
        whole = list(canonical(connection))
    assert 2 == sum('"table": "credit_note' in line and "cus_b" in line for line in whole)
    assert not any('"table": "credit_note' in line and "cus_a" in line for line in whole)


def test_of_two_tellings_of_one_moment_the_greater_is_kept(engine: Engine) -> None:
    """Whichever is first, on one page or on two."""
    one, other = subscription("sub_1", "cus_a", 100), subscription("sub_1", "cus_b", 100)
    for pages in ([[one], [other]], [[other], [one]], [[one, other]], [[other, one]]):
        for page in pages:
            put(engine, subscriptions=page)
        assert {"cus_b": {"sub_1": ([(100, "cus_b")], [])}} == held(engine)
        with begin(engine) as connection:
            connection.exec_driver_sql("DELETE FROM subscription_state")


def test_other_accounts_are_not_looked_at(engine: Engine) -> None:
    """Two accounts may have an object of the same id."""
    put(engine, subscriptions=[subscription("sub_1", "cus_a", 100)])
    put(engine, account=2, subscriptions=[subscription("sub_1", "cus_b", 200)])
    assert {"cus_a", "cus_b"} == set(held(engine))


def test_back_again(engine: Engine) -> None:
    """Told of the first customer again it is that one's, with all that was told in between."""
    for at, owner in ((100, "cus_a"), (200, "cus_b"), (300, "cus_a")):
        put(engine, subscriptions=[subscription("sub_1", owner, at)])
    assert {"cus_a": {"sub_1": ([(100, "cus_a"), (200, "cus_b"), (300, "cus_a")], [])}} == held(engine)
    with read(engine) as connection:
        assert [(1, "cus_a")] == lookups.customers_of(connection, "sub_1")


PAGES = (
    Page(Instant(1), subscriptions=[subscription("sub_1", "cus_a", 100)]),
    Page(Instant(1), subscriptions=[subscription("sub_1", "cus_a", 150)]),
    Page(Instant(1), subscriptions=[subscription("sub_1", "cus_b", 200, event="evt_1", quantity=2)]),
    Page(Instant(1), subscriptions=[subscription("sub_1", "cus_b", 300, quantity=2)], invoices=[invoice("in_2", "cus_b")]),
    Page(Instant(1), invoices=[invoice("in_1", "cus_a")]),
)


@pytest.mark.parametrize("order", list(permutations(range(5)))[::11])
def test_the_order_in_which_it_is_told_changes_nothing(engine: Engine, order: tuple[int, ...]) -> None:
    """The same facts in the end, under one customer."""
    for number in order:
        with begin(engine) as connection:
            put_page(connection, 1, PAGES[number], LEARNT)
    states, invoices = held(engine)["cus_b"]["sub_1"]
    assert [(100, "cus_a"), (200, "cus_b")] == states
    assert ["in_1", "in_2"] == sorted(invoices)
    assert ["cus_b"] == list(held(engine))
