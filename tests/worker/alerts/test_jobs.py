"""Alerts as jobs of a run: they end in the transaction of their effect, and a database that fails is tried again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from integrations.store.alerts import outbox
from integrations.store.db.engine import begin, read
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from metrics.evidence import Instant
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import Desk, Notebook, at
from tests.worker.alerts.dying import NIGHT, WATCH
from worker.alerts.evaluate import jobs_of
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.runs.handlers import alerting_handlers


def _work(desk: Desk) -> str:
    terms = Terms(owner="test", threads=2, lease_seconds=10.0, attempts=5, first_delay_seconds=0.05)
    with begin(desk.engine) as connection:
        run = runs.start(connection, "alerts", exclusive_key="alerts")
        jobs.add(connection, [replace(job, run_id=run) for job in jobs_of(Instant(int(at(NIGHT).timestamp())), stage=3)])
    Crew(desk.engine, terms, Stop()).work(alerting_handlers(desk.alerting), wanted=[run])
    with read(desk.engine) as connection:
        found = runs.get(connection, run)
    assert found is not None
    return found.status


def test_a_run_evaluates_and_then_sends(engine: Engine) -> None:
    """Two jobs, one after the other, as of the instant that the run was opened for; a second run finds nothing to say."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    desk.store(months("trailing_12", NIGHT, 102, 97), NIGHT)
    assert "done" == _work(desk)
    assert ["NRR below 100 %: 97 % (the 12 months to May 2025)"] == slack.titles
    assert "done" == _work(desk)
    assert 1 == len(slack.given)


@pytest.mark.parametrize("step", ["enqueue", "claim", "sent"])
def test_a_database_that_fails_in_any_step_loses_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The connection breaks once: the job is done again. The alert is once in the outbox; it is sent twice only if it had been taken."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    desk.store(months("trailing_12", NIGHT, 102, 97), NIGHT)
    monkeypatch.setattr(outbox, step, _broken_once(getattr(outbox, step)))
    status = _work(desk)
    assert "done" == status
    if step == "sent":  # it was taken, and nobody wrote that down
        assert ["leased"] == [p.status for p in desk.posted()]
        desk.hurry()
        desk.send()
        assert [False, True] == [p.repeat for p in slack.given]
    else:
        assert [False] == [p.repeat for p in slack.given]
    assert ["sent firing:1 nrr slack"] == desk.told()
    assert ["nrr: ok -> firing"] == desk.history()


def _broken_once(real: Callable[..., Any]) -> Callable[..., Any]:
    broken: list[bool] = []

    def call(*arguments: Any, **named: Any) -> Any:
        if not broken:
            broken.append(True)
            raise OperationalError("SELECT 1", {}, Exception("the connection is gone"))
        return real(*arguments, **named)

    return call


def test_a_job_that_is_no_longer_ours_changes_nothing(engine: Engine) -> None:
    """Its lease ran out and somebody else has it: what it decided is rolled back with it."""
    from worker.alerts.evaluate import do_evaluate

    desk = Desk.open(engine, WATCH, Notebook())
    desk.store(months("trailing_12", NIGHT, 102, 97), NIGHT)
    stale = Job("alerts_evaluate", 1, id=77, token=1, data={"now": int(at(NIGHT).timestamp())})
    with pytest.raises(jobs.LeaseLost):
        do_evaluate(desk.alerting, stale)
    assert ([], "ok") == (desk.told(), desk.state("nrr"))
