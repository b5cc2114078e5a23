"""Past one machine: each table that grows with the customers can be spread by the bucket of its customers, and what can't be is named."""

from sqlalchemy import UniqueConstraint

from integrations.store.tables import metadata

BY_ID = {
    "customer_account": "one row a shared customer of a connected account; found by it",
    "member": "one row a joined customer; found by it",
    "person": "one row a customer, where names are kept; found by it",
    "forgotten": "one row a customer that was forgotten",
    "unconfirmed": "customers that wait for a listing; emptied by each",
    "restatement": "customers behind closed months that changed; found by run",
    "event": "found by its id, joined with nothing",
    "touched": "customers to be derived again; emptied by each derivation",
}
"""What names customers without their bucket, and why nothing is lost by it."""


def test_what_grows_with_the_customers_carries_their_bucket() -> None:
    """In its primary key, so that a row's place is known from its customer, joins of one customer stay in one place, and PostgreSQL can cut
    the table by it."""
    naming = {t.name for t in metadata.sorted_tables if {"customer", "customer_id"} & set(t.columns.keys())}
    spread = {t.name for t in metadata.sorted_tables if "bucket" in t.primary_key.columns}
    assert naming - spread == set(BY_ID)
    assert {"standing", "movement", "invoice", "invoice_line", "subscription_state", "customer_state", "snapshot"} <= spread
    for name in sorted(spread):
        table = metadata.tables[name]
        held = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        assert all("bucket" in each.columns for each in held), f"{name}: a unique rule across buckets can't be cut"
