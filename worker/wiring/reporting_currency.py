"""Which currency the whole book is expressed in: the one that is set, else the one that every account is paid out in."""

from worker.queries.session import common_currency
from worker.wiring.wiring import Wiring


def reporting_currency(wiring: Wiring) -> str | None:
    """The code in lower case; None when none is set and the accounts differ (or there is none yet)."""
    return wiring.reporting_currency or common_currency(wiring.engine)
