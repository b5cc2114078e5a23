"""What plans, products and accounts are called: asked for by whoever shows a segment, figures or none."""

from integrations.store.db.engine import read
from integrations.store.figures import labels
from worker.queries.session import Session


def names_of_segments(session: Session) -> dict[tuple[str, str], str]:
    """What plans, products and accounts are called, by dimension and segment."""
    with read(session.engine) as connection:
        return labels.load(connection)
