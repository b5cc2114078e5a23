"""What a worker writes by itself: a line a run, a line a message, one when Redis is lost and one when it is back; nothing of Celery's ticking."""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery.beat import Scheduler
from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.facts import accounts
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from worker.app import WatchedScheduler
from worker.cli.worker import beat_trouble
from worker.execution import beat, log


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What was logged since it was last asked for, as (level, event)."""
    root = logging.getLogger()
    screen = StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    before = list(root.handlers), root.level

    def written() -> list[tuple[str, str]]:
        found = [json.loads(line) for line in screen.getvalue().splitlines()]
        screen.seek(0)
        screen.truncate()
        return [(each["level"], each["event"]) for each in found]

    log.configure(style="json", level=log.level_of("auto", standing=True))
    yield written
    root.handlers[:], root.level = before[0], before[1]


def test_celerys_ticking_is_for_debugging(lines: Any) -> None:
    """Received, sent, succeeded: nothing of it at info; that the worker is ready, and what goes wrong, is."""
    for name, text in [
        ("celery.worker.strategy", "Task nrr.tick[1] received"),
        ("celery.app.trace", "Task nrr.tick[1] succeeded in 0.01s: None"),
        ("celery.beat", "Scheduler: Sending due task tick (nrr.tick)"),
        ("celery.worker.consumer.connection", "Connected to redis://127.0.0.1:6379/0"),
    ]:
        logging.getLogger(name).info(text)
    assert [] == lines()
    logging.getLogger("celery.apps.worker").info("%s ready.", "nrr@here")
    logging.getLogger("celery.app.trace").error("Task nrr.work[1] raised unexpected: KeyError()")
    assert [("info", "nrr@here ready."), ("error", "Task nrr.work[1] raised unexpected: KeyError()")] == lines()


def test_a_lost_redis_is_one_line_and_its_return_another(lines: Any) -> None:
    """However often Celery tries and whatever stack it would print; the next loss is news again."""
    consumer, connection = (
        logging.getLogger("celery.worker.consumer.consumer"),
        logging.getLogger("celery.worker.consumer.connection"),
    )
    for _ in range(2):
        consumer.warning(
            "%s (%r)", "consumer: Connection to broker lost. Trying to re-establish the connection...", OSError("gone")
        )
        for second in range(5):
            try:
                raise ConnectionRefusedError(111)
            except ConnectionRefusedError:
                consumer.error(
                    "consumer: Cannot connect to %s: %s.\n%s\n", "redis://:**@h/0", "refused", f"again in {second}", exc_info=True
                )
        logging.getLogger("celery.beat").error("Message Error: %s\n%s", "Couldn't apply scheduled task tick", [' File "x"'])
        connection.info("Connected to %s", "redis://:**@h/0")
        connection.info("Connected to %s", "redis://:**@h/0")
        found = lines()
        assert [("warning", True), ("info", False)] == [(level, "redis_lost" in event) for level, event in found]
        assert "Traceback" not in str(found)


def test_a_run_is_told_in_a_line_with_what_came_of_it(engine: Engine) -> None:
    """Account by name, kind, result, seconds and counts; of one that failed its error."""
    with begin(engine) as connection:
        account = accounts.bind(connection, name="eu", stripe_id="acct_1", livemode=False)
        run = runs.start(connection, "sync", account=account)
        jobs.add(connection, [Job("plan", run, account=account)])
    assert account
    with begin(engine) as connection:
        assert runs.ended(connection, run) is None
        runs.finish(connection, run, "canceled")
        told = runs.ended(connection, run)
    assert told is not None
    found = asdict(told)
    assert 0 <= found.pop("seconds") < 60
    assert {
        "run": run,
        "kind": "sync",
        "account": "eu",
        "status": "canceled",
        "jobs": 1,
        "pages": 0,
        "objects": 0,
        "error": None,
    } == found


def test_info_is_for_processes_that_stand_by_themselves() -> None:
    """A command's reader sees warnings alone, unless somebody asks for more; a set level holds everywhere."""
    assert ("warning", "info") == (log.level_of("auto"), log.level_of("auto", standing=True))
    assert ("debug", "error") == (log.level_of("debug"), log.level_of("error", standing=True))


def test_beat_is_judged_by_the_ticks_that_it_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its file's age is the age of the last tick; without one it never sent any."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert beat.sent_seconds_ago(time.time()) is None
    scheduler = object.__new__(WatchedScheduler)
    monkeypatch.setattr(Scheduler, "apply_async", lambda *_arguments, **_more: "sent")
    assert "sent" == scheduler.apply_async(None)
    age = beat.sent_seconds_ago(time.time())
    assert age is not None
    assert age < 60
    os.utime(beat.sign_of_life(), (time.time() - 1_000, time.time() - 1_000))
    old = beat.sent_seconds_ago(time.time())
    assert old is not None
    assert 990 < old < 1_100
    assert "1000 seconds ago" in beat_trouble(1_000.0)

    def away(*_arguments: Any, **_more: Any) -> None:
        raise OSError("Redis is away")

    monkeypatch.setattr(Scheduler, "apply_async", away)
    with pytest.raises(OSError, match="Redis is away"):
        scheduler.apply_async(None)
    assert (beat.sent_seconds_ago(time.time()) or 0) > 900, "a tick that nobody took is none"
