"""Removing what is personal of a customer, when somebody asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.facts.customers import erase
from integrations.store.facts.customers.erase import Forgotten
from integrations.store.work import runs
from metrics.keys import bounded
from worker.runs.removal.personal import forget_in
from worker.runs.steps import EXCLUSIVE


@dataclass(frozen=True, slots=True)
class Whose:
    """In which accounts a customer is looked for: the names of `all_accounts`, and of those that were meant with whether it is known there."""

    all_accounts: Sequence[str]
    meant: Sequence[tuple[int, str, bool]]


def look(engine: Engine, customer: str, account: str | None = None) -> Whose:
    """Where a customer (Stripe's id) is, in one account or in all: (the account's id, its name, whether anything was ever read of it)."""
    customer = bounded(customer)
    with read(engine) as connection:
        everything = accounts.everything(connection)
        meant = [row for row in everything if account in (None, row.name)]
        return Whose(
            [row.name for row in everything],
            [(row.id, row.name, erase.is_known(connection, row.id, customer)) for row in meant],
        )


def forget(engine: Engine, account: int, customer: str, *, metadata: bool = False) -> Forgotten:
    """Remove what is personal of a customer and keep it out from now on; gives what was removed. Doing it twice changes nothing.

    Raises AlreadyRunning while figures are being made: what they hold in memory would be written after it.
    """
    with begin(engine) as connection:
        run = runs.start(connection, "forget", account=account, exclusive_key=EXCLUSIVE["derive"])
        gone = forget_in(connection, account, bounded(customer), metadata=metadata)
        runs.finish(connection, run, "done", {"states": gone.states, "elsewhere": gone.elsewhere})
    return gone
