"""What is derived and what is still to come, as every command tells it."""

from integrations.store.db.engine import read
from worker.figures import outstanding as kept
from worker.figures.outstanding import Outstanding
from worker.queries.session import Session


def outstanding(session: Session) -> Outstanding:
    """How many customers have news that no figure knows of yet, and whether figures are older than the ledger."""
    with read(session.engine) as connection:
        return kept.outstanding(connection, session.basis.version, session.now)


def waiting(session: Session) -> frozenset[str]:
    """The customers with news that no figure knows of yet, by their names in the ledger."""
    with read(session.engine) as connection:
        return kept.waiting(connection, session.basis.version, session.now)
