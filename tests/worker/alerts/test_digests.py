"""Digests: once for each period, when it is over, with what it came to."""

from datetime import date

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.figures import snapshots
from metrics.alerts.rules import Watch
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import BASIS, Desk, Notebook
from tests.worker.alerts.test_alerting import _churned
from worker.alerts.digests import period


@pytest.mark.parametrize(
    ("kind", "through", "first", "until"),
    [
        ("daily", date(2025, 6, 3), date(2025, 6, 3), date(2025, 6, 4)),
        ("weekly", date(2025, 6, 8), date(2025, 6, 2), date(2025, 6, 9)),
        ("weekly", date(2025, 6, 10), date(2025, 6, 2), date(2025, 6, 9)),
        ("monthly", date(2025, 6, 30), date(2025, 6, 1), date(2025, 7, 1)),
        ("monthly", date(2025, 7, 4), date(2025, 6, 1), date(2025, 7, 1)),
        ("monthly", date(2025, 1, 15), date(2024, 12, 1), date(2025, 1, 1)),
    ],
)
def test_a_period_is_the_last_one_that_is_over(kind: str, through: date, first: date, until: date) -> None:
    """Days, weeks from Monday to Sunday, months; 8 June 2025 is a Sunday."""
    assert (first, until) == period(kind, through)


def test_a_month_is_told_once_when_it_is_over(engine: Engine) -> None:
    """Bridge, movers, retention, trend; the next nights say nothing more, and a missed night only makes it later."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("monthly",)), slack)
    july = date(2025, 7, 1)
    book = [*months("month", july, 101, 98), *months("trailing_12", july, 104)]
    for day in (date(2025, 7, 3), date(2025, 7, 4), date(2025, 7, 30)):
        desk.night(day, book)
        desk.send()
    (parcel,) = slack.given
    said = parcel.content
    assert "Month in MRR: MRR 98,000 USD, −2,000 USD net new" == said["title"]
    assert ["NRR, 12 months", "104 %"] in said["facts"]
    assert ["NRR, June", "98 %"] in said["facts"]
    assert ["Churn", "−2,000 USD"] in said["bridge"]
    assert 5 == len(said["customers"])
    assert [["2025-05", "101000000000"], ["2025-06", "98000000000"]] == said["chart"]["points"]
    assert ["No alert is firing."] == said["notes"]


def test_a_month_whose_figures_are_missing_is_not_told(engine: Engine) -> None:
    """The run has not come to June yet: no digest of May in June's place, and none of nothing."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("monthly",)), slack)
    desk.night(date(2025, 7, 3), months("month", date(2025, 6, 1), 101))
    desk.send()
    assert [] == slack.given


def test_a_week_names_who_moved(engine: Engine) -> None:
    """From the ledger's own movements and the totals of its days."""
    import polars as pl

    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), system=(), digests=("weekly", "daily")), slack)
    _churned(engine, "cus_big", 5_000)
    days = [(date(2025, 6, 1), 105_000), (date(2025, 6, 7), 100_000), (date(2025, 6, 8), 100_000)]
    rows = [("", "", "usd", day, major * 10**6, major * 10**6, 7 * 10**6, 3 * 10**6, 0, 20, 20) for day, major in days]
    with begin(engine) as connection:
        snapshots.replace_day_totals(connection, BASIS.version, pl.DataFrame(rows, schema=snapshots.DAY_TOTALS, orient="row"))
    desk.night(date(2025, 6, 9), [])
    desk.send()
    week, day = (p.content for p in slack.given)
    assert "Week in MRR: 100,000 USD (−5,000 USD)" == week["title"]
    assert [["Opening", "105,000 USD"], ["Churn", "−5,000 USD"], ["Closing", "100,000 USD"]] == week["bridge"]
    assert ["cus_big"] == [c["customer"] for c in week["customers"]]
    assert [["At risk", "7.00 USD"], ["Scheduled churn", "3.00 USD"]] == week["facts"]
    assert "Day in MRR: 100,000 USD (0 USD)" == day["title"]
