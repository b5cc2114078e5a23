"""`nrr alerts …` as a person uses it: what is shown, what is refused, and the exit codes that scripts rely on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from integrations.store import migrate
from integrations.store.alerts import outbox
from integrations.store.db.engine import begin, open_engine
from metrics.alerts.rules import Watch
from tests.integrations.notify.slack_server import Answer, SlackServer
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import Desk, Notebook
from worker.cli.alerts import app
from worker.cli.exit_codes import Stop

NIGHT = date(2025, 6, 1)
NOW = "2025-06-01T04:00:00Z"
Run = Callable[..., Result]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack on loopback."""
    with SlackServer() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    """A database in which the year's NRR has fallen to 97 %."""
    engine = open_engine(f"sqlite:///{tmp_path / 'nrr.sqlite3'}")
    migrate.upgrade(engine)
    Desk.open(engine, Watch(), Notebook()).store(months("trailing_12", NIGHT, 102, 97), NIGHT)
    yield engine
    engine.dispose()


@pytest.fixture
def run(store: Engine, slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of `nrr alerts` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", store.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook)
    for name in ("SMTP_HOST", "ALERT_EMAIL_TO", "STRIPE_API_KEY", "REDIS_URL", "NRR_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return command


def _json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_check_evaluates_sends_and_exits_4_while_something_fires(run: Run, slack: SlackServer) -> None:
    """The first time it is told, the second time nothing is new; both exit 4, so that a script can tell."""
    first = run("check", "--json", "--now", NOW)
    assert 4 == first.exit_code
    assert [{"rule": "nrr-below-100", "segment": "", "before": "ok", "after": "firing"}] == _json(first)["transitions"]
    assert (1, 1) == (_json(first)["sent"], len(slack.messages()))
    again = run("check", "--now", NOW)
    assert 4 == again.exit_code
    assert "1 firing; 0 messages written down, 0 sent" in again.stdout
    assert 1 == len(slack.messages())


def test_check_names_rules_on_segments_that_no_figure_has(run: Run, store: Engine, tmp_path: Path) -> None:
    """In words and in JSON, with what was probably meant."""
    plan = [replace(f, dimension="plan", segment="price_team") for f in months("month", NIGHT, 90, 91)]
    Desk.open(store, Watch(), Notebook()).store(plan, NIGHT)
    (tmp_path / "nrr.toml").write_text(
        '[[alerts.rules]]\nname = "slip"\nmetric = "grr"\nwindow = "month"\nsegment = "plan=price_teem"\nbelow = "5 %"\n'
    )
    [missing] = _json(run("check", "--json", "--now", NOW))["missing_segments"]
    assert ("slip", "plan=price_teem", ["plan=price_team"]) == (missing["rule"], missing["segment"], missing["near"])
    assert "slip watches plan=price_teem, which no figure has" in run("check", "--now", NOW).output


def test_list_shows_every_rule_and_what_it_stands_at(run: Run) -> None:
    """Before the first night nothing is evaluated; afterwards value, limit and window are there."""
    assert {"not evaluated"} == {row["state"] for row in _json(run("list", "--json"))["alerts"]}
    run("check", "--now", NOW)
    listed = run("list", "--json", "--now", NOW)
    assert 0 == listed.exit_code
    rows = {row["rule"]: row for row in _json(listed)["alerts"]}
    nrr = rows["nrr-below-100"]
    assert ("firing", "97 %", "below 100 %", "2025-06-01") == tuple(nrr[k] for k in ("state", "value", "limit", "since"))
    assert 2 == _json(listed)["schema_version"]
    assert "nrr-below-100" in run("list").stdout


def test_a_rule_of_movements_that_found_nothing_has_been_evaluated(run: Run, tmp_path: Path) -> None:
    """It stands at ok on every night on which it was looked at, and is told of nobody."""
    rule = '[[alerts.rules]]\nname = "large-churn"\nmovement = "churn"\nabove = 1000\n'
    (tmp_path / "nrr.toml").write_text(rule)
    (tmp_path / "nrr.toml").chmod(0o600)
    for night in (NOW, "2025-06-02T04:00:00Z"):
        run("check", "--now", night)
        rows = [row for row in _json(run("list", "--json", "--now", night))["alerts"] if row["rule"] == "large-churn"]
        assert [("ok", "", None)] == [(row["state"], row["segment"], row["as_of"]) for row in rows]


def test_check_says_what_another_process_holds(run: Run, store: Engine, slack: SlackServer) -> None:
    """One that died in the middle of sending keeps its message for some minutes: neither sent nor lost, and said so."""
    desk = Desk.open(store, Watch(), Notebook())
    desk.night(NIGHT)
    with begin(store) as connection:
        assert outbox.claim(connection, 240.0) is not None
    done = run("check", "--now", NOW)
    assert "0 messages written down, 0 sent, 0 to be sent later, 1 held by another process" in done.stdout
    assert "after 4 minutes" in done.stderr
    assert (0, 1) == tuple(_json(run("check", "--json", "--now", NOW))[key] for key in ("waiting", "held"))
    assert [] == slack.messages()


def test_a_mute_shows_and_withholds(run: Run, slack: SlackServer) -> None:
    """Muted for a week: it fires, exits 4, and Slack hears nothing; unmuted, it is told."""
    assert 0 == run("mute", "nrr-below-100", "--days", "7", "--reason", "known", "--now", NOW).exit_code
    assert 4 == run("check", "--now", NOW).exit_code
    assert [] == slack.messages()
    (row,) = [r for r in _json(run("list", "--json", "--now", NOW))["alerts"] if r["rule"] == "nrr-below-100"]
    assert "muted until 2025-06-08 04:00" == row["quiet"]
    assert "is no longer muted" in run("unmute", "nrr-below-100").stdout
    assert "was not muted" in run("unmute", "nrr-below-100").stdout
    run("check", "--now", "2025-06-02T04:00:00Z")
    assert 1 == len(slack.messages())


def test_what_does_not_fire_can_not_be_acknowledged(run: Run) -> None:
    """There is nothing to have seen; once it fires there is, and the list shows it."""
    refused = run("ack", "nrr-below-100")
    assert isinstance(refused.exception, Stop)
    assert "does not fire" in str(refused.exception)
    run("check", "--now", NOW)
    assert 0 == run("ack", "nrr-below-100", "--reason", "on it").exit_code
    (row,) = [r for r in _json(run("list", "--json"))["alerts"] if r["rule"] == "nrr-below-100"]
    assert "seen" == row["quiet"]


def test_a_name_that_no_rule_has_is_refused_with_what_was_meant(run: Run) -> None:
    """Muting something that isn't watched would be a mute that does nothing."""
    refused = run("mute", "nrr-below")
    assert isinstance(refused.exception, Stop)
    assert "no rule is called 'nrr-below'; did you mean nrr-below-100?" == str(refused.exception)


def test_a_rule_that_can_not_be_read_stops_every_command_with_its_line(run: Run, tmp_path: Path) -> None:
    """A typing error in nrr.toml is told at start, not by an alert that never comes."""
    from worker.config.alert_rules import BadRules

    (tmp_path / "nrr.toml").write_text('[[alerts.rules]]\nmetric = "grrr"\nbelow = "95 %"\n', encoding="utf-8")
    refused = run("list")
    assert isinstance(refused.exception, BadRules)
    assert "nrr.toml:2: rule 1: there is no metric 'grrr'; did you mean 'grr'?" in str(refused.exception)


def test_a_sample_is_sent_and_marked(run: Run, slack: SlackServer) -> None:
    """`test` tells what came of it; a dead channel exits 1 and its address is not in what is said."""
    good = run("test", "--channel", "slack")
    assert (0, "slack: sent\n") == (good.exit_code, good.stdout)
    assert "[SAMPLE]" in slack.messages()[0]["text"]
    slack.script = [Answer(404, "no_service")]
    bad = run("test")
    assert 1 == bad.exit_code
    assert "slack: dead (Slack answered 404 no_service)" in bad.stdout
    assert "s3cr3t" not in bad.output


def test_a_channel_that_is_not_set_up_says_what_to_set(run: Run) -> None:
    """With the names of the settings."""
    refused = run("test", "--channel", "email")
    assert isinstance(refused.exception, Stop)
    assert "email is not set up; set SMTP_HOST and ALERT_EMAIL_TO" == str(refused.exception)


def test_without_a_channel_every_way_out_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list and the sample say the same: what sets up Slack, mail, Teams and a webhook."""
    monkeypatch.delenv("SLACK_WEBHOOK_URL")
    refused = run("test")
    assert isinstance(refused.exception, Stop)
    for needed in ("SLACK_WEBHOOK_URL", "SMTP_HOST and ALERT_EMAIL_TO", "TEAMS_WEBHOOK_URL", "ALERT_WEBHOOK_URL"):
        assert needed in str(refused.exception)
    assert str(refused.exception) in run("list").stderr


def test_history_holds_transitions_with_figures_and_messages_with_their_ends(run: Run) -> None:
    """What changed, on which figures; what was said, by which channel, and whether it was taken."""
    run("check", "--now", NOW)
    (change,) = _json(run("history", "--rule", "nrr-below-100", "--json"))["history"]
    assert ("ok", "firing", "97 %") == (change["before"], change["after"], change["value"])
    (message,) = _json(run("history", "--messages", "--json"))["messages"]
    assert ("firing:1", "slack", "sent", 1) == tuple(message[k] for k in ("transition", "channel", "status", "attempts"))
    told = run("history").stdout
    assert "nrr-below-100" in told
    assert "12 months to 2025-05-31" in told, "the last day that is part of it, as in the list"


def test_a_replay_says_what_a_short_past_can_tell(run: Run) -> None:
    """The nights that there are, and that they are less than a year; limits as nrr.toml has them, of one rule or all."""
    done = run("backtest", "--suggest", "--rule", "nrr-below-100", "--now", NOW)
    assert 0 == done.exit_code, done.stderr
    assert "less than a year: what stands for a year is reckoned up from these nights" in done.stdout
    found = _json(run("backtest", "--suggest", "--rule", "nrr-below-100", "--json", "--now", NOW))
    assert (["nrr-below-100"], 1) == ([each["rule"] for each in found["rules"]], len(found["suggestions"]))
    wrong = run("backtest", "--rule", "nrr-below-10", "--now", NOW)
    assert isinstance(wrong.exception, Stop)
    assert "did you mean nrr-below-100?" in str(wrong.exception)


def test_every_channel_takes_a_sample_by_its_name(
    run: Run, slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook of one's own and a Teams workflow on loopback: each is sent a marked sample, signed or as a card; the list shows them."""
    monkeypatch.setenv("OPS_HOOK", slack.webhook)
    monkeypatch.setenv("OPS_SECRET", "0123456789abcdef")
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", slack.webhook)
    (tmp_path / "nrr.toml").write_text(
        '[channels.ops]\nkind = "webhook"\nurl_env = "OPS_HOOK"\nsecret_env = "OPS_SECRET"\n', encoding="utf-8"
    )
    assert (0, "ops: sent\n") == (run("test", "--channel", "ops").exit_code, run("test", "--channel", "ops").stdout)
    assert (0, "teams: sent\n") == (run("test", "--channel", "teams").exit_code, run("test", "--channel", "teams").stdout)
    hooks, cards = slack.messages()[:2], slack.messages()[2:]
    assert [True, True] == [m["title"].startswith("[SAMPLE]") for m in hooks]
    assert [True, True] == ["AdaptiveCard" in str(m) for m in cards]
    assert {"slack", "teams", "ops"} == {c["channel"] for c in _json(run("list", "--json"))["channels"]}
    slack.script = [Answer(404, "gone")]
    dead = run("test", "--channel", "ops")
    assert (1, "ops: dead (the webhook answered 404 gone)\n") == (dead.exit_code, dead.stdout)
    refused = run("test", "--channel", "pager")
    assert "no channel is called 'pager'; there are slack, email, teams, webhook, ops" == str(refused.exception)
