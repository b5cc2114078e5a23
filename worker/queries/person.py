"""All that is held of one customer, for whoever asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.store.db.engine import read
from integrations.store.facts import accounts
from integrations.store.facts.customers import erase
from integrations.store.facts.customers import held as store
from metrics.keys import bounded
from worker.queries.session import Session


@dataclass(frozen=True, slots=True)
class Held:
    """What one account's tables hold of a customer, by table."""

    account: str
    rows: Mapping[str, list[dict[str, Any]]]

    @property
    def metadata(self) -> dict[str, list[str]]:
        """Every value that the customer's metadata, or those of its subscriptions, were ever seen with, by key."""
        found: dict[str, set[str]] = {}
        for table in ("customer_state", "subscription_state"):
            for row in self.rows.get(table, ()):
                for key, value in row["body"].get("metadata") or ():
                    found.setdefault(str(key), set()).add(str(value))
        return {key: sorted(values) for key, values in sorted(found.items())}


def held_of(session: Session, customer: str, unpack: Callable[[bytes], bytes], account: str | None = None) -> list[Held]:
    """What is held of a Stripe customer, in each account that knows it (or in one by its name); what Stripe sent is unpacked by `unpack`."""
    customer = bounded(customer)
    with read(session.engine) as connection:
        return [
            Held(row.name, store.held(connection, row.id, customer, unpack))
            for row in accounts.everything(connection)
            if account in (None, row.name) and erase.is_known(connection, row.id, customer)
        ]
