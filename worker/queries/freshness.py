"""How fresh the numbers are. What `nrr runs`, the health check and the Prometheus endpoint show is this, and what they call it is health's."""

from worker.health import freshness as health
from worker.health.freshness import Freshness
from worker.queries.session import Session


def freshness(session: Session) -> Freshness:
    """Ages in seconds by the database's clock (None: never), the backlog, and what is quarantined, underived or had drifted."""
    return health.gather(session.engine)
