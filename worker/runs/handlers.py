"""Every kind of job that computes: deriving, rolling up, alerting. What reads Stripe is in `ingest`.

A worker does whatever is due, so it must know all kinds; here is where a new one is added.
"""

from dataclasses import replace
from functools import partial

from worker.alerts.addressed import addressed
from worker.alerts.alerting import Alerting
from worker.alerts.deliver import do_send
from worker.alerts.evaluate import do_evaluate
from worker.execution.crew import Handler
from worker.figures import derive, rollup
from worker.figures.jobs import SNAPSHOT_MONTHS
from worker.figures.rollup import Rolling
from worker.report import scheduled
from worker.runs import exchange_rates
from worker.runs.removal import cleanup
from worker.wiring.channels import open_alerting
from worker.wiring.reporting_currency import reporting_currency
from worker.wiring.wiring import Wiring


def handlers(wiring: Wiring) -> dict[str, Handler]:
    """The handlers of every kind of job that computes, for this process."""
    return {
        **derive.handlers(
            derive.Deriving(wiring.engine, wiring.stop, wiring.basis, wiring.now, wiring.kept, wiring.reporting_currency)
        ),
        **rollup.handlers(rolling(wiring)),
        **cleanup.handlers(wiring.engine, wiring.settings),
        **exchange_rates.handlers(wiring),
        **_alerting(wiring),
        **_reporting(wiring),
    }


def _alerting(wiring: Wiring) -> dict[str, Handler]:
    """Alerts are for an installation, which has settings; a wiring that was made by hand has none."""
    return {} if wiring.settings is None else alerting_handlers(open_alerting(wiring, wiring.settings))


def _reporting(wiring: Wiring) -> dict[str, Handler]:
    """Reports are for an installation that has said where to."""
    if wiring.settings is None or wiring.settings.report is None:
        return {}
    settings, alerting = wiring.settings, open_alerting(wiring, wiring.settings)
    reporting = scheduled.Reporting(
        wiring.engine,
        lambda now: wiring.session if now is None else replace(wiring.session, now=now),
        wiring.settings.report,
        names=settings.store_names,
        channels=addressed(alerting.watch, (), alerting.channels),
        digests=alerting.watch.digests,
    )
    return {scheduled.KIND: partial(scheduled.do_reports, reporting)}


def alerting_handlers(alerting: Alerting) -> dict[str, Handler]:
    """The kinds of jobs that alert."""
    return {"alerts_evaluate": partial(do_evaluate, alerting), "alerts_send": partial(do_send, alerting)}


def rolling(wiring: Wiring) -> Rolling:
    """What figures are made for, as it is set."""
    return Rolling(
        wiring.engine,
        wiring.stop,
        wiring.basis,
        kept=wiring.kept,
        dimensions=wiring.dimensions,
        reporting_currency=reporting_currency(wiring),
        rates=wiring.settings.rates if wiring.settings is not None else None,
        freeze_closed=wiring.settings.freeze_closed_months if wiring.settings is not None else False,
        snapshot_months=wiring.settings.snapshot_months if wiring.settings is not None else SNAPSHOT_MONTHS,
    )
