"""kill -9 at the worst moments of a real process: nothing is lost, and nothing comes twice but where nobody can know."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from integrations.notify.slack import Slack, SlackTarget
from integrations.web import Web
from tests.integrations.notify.slack_server import Answer, SlackServer
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import Desk, Notebook
from tests.worker.alerts.dying import NIGHT, WATCH


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A Slack on loopback."""
    with SlackServer() as running:
        yield running


@pytest.fixture
def desk(engine: Engine, server: SlackServer) -> Desk:
    """An installation that comes after the one that is killed, on the same database and the same Slack."""
    made = Desk.open(engine, WATCH, Notebook())
    made.store(months("trailing_12", NIGHT, 102, 97), NIGHT)
    slack = Slack(SlackTarget(webhook_url=server.webhook), lambda _seconds: None, Web(timeout_seconds=(5.0, 5.0)))
    return Desk(engine, replace(made.alerting, channels={"slack": slack}))


def _killed(desk: Desk, server: SlackServer, where: str, until: str) -> None:
    """Run a process until it says where it is, and kill it there."""
    url = desk.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.worker.alerts.dying", url, server.webhook, where]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while process.stdout.readline().strip() != until:
            assert process.poll() is None, "it ended by itself"
        if until == "sending":
            end = time.monotonic() + 20
            while not server.messages() and time.monotonic() < end:
                time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.long
def test_killed_before_the_commit_nothing_is_there_and_the_next_one_says_it(desk: Desk, server: SlackServer) -> None:
    """State and message were written and not committed: neither exists; the next evaluation tells it, once."""
    _killed(desk, server, "in_transaction", "here")
    assert ([], "ok") == (desk.told(), desk.state("nrr"))
    desk.night(NIGHT)
    desk.send()
    assert 1 == len(server.messages())


def test_killed_between_state_and_sending_the_message_is_sent_by_the_next_one(desk: Desk, server: SlackServer) -> None:
    """The alert fires and its message stands in the outbox when the process dies: evaluated again or not, it is sent once."""
    _killed(desk, server, "after_commit", "here")
    assert (["due firing:1 nrr slack"], "firing") == (desk.told(), desk.state("nrr"))
    desk.night(NIGHT)
    assert 1 == desk.send().sent
    assert 0 == desk.send().sent
    (message,) = server.messages()
    assert "This may be a repeat" not in str(message)


def test_killed_while_sending_it_is_sent_again_with_a_mark(desk: Desk, server: SlackServer) -> None:
    """Slack has the request and has not answered when the process dies: nobody can know, so it is repeated once, marked."""
    server.script = [Answer(fault="hang")]
    _killed(desk, server, "while_sending", "sending")
    assert 0 == desk.send().sent, "its lease still holds"
    desk.hurry()
    assert 1 == desk.send().sent
    first, second = server.messages()
    assert "This may be a repeat" not in str(first)
    assert "This may be a repeat" in str(second)
    assert ["sent firing:1 nrr slack"] == desk.told()
