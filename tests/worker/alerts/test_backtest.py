"""`nrr alerts backtest`: replayed at once, the past rings on the nights on which it rang."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import Engine, func, select

from integrations.store.alerts.schema import alert_history, outbox
from integrations.store.db.engine import read
from metrics.alerts.rules import Judgement, Rule, Watch
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import BASIS, Desk, Notebook
from worker.alerts.backtest import backtest, only

WATCH = Watch(
    rules=(
        Rule("nrr", "nrr", "month", "below", Fraction(1), judgement=Judgement(recover_by=Fraction(1, 200), confirm_nights=2)),
        Rule("plans", "nrr", "month", "below", Fraction(98, 100), dimension="plan", judgement=Judgement()),
    ),
    system=(),
)
VALUES = (101, 97, 96, 103, 99, 104, 95, 101)


@pytest.mark.long
def test_a_replay_rings_on_the_nights_on_which_the_real_nights_rang(engine: Engine) -> None:
    """Eight months, evaluated night by night as they came, and then at once; the replay leaves nothing behind."""
    end = date(2025, 9, 1)
    book = [*months("month", end, *VALUES), *months("month", end, *reversed(VALUES), dimension="plan", segment="pro")]
    desk = Desk.open(engine, WATCH, Notebook())
    real = []
    nights = [date(2025, 2, 2) + timedelta(days=n) for n in range(212)]
    for night in nights:
        # A window is complete once the day of grace after it has passed.
        due = [f for f in book if f.until + timedelta(days=1) == night]
        done = desk.night(night, due)
        real += [(night, rule, after) for rule, _, before, after in done.transitions if "firing" in (before, after)]
    with read(engine) as connection:
        before = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (alert_history, outbox)]
    found = backtest(engine, BASIS, WATCH, 24)
    rung = [(ring.night, ring.rule, "firing") for ring in found.rings]
    over = [(ring.until, ring.rule, "resolved") for ring in found.rings if ring.until]
    assert sorted(real) == sorted([*rung, *over])
    assert 5 == len(found.rings)
    with read(engine) as connection:
        after = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (alert_history, outbox)]
    assert before == after


def test_one_rule_alone(engine: Engine) -> None:
    """Its alarms are those that it has among others."""
    end = date(2025, 9, 1)
    desk = Desk.open(engine, WATCH, Notebook())
    desk.store(months("month", end, *VALUES), end + timedelta(days=1))
    every = backtest(engine, BASIS, WATCH, 24)
    alone = backtest(engine, BASIS, only(WATCH, "nrr"), 24, budget=0.5)
    assert [r for r in every.rings if r.rule == "nrr"] == list(alone.rings)
    assert ["nrr"] == [each.rule for each in alone.suggested]
