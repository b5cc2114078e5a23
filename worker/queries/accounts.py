"""The accounts that anything is held of."""

from dataclasses import dataclass

from integrations.store.db.engine import read
from integrations.store.facts import accounts
from worker.queries.session import Session


@dataclass(frozen=True, slots=True)
class AccountRead:
    """An account that was read: Stripe's id of it, its mode, its name in the settings, and its number in the database."""

    account: str
    livemode: bool
    name: str
    number: int


def accounts_read(session: Session) -> list[AccountRead]:
    """The accounts that anything is held of, in order of number."""
    with read(session.engine) as connection:
        return [AccountRead(row.stripe_id, row.livemode, row.name, row.id) for row in accounts.everything(connection)]
