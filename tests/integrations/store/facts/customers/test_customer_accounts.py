"""One customer named in two ways: by its id, and by an account that stands for it."""

from datetime import UTC, datetime
from itertools import permutations

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.facts.write import Page, put_page
from metrics.evidence import (
    Customer,
    CustomerState,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Source,
    Subscription,
    SubscriptionState,
)
from tests.integrations.store.dump import canonical

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AT = Instant(1_000)


def subscription(customer: str, at: int) -> SubscriptionState:
    """A subscription of somebody, as an event had it."""
    told = Subscription("sub_1", customer, "active", "usd", AT, AT, (Item("si_1", "price_1", 1),), customer_account="acct_c")
    return SubscriptionState(Instant(at), Source.EVENT, f"evt_{at}", told)


def invoice(customer: str) -> InvoiceEvidence:
    """An invoice of somebody with its line."""
    line = InvoiceLine("il_1", "in_1", "sub_1", "si_1", "price_1", 1, 1000, "usd", AT, Instant(2_000))
    return InvoiceEvidence(Invoice("in_1", customer, "sub_1", "paid", AT, "usd"), (line,))


PAGES = (
    Page(AT, subscriptions=[subscription("acct_c", 10)], invoices=[invoice("acct_c")]),
    Page(AT, customers=[CustomerState(AT, Source.SNAPSHOT, "", Customer("cus_1", AT, customer_account="acct_c"))]),
    Page(AT, subscriptions=[subscription("cus_1", 20)]),
    Page(AT, subscriptions=[subscription("acct_c", 30)]),
    Page(
        AT,
        invoices=[invoice("cus_1")],
        pending=[("acct_c", InvoiceLine("ii_1", "", "sub_1", "si_1", None, 1, -5, "usd", AT, AT, True))],
    ),
)


@pytest.mark.parametrize("order", list(permutations(range(5)))[::7])
def test_both_names_are_one_customer_in_whatever_order_they_came(engine: Engine, order: tuple[int, ...]) -> None:
    """All facts lie under the customer's own id, each once, and the states within say so too."""
    for number in order:
        with begin(engine) as connection:
            put_page(connection, 1, PAGES[number], NOW)
    with read(engine) as connection:
        (group,) = read_facts.groups(connection)
        dumped = "\n".join(canonical(connection, derived=False))
    assert "cus_1" == group.customer
    (member,) = group.members
    (found,) = member.subscriptions
    assert [(10, "cus_1"), (20, "cus_1"), (30, "cus_1")] == [(s.at, s.subscription.customer) for s in found.states]
    assert [("in_1", "cus_1", ["il_1"])] == [(i.head.id, i.head.customer, [x.id for x in i.lines]) for i in found.invoices]
    assert ["ii_1"] == [x.id for x in found.pending]
    reference = _dump_of(engine, dumped)
    assert reference == dumped


_DUMPS: dict[str, str] = {}


def _dump_of(engine: Engine, dumped: str) -> str:
    """What the first order left in a database of this kind."""
    return _DUMPS.setdefault(engine.dialect.name, dumped)


def test_an_account_that_nobody_explains_is_a_customer_by_itself(engine: Engine) -> None:
    """Its facts are there, under the only name that it has."""
    with begin(engine) as connection:
        stored = put_page(connection, 1, PAGES[0], NOW)
    with read(engine) as connection:
        assert ["acct_c"] == [group.customer for group in read_facts.groups(connection)]
    assert {"acct_c"} == stored.touched


def test_whoever_is_known_by_another_name_now_is_derived_again(engine: Engine) -> None:
    """Both names are marked: the old one has nothing any longer, the other has it all."""
    with begin(engine) as connection:
        put_page(connection, 1, PAGES[0], NOW)
        stored = put_page(connection, 1, PAGES[1], NOW)
    assert {"acct_c", "cus_1"} == stored.touched
