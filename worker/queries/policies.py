"""What another policy would say of the same facts."""

from datetime import date

from integrations.store.db.engine import read
from integrations.store.facts import accounts, catalog
from integrations.store.facts import read as read_facts
from metrics.ledger.basis import Basis
from metrics.ledger.policy_bridge import Bridge
from metrics.ledger.policy_bridge import compare as compared
from worker.queries.session import Session


def policy_bridge(session: Session, ours: Basis, theirs: Basis, day: date) -> Bridge:
    """MRR at the closing of a day from one policy to the other, rule by rule and customer by customer, made from the evidence on the way."""
    with read(session.engine) as connection:
        catalogs = {row.id: catalog.load(connection, row.id) for row in accounts.everything(connection)}
        return compared(read_facts.groups(connection), catalogs, ours, theirs, day, session.now)
