"""Names and addresses: the newest of each, by Stripe's id or by the name in the ledger."""

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts.customers import contacts, customer_merge
from integrations.store.facts.customers.contacts import Person
from metrics.evidence import Instant


def test_the_newest_is_kept_whatever_comes_last(engine: Engine) -> None:
    """An older sighting changes nothing, one of the same second does, and of two in one page the last counts."""
    with begin(engine) as connection:
        contacts.put(connection, 1, [Person("cus_a", "Old", "o@x.org"), Person("cus_a", "New", None)], Instant(100))
        contacts.put(connection, 1, [Person("cus_a", "Older", None)], Instant(99))
        assert {"cus_a": Person("cus_a", "New", None)} == contacts.named(connection, ["cus_a", "cus_z"])
        contacts.put(connection, 1, [Person("cus_a", "Same", "s@x.org")], Instant(100))
        assert {"cus_a": Person("cus_a", "Same", "s@x.org")} == contacts.named(connection, ["cus_a"])
        contacts.put(connection, 1, [], Instant(200))


def test_a_merged_customer_is_called_by_its_first_part(engine: Engine) -> None:
    """By the name in the ledger the first Stripe customer (by account, then id) that has a name speaks; each is still found by its id."""
    with begin(engine) as connection:
        customer_merge.assign(connection, {(2, "cus_a"): "company:acme", (1, "cus_b"): "company:acme"})
        contacts.put(connection, 2, [Person("cus_a", "Second", None)], Instant(1))
        contacts.put(connection, 1, [Person("cus_b", "First", None)], Instant(1))
    with read(engine) as connection:
        found = contacts.named(connection, ["company:acme", "cus_a"])
    assert {"company:acme": "First", "cus_a": "Second"} == {name: person.name for name, person in found.items()}


def test_what_no_database_takes_is_replaced(engine: Engine) -> None:
    """NUL and half a surrogate pair in a name do no harm."""
    with begin(engine) as connection:
        contacts.put(connection, 1, [Person("cus_a", "A\x00da", "\ud800@x.org")], Instant(1))
        assert Person("cus_a", "A\ufffdda", "\ufffd@x.org") == contacts.named(connection, ["cus_a"])["cus_a"]
