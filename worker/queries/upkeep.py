"""What is derived and what is still to come, as every command tells it."""

from integrations.store.db.engine import read
from worker.figures import upkeep as kept
from worker.figures.upkeep import Upkeep
from worker.queries.session import Session


def upkeep(session: Session) -> Upkeep:
    """How many customers have news that no figure knows of yet, and whether figures are older than the ledger."""
    with read(session.engine) as connection:
        return kept.upkeep(connection, session.basis.version, session.now)


def waiting(session: Session) -> frozenset[str]:
    """The customers with news that no figure knows of yet, by their names in the ledger."""
    with read(session.engine) as connection:
        return kept.waiting(connection, session.basis.version, session.now)
