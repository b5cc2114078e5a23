"""Nights of a simulated business: read over HTTP, derived, rolled up and alerted by the nightly run, against a naive reading of the rules.

The slow test lives through a year of nights; the quick one looks at a few of them.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.alerts import alerts
from integrations.store.alerts import outbox as posts
from integrations.store.db.engine import read
from metrics.periods import add_months
from metrics.retention.figures import Figures, ratio
from tests.integrations.notify.slack_server import SlackServer
from worker.config.load import isolated
from worker.figures.adhoc import figures_now
from worker.runs import nightly
from worker.wiring.wiring import Wiring, open_wiring

FIRST = date(2025, 3, 2)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack on loopback."""
    with SlackServer() as running:
        yield running


class Naive:
    """Two rules by what is measured, by hand: bad below the limit, over when half a point back, quiet for three days after that."""

    def __init__(self) -> None:
        self.firing = {"nrr-below-100": False, "grr-drop": False}
        self.quiet_until = dict.fromkeys(self.firing, date.min)
        self.changes: list[tuple[date, str, str]] = []

    def night(self, day: date, wiring: Wiring) -> None:
        """What must have changed on this night, from figures that are made anew of the ledger: a window stands a day after its end."""
        before_grace = day - timedelta(days=1)
        this = date(before_grace.year, before_grace.month, 1)
        year, month, before = (
            self._whole(wiring, kind, first, until)
            for kind, first, until in (
                ("trailing_12", add_months(this, -12), this),
                ("month", add_months(this, -1), this),
                ("month", add_months(this, -2), add_months(this, -1)),
            )
        )
        values: dict[str, tuple[Fraction, Fraction]] = {}
        if year.opening_customers >= 10 and year.opening > 0:
            values["nrr-below-100"] = (Fraction(year.closing_of_cohort, year.opening), Fraction(1))
        grr, last = ratio(month, "grr"), ratio(before, "grr")
        if month.opening_customers >= 10 and grr is not None and last is not None:
            values["grr-drop"] = (grr - last, Fraction(-2, 100))
        for name, (value, limit) in sorted(values.items()):
            if not self.firing[name] and value < limit and day >= self.quiet_until[name]:
                self.firing[name] = True
                self.changes.append((day, name, "firing"))
            elif self.firing[name] and value >= limit + Fraction(5, 1000):
                self.firing[name] = False
                self.quiet_until[name] = day + timedelta(days=3)
                self.changes.append((day, name, "resolved"))

    def _whole(self, wiring: Wiring, kind: str, first: date, until: date) -> Figures:
        from metrics.periods import Window

        found = figures_now(wiring.engine, wiring.basis, [Window(kind, first, until)], reporting_currency="usd")
        return next(f for f in found if f.currency == "all:usd")


def _live(tmp_path: Path, slack: SlackServer, nights: int, every_days: int, customers: int, seed: int) -> None:
    naive = Naive()
    with Sandbox(Business(customers=customers, months=27, seed=seed)) as stripe:
        loaded = isolated(
            {
                "database_url": f"sqlite:///{tmp_path / 'nrr.sqlite3'}",
                "stripe_api_key": stripe.key,
                "stripe_api_base": stripe.url,
                "requests_per_second": 10_000.0,
                "reporting_currency": "usd",
                "rates_url": "off",
                "dimensions": "interval",
                "slack_webhook_url": slack.webhook,
                "alerts": {
                    "digests": ["monthly"],
                    "rules": [
                        {"name": "nrr-below-100", "metric": "nrr", "window": "trailing_12", "below": "100 %"},
                        {"name": "grr-drop", "metric": "grr", "window": "month", "falls_by": "2 points"},
                        {"metric": "nrr", "window": "trailing_12", "below": "100 %", "each": "interval"},
                    ],
                },
            }
        )
        for number in range(nights):
            day = FIRST + timedelta(days=number * every_days)
            moment = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
            stripe.set_now(int(moment.timestamp()))
            wiring = open_wiring(loaded.settings, pretended=moment)
            if number == 0:
                migrate.upgrade(wiring.engine)
            done = nightly.run(wiring)
            assert done is not None
            assert "done" == done.status, done.errors
            naive.night(day, wiring)
            wiring.close()
        wiring = open_wiring(loaded.settings, pretended=moment)
        try:
            _holds(wiring, naive, slack)
        finally:
            wiring.close()


def _holds(wiring: Wiring, naive: Naive, slack: SlackServer) -> None:
    with read(wiring.engine) as connection:
        history = list(reversed(alerts.history(connection, limit=100_000)))
        posted = list(reversed(posts.latest(connection, limit=100_000)))
    told = [(t.at.date(), t.rule, t.after) for t in history if t.rule in naive.firing and t.after in ("firing", "resolved")]
    assert sorted(naive.changes) == sorted(told)
    assert naive.changes, "a business in which nothing happens shows nothing"
    assert {"sent", "covered"} >= {p.status for p in posted}
    assert len([p for p in posted if p.status == "sent"]) == len(slack.messages())
    fired = {(t.rule, t.segment) for t in history if t.after == "firing"}
    assert fired == {(p.message.rule, p.message.segment) for p in posted if p.message.transition.startswith("firing")}
    digests = [p for p in posted if p.message.rule == "digest"]
    assert len(digests) == len({p.message.window for p in digests})


@pytest.mark.long
def test_a_few_nights_of_a_simulated_business(tmp_path: Path, slack: SlackServer) -> None:
    """Four nights a month apart: what fired and was resolved is what the naive reading says, and Slack heard each message once."""
    _live(tmp_path, slack, nights=4, every_days=31, customers=60, seed=7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 11])
def test_a_year_of_nights_of_a_simulated_business(tmp_path: Path, slack: SlackServer, seed: int) -> None:
    """Every sixth night of a year, with late news and restated months."""
    _live(tmp_path, slack, nights=60, every_days=6, customers=80, seed=seed)
