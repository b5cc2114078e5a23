"""Which tables a copy for a dry run has: each table of facts says so itself."""

from sqlalchemy import Table

from integrations.store.copy import TABLES
from integrations.store.facts import schema


def test_a_copy_has_what_figures_rest_on_and_nothing_personal() -> None:
    """Facts and how far they reach; not what Stripe sent, no names, no work that is still to be done."""
    expected = {
        *("account", "catalog", "customer_state", "subscription_state", "invoice", "invoice_line", "event", "rate"),
        *("member", "customer_account", "forgotten", "unconfirmed", "cursor"),
        *("other_line", "credit_note", "credit_note_line"),
    }
    assert expected == {table.name for table in TABLES}


def test_every_table_of_facts_says_whether_a_copy_has_it() -> None:
    """A table that says nothing would be missing from dry runs without anybody having decided so."""
    assert [] == [t.name for t in vars(schema).values() if isinstance(t, Table) and "copied" not in t.info]
