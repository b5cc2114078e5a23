"""What is personal of a customer goes on request, and stays away however often Stripe is read again."""

import threading
import zlib

from sqlalchemy import Engine, select

from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.facts.customers import customer_merge, erase
from integrations.store.facts.customers.contacts import Person, named
from integrations.store.facts.write import Page, put_page
from integrations.store.ledger.schema import attribute
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from tests.integrations.store.telling import LEARNT, customer, event, everything_in, put, rows, subscription
from tests.worker.facts import Told, derive

SECRETS = ("Ada Lovelace", "ada@example.com", "vip-secret", "sub-secret")


def told(engine: Engine) -> None:
    """A customer with everything personal that can be stored of one, and another one."""
    for name, sub, number in (("cus_a", "sub_a", 1), ("cus_b", "sub_b", 2)):
        secret = number == 1
        put(
            engine,
            customers=[customer(name, note="vip-secret" if secret else "plain")],
            subscriptions=[
                subscription(sub, name, note="sub-secret" if secret else "plain"),
                subscription(sub, name, 200, event=f"evt_{number}", quantity=2, note="sub-secret" if secret else "plain"),
            ],
            events=[event(f"evt_{number}", name, sub, 200)],
            payloads=[
                ("subscription", sub, "", Instant(100), zlib.compress(b"listed, sub-secret" if secret else b"listed")),
                (
                    "event",
                    f"evt_{number}",
                    f"evt_{number}",
                    Instant(200),
                    zlib.compress(b"sent, vip-secret" if secret else b"sent"),
                ),
            ],
            people=[Person(name, "Ada Lovelace" if secret else "Bob", "ada@example.com" if secret else "b@example.com")],
        )


def held(engine: Engine) -> set[str]:
    """The secrets that can be found anywhere."""
    found = everything_in(engine)
    return {secret for secret in SECRETS if secret in found}


def test_names_and_payloads_go_and_facts_stay(engine: Engine) -> None:
    """Of the one customer; the other keeps everything. Amounts and dates are untouched."""
    told(engine)
    states = rows(engine, "subscription_state")
    with begin(engine) as connection:
        assert erase.Forgotten(1, 2, 0) == erase.forget(connection, 1, "cus_a")
        assert erase.Forgotten(0, 0, 0) == erase.forget(connection, 1, "cus_a")
        assert [True, False, False] == [
            erase.is_known(connection, account, name) for account, name in ((1, "cus_a"), (1, "cus_typo"), (2, "cus_a"))
        ]
    assert {"vip-secret", "sub-secret"} == held(engine), "metadata was not asked for"
    assert (1, 2, states) == (rows(engine, "person"), rows(engine, "payload"), rows(engine, "subscription_state"))


def test_metadata_goes_too_if_asked(engine: Engine) -> None:
    """Nothing of it is anywhere, and the customer is derived again without it."""
    told(engine)
    with begin(engine) as connection:
        assert erase.Forgotten(1, 2, 3) == erase.forget(connection, 1, "cus_a", metadata=True)
    assert set() == held(engine)
    with read(engine) as connection:
        [group] = read_facts.groups(connection, only=["cus_a"])
    [member] = group.members
    assert ((), ()) == (member.states[0].customer.metadata, member.subscriptions[0].states[0].subscription.metadata)
    assert [1, 2] == [s.subscription.items[0].quantity for s in member.subscriptions[0].states]


def test_what_was_forgotten_stays_away(engine: Engine) -> None:
    """The same pages, and later ones, bring nothing of it back, and no new row for what is known."""
    told(engine)
    with begin(engine) as connection:
        erase.forget(connection, 1, "cus_a", metadata=True)
        erase.forget(connection, 1, "cus_a")
    before = rows(engine, "customer_state"), rows(engine, "subscription_state")
    told(engine)
    assert set() == held(engine)
    assert before == (rows(engine, "customer_state"), rows(engine, "subscription_state"))
    new = put(
        engine,
        at=900,
        customers=[customer("cus_a", 900, note="vip-secret")],
        subscriptions=[subscription("sub_a", "cus_a", 900, quantity=7, note="sub-secret")],
        payloads=[("subscription", "sub_a", "", Instant(900), b"sub-secret")],
        people=[Person("cus_a", "Ada Lovelace", "ada@example.com")],
    )
    assert (1, {"cus_a"}) == new, "the quantity is news, the same customer without metadata is not"
    assert set() == held(engine)
    assert (1, 2) == (rows(engine, "person"), rows(engine, "payload"))


def test_of_another_account_nothing_is_forgotten(engine: Engine) -> None:
    """The same id in another account is another customer."""
    told(engine)
    put(engine, 2, people=[Person("cus_a", "Eve", None)])
    with begin(engine) as connection:
        erase.forget(connection, 1, "cus_a")
    with read(engine) as connection:
        assert "Eve" == (named(connection, ["cus_a"])["cus_a"].name or "")


def test_no_ledger_keeps_its_metadata(engine: Engine) -> None:
    """Neither the one that is kept up to date nor one that was derived once on demand, nor the name by which a rule merged it."""
    account = Told(engine)
    account.catalog()
    account.customer("cus_a", company="vip-secret")
    account.customer("cus_b", company="vip-secret")
    account.subscription("cus_a")
    merged = Basis(merge_key="company")
    derive(engine, "2025-02-01")
    with begin(engine) as connection:
        erase.forget(connection, account.account, "cus_a", metadata=True)
    with read(engine) as connection:
        kept = connection.execute(select(attribute.c.customer).where(attribute.c.key == "metadata.company")).scalars().all()
    assert ["cus_b"] == kept, "gone at once, derived again or not"
    derive(engine, "2025-02-02", merged)
    with read(engine) as connection:
        assert {(1, "cus_a"): "cus_a", (1, "cus_b"): "company:vip-secret"} == customer_merge.names(
            connection, [(1, "cus_a"), (1, "cus_b")]
        )


def test_a_page_that_was_begun_before_brings_nothing_back(engine: Engine) -> None:
    """Storing and forgetting at the same time: whoever comes second waits, and what is left has nothing of the customer."""
    begun, forgotten = threading.Event(), threading.Event()

    def store() -> None:
        with begin(engine) as connection:
            put_page(connection, 1, Page(Instant(100), people=[Person("cus_a", "Ada Lovelace", None)]), LEARNT)
            begun.set()
            assert not forgotten.wait(0.5), "it waits for the page"

    def remove() -> None:
        begun.wait(5)
        with begin(engine) as connection:
            erase.forget(connection, 1, "cus_a")
        forgotten.set()

    threads = [threading.Thread(target=each) for each in (store, remove)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (True, set()) == (forgotten.is_set(), held(engine))
