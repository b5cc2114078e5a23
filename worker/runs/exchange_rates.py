"""Fetching the European Central Bank's rates: what the nightly run does before figures are made, and `nrr rates fetch` at once.

The network is asked outside of any transaction. What can't be had is said, in the log and wherever old rates are used; it ends nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from integrations.rates.download import RatesUnavailable, download
from integrations.rates.quotes import ECB, BadRates
from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.work import jobs
from integrations.store.work.jobs import Job
from integrations.web import Web
from worker.execution.crew import Handler
from worker.execution.job_data import JobData, Nothing
from worker.execution.log import logger
from worker.figures import exchange_rates, rates_needed
from worker.figures.exchange_rates import Refreshed
from worker.wiring.outgoing import outgoing
from worker.wiring.reporting_currency import reporting_currency
from worker.wiring.wiring import Wiring

log = logger(__name__)

JOBS: Final[Mapping[str, type[JobData]]] = {"rates": Nothing}
"""Every kind of job here with what it is given."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a look at the address came to: rates that are new or different, the last day that is held now, and why nothing came, if so."""

    changed: int = 0
    through: date | None = None
    why_not: str | None = None


def handlers(wiring: Wiring) -> dict[str, Handler]:
    """The kinds of jobs that fetch rates."""
    return {"rates": partial(do_fetch, wiring)}


def is_on(wiring: Wiring) -> bool:
    """Whether rates are fetched at all: not where they are the user's own, nor where that is switched off."""
    return _address(wiring) is not None


def do_fetch(wiring: Wiring, job: Job) -> None:
    """Fetch as a job. That nothing could be had is no failure of it."""
    if is_on(wiring):
        fetched = fetch(wiring)
        if fetched.why_not is not None:
            log.warning("rates_not_fetched", error=fetched.why_not)
    with begin(wiring.engine) as connection:
        jobs.finish(connection, job)


def fetch(wiring: Wiring) -> Fetched:
    """Fetch the history and keep what the ledger needs of it. Nothing is asked where everything is paid in the reporting currency."""
    address, home, basis = _address(wiring), reporting_currency(wiring), wiring.basis.version
    if address is None or home is None or wiring.settings is None:
        return Fetched(why_not="no address is set to fetch rates from" if address is None else "no reporting currency is set")
    with read(wiring.engine) as connection:
        moment = now(connection)
        if not rates_needed.is_needed(connection, basis, home):
            return Fetched()
    try:
        quotes = download(address, moment.date(), Web(outgoing(wiring.settings)), wiring.stop.sleep)
    except (RatesUnavailable, BadRates) as error:
        return Fetched(why_not=str(error))
    with begin(wiring.engine) as connection:
        kept: Refreshed = exchange_rates.keep(connection, basis, quotes, ECB, home, now(connection))
    return Fetched(kept.changed, kept.through)


def _address(wiring: Wiring) -> str | None:
    """Where rates are fetched from; None where a file of one's own has them, where that is off, or without settings."""
    settings = wiring.settings
    return None if settings is None or settings.rates != ECB or settings.rates_url == "off" else settings.rates_url
