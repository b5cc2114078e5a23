"""Channels of one's own: what a table takes, where its secrets come from, and that none shows."""

import os
from pathlib import Path

import pytest

from worker.config.load import load, load_settings, shown
from worker.config.settings import BadSettings
from worker.execution import masking
from worker.wiring.channels import open_channels
from worker.wiring.setting_faults import setting_faults

HOOK = "https://ops.example/hooks/0123456789abcdef"
SIGNED = "0123456789abcdef0123456789abcdef"
SLACK = "https://hooks.slack.com/services/T000/B000/s3cr3tw0rd"
TEAMS = "https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=s3cr3t-s3cr3t-s3cr3t"
TABLES = """
[channels.board-mail]
kind = "email"
to = ["cfo@example.com", "ceo@example.com"]

[channels.ops]
kind = "webhook"
url_env = "OPS_HOOK"
secret_file = "secret"

[channels.sales]
kind = "slack"
url_env = "SALES_SLACK"

[channels.bots]
kind = "slack"
token_env = "BOT"
channel = "C1"

[channels.board-teams]
kind = "teams"
url_file = "teams"

[alerts]
to = ["email", "sales"]
digests_to = ["board-mail"]

[[alerts.rules]]
name = "plans"
metric = "grr"
below = "85 %"
to = ["board-mail", "ops"]
"""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with secrets in files, and an environment with others."""
    ours = (
        "NRR_",
        "STRIPE_",
        "SMTP_",
        "SLACK_",
        "DATABASE_URL",
        "REDIS_URL",
        "REPORTING_",
        "ALERT_",
        "TEAMS_",
        "HTTP",
        "http",
        "NO_",
        "no_",
    )
    for name in [each for each in os.environ if each.startswith(ours)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name, value in {"OPS_HOOK": HOOK, "SALES_SLACK": SLACK, "BOT": "xoxb-s3cr3t-token", "SMTP_HOST": "mail.example"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALERT_EMAIL_TO", "ops@example.com")
    Path("secret").write_text(f"{SIGNED}\n")
    Path("teams").write_text(TEAMS)


def test_every_kind_of_channel_has_a_name_that_rules_send_to() -> None:
    """Five tables beside the mails of ALERT_EMAIL_TO; what a rule, the digests and all else go by is read."""
    Path("nrr.toml").write_text(TABLES)
    loaded = load()
    found = open_channels(loaded.settings, lambda _s: None)
    assert ["email", "board-mail", "ops", "sales", "bots", "board-teams"] == list(found)
    assert list(found) == [each.name for each in found.values()]
    assert [] == setting_faults(loaded)
    from worker.config.alert_rules import load_watch

    watch = load_watch(loaded.settings.alerts, loaded.config, channels=tuple(loaded.settings.channels))
    assert (("email", "sales"), ("board-mail",)) == (watch.channels, watch.digest_channels)
    assert ("board-mail", "ops") == next(r for r in watch.rules if r.name == "plans").channels


def test_settings_of_their_own_set_up_teams_and_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any table, as for Slack; each also as a file."""
    monkeypatch.setenv("TEAMS_WEBHOOK_URL_FILE", "teams")
    monkeypatch.setenv("ALERT_WEBHOOK_URL", HOOK)
    with pytest.raises(BadSettings, match="ALERT_WEBHOOK_SECRET go together"):
        load()
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET_FILE", "secret")
    assert ["email", "teams", "webhook"] == list(open_channels(load_settings(), lambda _s: None))


def test_no_secret_shows() -> None:
    """Neither in `config show`, nor in a channel that is printed, nor in a log line once channels are open: not even an address's path."""
    inline = f'[channels.ops]\nkind = "webhook"\nurl = "{HOOK}"\nsecret = "{SIGNED}"\n'
    Path("nrr.toml").write_text(inline)
    Path("nrr.toml").chmod(0o600)
    loaded = load()
    assert {HOOK, SIGNED} <= set(loaded.settings.secrets())
    text = f"{shown(loaded)} {loaded.settings} {open_channels(loaded.settings, lambda _s: None)}"
    assert "0123456789abcdef" not in text
    Path("nrr.toml").write_text(TABLES)
    open_channels(load_settings(), lambda _s: None)
    line = masking.masked(f"{HOOK} {SIGNED} {SLACK} xoxb-s3cr3t-token POST {TEAMS.partition('.com')[2]}")
    assert "s3cr3t" not in line
    assert "0123456789abcdef" not in line


