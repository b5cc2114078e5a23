"""How many customers stand behind a message's figure: what the figures don't hold, and a list that is cut short must say.

Counted in the ledger for the few figures of a night that a message is written about, and only where the list of them is full.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from metrics.alerts.grouping import Notice
from metrics.ledger.basis import Basis
from metrics.periods import Window
from metrics.retention.figures import TOP, Figures
from worker.alerts.alerting import Alerting
from worker.figures.adhoc import members_behind
from worker.figures.derived import NothingDerived

MEMBERS_BEHIND: Final = "members_behind"


def counted(connection: Connection, alerting: Alerting, notice: Notice) -> Notice:
    """The notice with the numbers of those behind its figure, where the ledger still says of the window what the figure says."""
    lead = notice.lead
    figures = None if lead.reading is None else lead.reading.figures
    if lead.reading is None or figures is None:
        return notice
    made = _with_numbers(connection, alerting.basis, figures, alerting.reporting_currency)
    return replace(notice, events=(replace(lead, reading=replace(lead.reading, figures=made)), *notice.events[1:]))


def _with_numbers(connection: Connection, basis: Basis, figures: Figures, reporting_currency: str | None) -> Figures:
    """The figures with the numbers of those behind them, where their lists are cut and the ledger still says what they say."""
    if figures.dimension or figures.kind == "day" or not _is_cut(figures):
        return figures
    window = Window(figures.kind, figures.first, figures.until)
    try:
        found = members_behind(connection, basis, window, figures.currency, reporting_currency=reporting_currency)
    except NothingDerived:
        return figures
    sums = {"gained": figures.expansion, "lost": figures.contraction + figures.churn}
    # A ledger that has moved on since would count others than those that the figure is made of.
    behind = {name: count for name, (count, micros) in found.items() if micros == sums[name]}
    return replace(figures, companions={**figures.companions, MEMBERS_BEHIND: behind})


def _is_cut(figures: Figures) -> bool:
    return any(len(figures.companions.get(name, ())) >= TOP for name in ("gained", "lost"))
