"""MRR, NRR and GRR for Prometheus, from stored figures: what a board of an operator shows beside freshness.

Nothing is computed at a scrape: it costs a few short queries, and figures that aren't there are left out.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from metrics.money import MICROS_PER_MAJOR
from worker.execution.log import logger
from worker.queries.session import Session

if TYPE_CHECKING:
    from metrics.retention.figures import Figures

log = logger(__name__)

WINDOWS: Final = ("month", "trailing_12")
"""The windows whose rates are told: the last complete one of each."""
RATES: Final = {
    "nrr": ("nrr_net_revenue_retention_ratio", "NRR of the last complete window (1.05 is 105 %)."),
    "grr": ("nrr_gross_revenue_retention_ratio", "GRR of the last complete window."),
    "logo_retention": ("nrr_logo_retention_ratio", "Share of customers kept in the last complete window."),
}
_LABELS: Final = ("policy", "window", "currency", "whole_book")


class FiguresCollector(Collector):
    """Looks at the stored figures whenever it is asked."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment; none where nothing is derived yet, or the database is away (`nrr_up` tells that)."""
        from worker.figures.derived import NothingDerived
        from worker.queries.figures import stored

        try:
            found = [f for kind in (*WINDOWS, "month_to_date") for f in stored(self._session, kind=kind, dimension="")]
        except NothingDerived:
            return
        except SQLAlchemyError as error:
            log.warning("figures_not_read", error=type(error).__name__)
            return
        yield from metrics_of(found, self._session.basis.policy.name)

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not touch the database."""
        return iter(())


class BuildCollector(Collector):
    """Which version runs, as labels of a 1: beside any other metric it tells what changed with an upgrade."""

    def __init__(self, schema: str) -> None:
        self._schema = schema

    def collect(self) -> Iterator[Metric]:
        """One sample."""
        told = GaugeMetricFamily("nrr_build_info", "What runs: 1, with versions as labels.", labels=("version", "python", "schema"))
        told.add_metric((version("nrr"), python_version(), self._schema), 1)
        yield told


def metrics_of(found: "Sequence[Figures]", policy: str) -> Iterator[Metric]:
    """Figures of the whole book, and of what is billed in each currency, in Prometheus's words. MRR is that of the latest closing that is stored, be
    its month over or not; rates are those of the last window of each kind that is complete, and left out where they are null."""
    from metrics.retention.figures import rates

    mrr = GaugeMetricFamily(
        "nrr_mrr", "MRR at the latest stored closing, in major units.", labels=("policy", "currency", "whole_book")
    )
    customers = GaugeMetricFamily("nrr_customers", "Customers with MRR then.", labels=("policy", "currency", "whole_book"))
    for f in _latest([each for each in found if each.kind != "trailing_12"], by_kind=False):
        labels = (policy, f.code, str(f.whole_book).lower())
        mrr.add_metric(labels, float(Fraction(f.closing, MICROS_PER_MAJOR)))
        customers.add_metric(labels, f.closing_customers)
    yield mrr
    yield customers
    gauges = {name: GaugeMetricFamily(metric, words, labels=_LABELS) for name, (metric, words) in RATES.items()}
    ends = GaugeMetricFamily("nrr_window_end_seconds", "When the last complete window of a kind was over (epoch).", labels=_LABELS)
    for f in _latest([each for each in found if each.kind in WINDOWS and not each.incomplete], by_kind=True):
        labels_of = (policy, f.kind, f.code, str(f.whole_book).lower())
        values = rates(f)
        for name, gauge in gauges.items():
            value = values.get(name)
            if value is not None:
                gauge.add_metric(labels_of, float(value))
        ends.add_metric(labels_of, (f.until - date(1970, 1, 1)).days * 86_400)
    yield from gauges.values()
    yield ends


def _latest(found: "Sequence[Figures]", *, by_kind: bool) -> "list[Figures]":
    """The last window of each currency, or of each kind and currency."""
    last: dict[tuple[str, str], Figures] = {}
    for f in found:
        key = (f.kind if by_kind else "", f.currency)
        if key not in last or (f.until, f.kind) > (last[key].until, last[key].kind):
            last[key] = f
    return [last[key] for key in sorted(last)]