def test_a_secret_in_a_file_that_others_read_is_refused() -> None:
    """As for every other secret in nrr.toml."""
    Path("nrr.toml").write_text(f'[channels.ops]\nkind = "teams"\nurl = "{HOOK}"\n')
    Path("nrr.toml").chmod(0o644)
    with pytest.raises(BadSettings, match=r"channels\.ops .*chmod 600") as refused:
        load()
    assert HOOK not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('[channels.x]\nkind = "pager"', "channels"),
        ('[channels.x]\nkind = "email"', "needs to"),
        ('[channels.x]\nkind = "teams"', "needs url_file or url_env"),
        ('[channels.x]\nkind = "webhook"\nurl_env = "OPS_HOOK"', "needs secret_file or secret_env"),
        ('[channels.x]\nkind = "slack"', "of a webhook, or token_file"),
        ('[channels.x]\nkind = "slack"\ntoken_env = "BOT"', "id of the channel"),
        ('[channels.x]\nkind = "teams"\nurl_env = "A"\nurl_file = "b"', "takes one of url_file, url_env and url"),
        ('[channels.x]\nkind = "teams"\nurl_env = "A"\nto = ["a@b.example"]', "takes no to"),
        ('[channels.x]\nkind = "teams"\nadress = "A"', "adress"),
        ('[channels.email]\nkind = "email"\nto = ["a@b.example"]', "none of slack, email, webhook, teams"),
        ('[channels."a b"]\nkind = "email"\nto = ["a@b.example"]', "made of letters"),
        ('[channels.x]\nkind = "slack"\ntoken_env = "STRIPE_API_KEY"\nchannel = "C1"', "another setting's secret"),
        ('[channels.x]\nkind = "teams"\nurl_env = "DATABASE_URL"', "another setting's secret"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_name(table: str, why: str) -> None:
    """At start, with what is missing."""
    Path("nrr.toml").write_text(table)
    with pytest.raises(BadSettings, match=why):
        load()


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('[channels.x]\nkind = "teams"\nurl_env = "NOT_THERE"', "channels.x.url_env: the environment has no NOT_THERE"),
        ('[channels.x]\nkind = "teams"\nurl_file = "nowhere"', "channels.x.url_file: nowhere could not be read"),
        ('[channels.x]\nkind = "slack"\nurl_env = "OPS_HOOK"', "channels.x: "),
        ('[channels.x]\nkind = "email"\nto = ["nobody at all"]', "channels.x.to: 'nobody at all' is no mail address"),
        (
            '[channels.x]\nkind = "webhook"\nurl_env = "SMTP_HOST"\nsecret_file = "secret"',
            "channels.x: the webhook's address takes an address",
        ),
        ('[[alerts.rules]]\nmetric = "grr"\nbelow = "85 %"\nto = ["bord"]', "to takes a list of channels"),
        ('[alerts]\ndigests_to = "slack"', "digests_to takes a list of channels"),
        ('[[alerts.rules]]\nmetric = "grr"\nbelow = "85 %"\nto = ["slack"]\nchannels = ["slack"]', "say the same"),
    ],
)
def test_config_check_tells_what_could_not_work(table: str, why: str) -> None:
    """Before anything is sent, by the channel's name, and without the secret."""
    Path("nrr.toml").write_text(table)
    faults = setting_faults(load())
    assert [True] == [why in each for each in faults], faults
    assert "0123456789abcdef" not in str(faults)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ALERT_EMAIL_TO": "cfo"}, "ALERT_EMAIL_TO: 'cfo' is no mail address"),
        ({"ALERT_EMAIL_TO": "cfo@example.com,board"}, "ALERT_EMAIL_TO: 'board' is no mail address"),
        ({"SMTP_FROM": "nrr"}, "SMTP_FROM: 'nrr' is no mail address"),
        ({"SMTP_HOST": "smtp://mail.example.com"}, "SMTP_HOST: 'smtp://mail.example.com' is no host's name"),
        ({"SMTP_HOST": "mail.example.com:25"}, "SMTP_HOST: 'mail.example.com:25' is no host's name"),
        ({"ALERT_WEBHOOK_SECRET": "short"}, "ALERT_WEBHOOK_SECRET: the webhook's secret takes at least"),
        ({"ALERT_WEBHOOK_URL": "http://example.com/in"}, "ALERT_WEBHOOK_URL: the webhook's address takes an address"),
        ({"NRR_SERVE_TOKEN": "short"}, "NRR_SERVE_TOKEN has fewer than 16 characters"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, dict) else "",
)
def test_config_check_names_the_setting_that_is_wrong(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], why: str) -> None:
    """And not the first of those by which the channel is set up, all of which are good."""
    good = {
        "SMTP_HOST": "mail.example.com",
        "SMTP_FROM": "nrr <nrr@example.com>",
        "ALERT_EMAIL_TO": "cfo@example.com",
        "ALERT_WEBHOOK_URL": "https://example.com/in",
        "ALERT_WEBHOOK_SECRET": "0123456789abcdef0123456789abcdef",
        "NRR_SERVE_TOKEN": "0123456789abcdef",
    }
    for name, value in good.items():
        monkeypatch.setenv(name, value)
    assert [] == setting_faults(load())
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    faults = setting_faults(load())
    assert [True] == [each.startswith(why) for each in faults], faults


@pytest.mark.parametrize("host", ["mail", "mail.example.com", "bücher.example", "127.0.0.1", "::1", "fe80::1%eth0"])
def test_what_may_be_a_host_is_one(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Names with letters of any language, and addresses of both versions."""
    monkeypatch.setenv("SMTP_HOST", host)
    monkeypatch.setenv("ALERT_EMAIL_TO", "cfo@example.com")
    assert [] == setting_faults(load())


def test_a_setting_that_several_channels_share_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is that of all mails."""
    Path("nrr.toml").write_text('[channels.board]\nkind = "email"\nto = ["board@example.com"]')
    for name, value in {"SMTP_HOST": "mail.example.com", "SMTP_FROM": "nrr", "ALERT_EMAIL_TO": "cfo@example.com"}.items():
        monkeypatch.setenv(name, value)
    assert ["SMTP_FROM: 'nrr' is no mail address; it takes one such as alerts@example.com"] == setting_faults(load())


def test_channels_is_the_old_word_for_to() -> None:
    """Rules that were written before go on working."""
    from worker.config.alert_rules import read_watch

    assert ("email",) == read_watch({"rules": [{"metric": "grr", "below": "85 %", "channels": ["email"]}]}).rules[-1].channels
