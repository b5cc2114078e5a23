"""Every kind of job that computes: deriving, rolling up, alerting. What reads Stripe is in `ingest`.

A worker does whatever is due, so it must know all kinds; here is where a new one is added.
"""

from worker import derive
from worker.jobs import Handler
from worker.wiring import Wiring


def handlers(wiring: Wiring) -> dict[str, Handler]:
    """The handlers of every kind of job that computes, for this process."""
    return {
        **derive.handlers(derive.Deriving(wiring.engine, wiring.stop, wiring.basis, wiring.now, wiring.kept)),
    }
