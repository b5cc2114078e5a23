"""What plans, products and accounts are called, out of what Stripe lists and the installation's own names."""

from sqlalchemy import Connection

from integrations.store.facts import accounts, catalog
from metrics.labels import ACCOUNT, names_of


def words_of(connection: Connection) -> dict[tuple[str, str], str]:
    """The words by dimension and segment, as everything that was read so far has them."""
    out: dict[tuple[str, str], str] = {}
    for row in accounts.everything(connection):
        out |= dict(names_of(catalog.load(connection, row.id)))
        out[ACCOUNT, str(row.id)] = row.name
    return out
