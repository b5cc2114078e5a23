"""Which currency the whole book is expressed in: the one that is set, else the one that every account is paid out in."""

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integrations.store.db.engine import read
from integrations.store.facts import accounts
from worker.runs.wiring import Wiring


def reporting_currency(wiring: Wiring) -> str | None:
    """The code in lower case; None when none is set and the accounts differ (or there is none yet)."""
    return wiring.reporting_currency or _of_accounts(wiring.engine)


def _of_accounts(engine: Engine) -> str | None:
    try:
        with read(engine) as connection:
            found = {row.default_currency for row in accounts.everything(connection)}
    except SQLAlchemyError:
        return None  # a database that isn't migrated yet is told by whoever needs it
    return found.pop() if len(found) == 1 else None
