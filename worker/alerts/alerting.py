"""What alerting is opened with; apart from the evaluation, because whoever only lists alerts makes no figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from metrics.alerts.rules import Watch
from metrics.ledger.basis import Basis
from worker.config.reports import ReportTable

if TYPE_CHECKING:
    from integrations.notify.delivery import Channel


@dataclass(frozen=True, slots=True)
class Alerting:
    """What alerting needs. `channels` are those that are set up, by name. `clock` is asked by jobs that are not told the time; in
    `reporting_currency` are the amounts of rules on single movements; `reports` are what the digest speaks of."""

    engine: Engine
    basis: Basis
    watch: Watch
    clock: Callable[[], datetime]
    channels: "Mapping[str, Channel]" = field(default_factory=dict)
    reporting_currency: str | None = None
    reports: ReportTable | None = None
