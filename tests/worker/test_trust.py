"""What a settings file may not decide, who may read what nrr writes, and that no secret shows anywhere."""

import json
import logging
import os
import stat
from pathlib import Path

import polars as pl
import pytest
import trustme

from integrations.notify.sanitize import steady
from integrations.stripe.credentials import what_key
from worker.cli.common import put_json
from worker.cli.doctor import unchecked_line
from worker.cli.export import _inert
from worker.cli.main import _shown
from worker.cli.setup import init
from worker.config.addresses import is_foreign, passwords
from worker.config.addresses import shown as address_shown
from worker.config.celery_config import celery_settings
from worker.config.load import load, load_settings, shown
from worker.config.settings import BadSettings
from worker.execution import log, masking

_OURS = ("NRR_", "PGPASSWORD", "STRIPE_", "SMTP_", "SLACK_", "DATABASE_URL", "REDIS_URL", "REPORTING_", "ALERT_")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [each for each in os.environ if each.startswith(_OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(masking, "_known", set())


@pytest.mark.parametrize(
    "text",
    [
        'stripe_api_base = "https://stripe.attacker.example"\n',
        '[accounts.eu]\napi_key_env = "AWS_SECRET_ACCESS_KEY"\napi_base = "https://attacker.example"\n',
        'stripe_api_base = "https://api.stripe.com.attacker.example"\n',
        'allow_foreign_base = true\nstripe_api_base = "https://attacker.example"\n',
        'stripe_api_base = "http://127.0.0.1:12111"\n',
        '[accounts.eu]\napi_key_env = "AWS_SECRET_ACCESS_KEY"\napi_base = "http://localhost:1"\n',
    ],
)
def test_a_file_cannot_send_the_environments_key_elsewhere(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that somebody else filled names no host of their choosing; a person may, in the environment."""
    monkeypatch.setenv("STRIPE_API_KEY" if "accounts" not in text else "AWS_SECRET_ACCESS_KEY", "sk_live_verysecret123")
    Path("nrr.toml").write_text(text)
    with pytest.raises(BadSettings, match="NRR_ALLOW_FOREIGN_BASE") as raised:
        load_settings()
    assert "verysecret" not in str(raised.value)
    monkeypatch.setenv("NRR_ALLOW_FOREIGN_BASE", "true")
    if "allow_foreign_base" not in text:
        load_settings()


def test_stripes_own_and_this_machines_addresses_are_not_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regional hosts of Stripe's may stand in a file, and a sandbox on loopback for keys of test mode: anybody on a machine may listen
    there. What the environment says is a person's word."""
    monkeypatch.setenv("STRIPE_API_KEY", "rk_test_anything123")
    for base in (
        "https://api.stripe.com",
        "http://127.0.0.1:12111",
        "http://localhost:1",
        "https://eu.api.stripe.com",
        "http://[::1]:5",
    ):
        assert not is_foreign(base)
    Path("nrr.toml").write_text('stripe_api_base = "http://127.0.0.1:12111"\n')
    load_settings()
    monkeypatch.setenv("STRIPE_API_BASE", "https://stripe.proxy.example")
    load_settings()


@pytest.mark.parametrize(
    ("text", "variables", "said"),
    [
        ('smtp_host = "mail.attacker.example"', {"SMTP_PASSWORD": "correct horse"}, "SMTP_HOST"),
        ('smtp_host = "127.0.0.1"', {"SMTP_PASSWORD": "correct horse"}, "SMTP_HOST"),
        ('database_url = "postgresql://nrr@localhost:1/nrr"', {"PGPASSWORD": "correct horse"}, "DATABASE_URL"),
        ('database_url = "postgresql://nrr@attacker.example/nrr"', {"PGPASSWORD": "correct horse"}, "DATABASE_URL"),
        ('ca_file = "ca.pem"', {}, "NRR_CA_FILE"),
    ],
)
def test_a_file_leads_no_other_secret_astray(
    text: str, variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A password of the environment goes only where the environment says, and a file in a folder vouches for nobody."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    Path("nrr.toml").write_text(f"{text}\n")
    with pytest.raises(BadSettings, match=said) as raised:
        load_settings()
    assert "correct" not in str(raised.value)
    name = "NRR_CA_FILE" if said == "NRR_CA_FILE" else said
    monkeypatch.setenv(name, text.partition('"')[2].strip('"'))
    load_settings()


def test_a_proxys_password_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host does; what is no address is refused without being repeated."""
    monkeypatch.setenv("NRR_PROXY", "http://nrr:hunter22@proxy.example:3128")
    loaded = load()
    assert "http://nrr:***@proxy.example:3128" in json.dumps(shown(loaded))
    assert "hunter22" in loaded.settings.secrets()
    for wrong in ("proxy.example:3128", "socks5://proxy.example", "http://", "http://proxy.example/path"):
        monkeypatch.setenv("NRR_PROXY", wrong)
        with pytest.raises(BadSettings, match="NRR_PROXY") as raised:
            load_settings()
        assert "proxy.example:" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_key_in_a_file_that_others_can_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the file and the command that mends it, also where the environment has another key; a file without secrets may be
    read by anybody."""
    file = Path("nrr.toml")
    file.write_text('stripe_api_key = "sk_test_verysecret123"\n')
    file.chmod(0o640)
    with pytest.raises(BadSettings, match="chmod 600") as raised:
        load_settings()
    assert "verysecret" not in str(raised.value)
    monkeypatch.setenv("STRIPE_API_KEY", "rk_test_another123")
    with pytest.raises(BadSettings, match="chmod 600"):
        load_settings()
    file.chmod(0o600)
    load_settings()
    file.write_text('reporting_currency = "usd"\n')
    file.chmod(0o644)
    load_settings()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_what_is_written_is_the_owners_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The settings, the database and the folders made for them, whatever the umask."""
    before = os.umask(0)
    try:
        init()
    finally:
        os.umask(before)
    capsys.readouterr()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (Path("nrr.toml"), Path("data/nrr/nrr.sqlite3"), Path("data/nrr"))}
    assert {Path("nrr.toml"): 0o600, Path("data/nrr/nrr.sqlite3"): 0o600, Path("data/nrr"): 0o700} == modes


def test_an_address_is_shown_without_what_could_log_in() -> None:
    """Passwords and parameters that may be secrets are hidden; how to connect stays readable."""
    address = "postgresql://nrr:hunter22@db.example:5432/nrr?sslmode=verify-full&sslpassword=secret1&token=abc"
    assert "postgresql://nrr:***@db.example:5432/nrr?sslmode=verify-full&sslpassword=***&token=***" == address_shown(address)
    assert "sqlite:////var/lib/nrr/nrr.sqlite3" == address_shown("sqlite:////var/lib/nrr/nrr.sqlite3")
    assert "sqlite:///nrr.sqlite3" == address_shown("sqlite:///nrr.sqlite3")
    assert ("hunter22", "secret1", "abc") == passwords(address)


def test_config_show_hides_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """No value that could log in anywhere is among what is shown, however it was set."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nrr:hunter22@db.example/nrr?sslpassword=topsecret9")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_verysecret123")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/hookhook")
    said = json.dumps(shown(load()))
    for secret in ("hunter22", "topsecret9", "verysecret", "hookhook"):
        assert secret not in said


def test_logs_mask_by_value_however_deep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A password that looks like a word shows neither in a field, nor within lists and mappings, nor in an error."""
    monkeypatch.setenv("SMTP_PASSWORD", "correct horse")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nrr:p%40ssword@db.example/nrr")
    masking.keep_secret(*load_settings().secrets())
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    try:
        log.configure(style="json", level="info")
        logger = logging.getLogger("test")
        log.logger("test").warning(
            "said", plain="correct horse", deep={"a": [("correct horse", {"b": "x p@ssword y"})]}, odd=ValueError("p%40ssword")
        )
        logger.warning("foreign correct horse")
    finally:
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
    written = capsys.readouterr().err
    assert "said" in written
    assert "foreign" in written
    for secret in ("correct horse", "p@ssword", "p%40ssword"):
        assert secret not in written


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("pk_live_abcdefghijk", "publishable"),
        ("whsec_abcdefghijk", "signing secret"),
        ("rk_live_abcdefghijk ", "blank"),
        ("", "empty"),
        ("AKIA1234567890", "begin with rk_"),
    ],
)
def test_what_is_no_key_gets_a_sentence_of_its_own(key: str, said: str) -> None:
    """And never goes out on the wire; the sentence doesn't repeat it."""
    wrong = what_key(key)
    assert wrong is not None
    assert said in wrong
    assert not key.strip() or key.strip() not in wrong
    assert what_key("rk_test_case") is None


def test_a_spreadsheet_computes_nothing_of_what_is_exported() -> None:
    """Texts that begin like a formula get an apostrophe; numbers written as text stay numbers."""
    frame = pl.DataFrame(
        {"name": ["=1+1", "+cmd|x", "-2.5", "@sum", " =2", "\tx", "pro", None], "micros": [1, -2, 3, 4, 5, 6, 7, 8]}
    )
    assert ["'=1+1", "'+cmd|x", "-2.5", "'@sum", "' =2", "'\tx", "pro", None] == _inert(frame)["name"].to_list()
    assert frame["micros"].to_list() == _inert(frame)["micros"].to_list()


def test_what_is_printed_steers_no_terminal_but_for_our_own_colours_and_links(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines for people keep colours and links to Stripe's dashboard; JSON reads back as it was, and holds no sign that a terminal obeys."""
    link = "\x1b]8;;https://dashboard.stripe.com/customers/cus_1\x1b\\cus_1\x1b]8;;\x1b\\"
    assert link == steady(link)
    assert "\x1b[31mred\x1b[0m" == steady("\x1b[31mred\x1b[0m")
    evil = "a\x1b]8;;https://attacker.example\x1b\\b\x1b[2Jc\x07\x9b2Jd\u202ee\rf"
    assert "a]8;;https://attacker.example\\b[2Jc2Jdef" == steady(evil)
    put_json({"name": evil})
    written = capsys.readouterr().out
    assert evil == json.loads(written)["name"]
    assert not any((ord(sign) < 32 and sign != "\n") or 126 < ord(sign) < 160 or sign == "\u202e" for sign in written)


def test_an_error_cannot_steer_the_terminal() -> None:
    """What is quoted from outside loses its control signs, and keys are masked."""
    assert "customer red of sk_*** said" == _shown("customer \x1b]0;x\x07red of sk_live_abcdefgh said".replace("]0;x", ""))


@pytest.mark.parametrize(
    ("database", "unsafe"),
    [
        ("postgresql://nrr@db.example/nrr", "sslmode=prefer"),
        ("postgresql://nrr@db.example/nrr?sslmode=require", "sslmode=require"),
        ("postgresql://nrr@db.example/nrr?sslmode=verify-full", None),
        ("postgresql://nrr@127.0.0.1:5432/nrr", None),
        ("postgresql:///nrr?host=/var/run/postgresql", None),
        ("sqlite:////var/lib/nrr.sqlite3", None),
    ],
)
def test_a_line_that_nobody_checks_is_told(database: str, unsafe: str | None) -> None:
    """A PostgreSQL on another machine is safe with verify-full alone."""
    said = unchecked_line(database)
    assert (said is None) == (unsafe is None)
    assert unsafe is None or (said is not None and unsafe in said)


def test_workers_take_no_orders_by_redis() -> None:
    """Celery's remote control is off: who reaches Redis can't end workers or change their limits by it."""
    assert celery_settings("redis://127.0.0.1:6379/0", prefix="nrr", tick_seconds=30)["worker_enable_remote_control"] is False


def test_an_address_that_breaks_every_sync_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the limiter can't speak to is no address for Redis."""
    monkeypatch.setenv("REDIS_URL", "sentinel://127.0.0.1:26379/0")
    with pytest.raises(BadSettings, match="REDIS_URL"):
        load_settings()
