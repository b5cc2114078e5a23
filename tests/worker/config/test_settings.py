"""Settings: which source counts, what is refused, and that no secret shows."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_origin

import pytest

from worker.config.load import load, load_settings, set_in_environment, shown
from worker.config.settings import TABLES, BadSettings, Settings

SECRET = "sk_test_verysecret123"


_OURS = ("NRR_", "STRIPE_", "SMTP_", "SLACK_", "DATABASE_URL", "REDIS_URL", "REPORTING_", "ALERT_")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder and an environment with nothing of ours in it."""
    for name in [each for each in os.environ if each.startswith(_OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_without_anything_there_are_defaults(tmp_path: Path) -> None:
    """Nothing has to be set for the database: it is a SQLite file in the user's data directory."""
    settings = load_settings()
    assert f"sqlite:///{tmp_path}/data/nrr/nrr.sqlite3" == settings.database
    assert "default" == settings.basis().policy.name


def test_flag_before_environment_before_secret_file_before_toml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each source hides the ones below it, and `config show` names the one that counted."""
    Path("nrr.toml").write_text('reporting_currency = "gbp"\nstripe_api_key = "sk_test_fromtoml"\n')
    Path("nrr.toml").chmod(0o600)
    assert "gbp" == load_settings().reporting_currency
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv("STRIPE_API_KEY_FILE", str(tmp_path / "key"))
    found = load().settings.stripe_api_key
    assert found is not None
    assert SECRET == found.get_secret_value()
    monkeypatch.setenv("REPORTING_CURRENCY", "EUR")
    assert "eur" == load_settings().reporting_currency
    loaded = load({"reporting_currency": "jpy"})
    assert "jpy" == loaded.settings.reporting_currency
    sources = {row["name"]: row["source"] for row in shown(loaded)}
    assert ("flag", "environment STRIPE_API_KEY_FILE") == (sources["reporting_currency"], sources["stripe_api_key"])


@pytest.mark.parametrize("name", ["REPORTING_CURRENCY", "reporting_currency", "NRR_REPORTING_CURRENCY", "nrr_reporting_currency"])
def test_a_variable_may_be_written_small_or_begin_with_nrr(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It comes before the file under each of its names, and is told to come from the environment; the documented name counts before the others."""
    Path("nrr.toml").write_text('reporting_currency = "gbp"\n')
    monkeypatch.setenv(name, "EUR")
    loaded = load()
    [row] = [row for row in shown(loaded) if row["name"] == "reporting_currency"]
    assert ("eur", "environment REPORTING_CURRENCY") == (loaded.settings.reporting_currency, row["source"])
    assert ["REPORTING_CURRENCY"] == set_in_environment(["reporting_currency"])
    monkeypatch.setenv("REPORTING_CURRENCY", "jpy")
    assert "jpy" == load().settings.reporting_currency


def test_a_secret_of_the_environment_comes_before_its_file_under_each_of_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of where it comes from is where it comes from."""
    Path("key").write_text("sk_test_ofthefile00")
    monkeypatch.setenv("STRIPE_API_KEY_FILE", "key")
    monkeypatch.setenv("stripe_api_key", SECRET)
    loaded = load()
    assert loaded.settings.stripe_api_key is not None
    assert (SECRET, "environment STRIPE_API_KEY") == (
        loaded.settings.stripe_api_key.get_secret_value(),
        loaded.sources["stripe_api_key"],
    )


def test_every_setting_that_is_a_table_is_known_as_one() -> None:
    """A further one that nobody named would be told to be no table when the environment has it. The policy may be a preset's name as well."""
    tables = {
        name
        for name, info in Settings.model_fields.items()
        if get_origin(info.annotation) is Mapping or "Table" in str(info.annotation)
    }
    assert {*TABLES, "policy"} == tables


def test_a_table_of_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting that isn't a text, a number or a list of words can be said so, and what is no JSON is told with the variable's name."""
    monkeypatch.setenv("STRIPE_A", SECRET)
    said = {
        "accounts": '{"a": {"api_key_env": "STRIPE_A"}}',
        "internal": '[{"key": "staff", "values": ["yes"]}]',
        "channels": '{"lead": {"kind": "slack", "url_env": "LEAD"}}',
        "alerts": '{"rules": []}',
        "report": '{"folder": "/srv/reports"}',
    }
    assert set(said) == set(TABLES)
    for field, text in said.items():
        monkeypatch.setenv(f"NRR_{field.upper()}", text)
    settings = load_settings()
    held = {field: getattr(settings, field) for field in said}
    assert {} == {field: value for field, value in held.items() if not value}
    assert ("STRIPE_A", "staff") == (settings.accounts["a"].api_key_env, settings.internal[0].key)
    monkeypatch.setenv("NRR_ACCOUNTS", "a=b")
    with pytest.raises(BadSettings) as raised:
        load_settings()
    assert ("NRR_ACCOUNTS takes JSON, and what it holds is none; a table is easier to write in nrr.toml",) == raised.value.faults


def test_every_fault_is_told_at_once_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person mends everything in one go: names, places and what would be taken."""
    Path("nrr.toml").write_text(
        'reporting_timezone = "Mars/Olympus"\ncurency = "usd"\n[policy]\npreset = "stripe"\ndiscounts = "some"\n'
    )
    monkeypatch.setenv("REPORTING_CURRENCY", "zzz")
    monkeypatch.setenv("NRR_SHARDS", "0")
    monkeypatch.setenv("DATABASE_URL", "mysql://x")
    with pytest.raises(BadSettings) as raised:
        load_settings()
    said = str(raised.value)
    assert 6 == len(raised.value.faults)
    for part in (
        "reporting_timezone (in nrr.toml)",
        "curency (in nrr.toml)",
        "REPORTING_CURRENCY (from the environment)",
        "NRR_SHARDS",
        "DATABASE_URL",
        "discounts",
    ):
        assert part in said


def test_a_name_that_nearly_fits_is_suggested() -> None:
    """A typing error costs no search in the documentation."""
    Path("nrr.toml").write_text('reporting_curency = "usd"\n')
    with pytest.raises(BadSettings, match="did you mean reporting_currency"):
        load_settings()


def test_a_broken_file_is_named_with_its_line() -> None:
    """The line is where the eye goes first."""
    Path("nrr.toml").write_text("shards = 4\nthreads = = 3\n")
    with pytest.raises(BadSettings, match=r"nrr\.toml.*line 2"):
        load_settings()


def test_a_secret_file_that_is_not_there_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that can't be read must not silently be no key."""
    monkeypatch.setenv("STRIPE_API_KEY_FILE", "/nowhere/key")
    with pytest.raises(BadSettings, match="/nowhere/key could not be read"):
        load_settings()


def test_no_secret_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in what `config show` prints nor in the settings' own representation nor in a fault."""
    monkeypatch.setenv("STRIPE_API_KEY", SECRET)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nrr:{SECRET}@localhost/nrr")
    loaded = load()
    assert SECRET not in repr(loaded) + str(shown(loaded))
    monkeypatch.setenv("REDIS_URL", f"rediss://:{SECRET}@localhost/0?ssl_cert_reqs=none")
    with pytest.raises(BadSettings) as raised:
        load_settings()
    assert SECRET not in str(raised.value)


def test_a_policy_may_be_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset by its name, in the environment and in the file."""
    monkeypatch.setenv("NRR_POLICY", "stripe")
    assert "stripe" == load_settings().basis().policy.name
    monkeypatch.delenv("NRR_POLICY")
    Path("nrr.toml").write_text('policy = "chartmogul"\n')
    assert "chartmogul" == load_settings().basis().policy.name


def test_several_accounts_each_bring_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to give a key are one too many, and STRIPE_API_KEY beside accounts is nobody's."""
    Path("nrr.toml").write_text('[accounts.eu]\napi_key_env = "EU"\napi_key_file = "x"\n')
    with pytest.raises(BadSettings, match="exactly one"):
        load_settings()
    Path("nrr.toml").write_text('[accounts.eu]\napi_key_env = "EU"\n')
    monkeypatch.setenv("STRIPE_API_KEY", SECRET)
    with pytest.raises(BadSettings, match="can't both be set"):
        load_settings()


def test_the_key_never_travels_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is for this machine, unless somebody says otherwise."""
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9999")
    load_settings()
    monkeypatch.setenv("STRIPE_API_BASE", "http://stripe.internal")
    with pytest.raises(BadSettings, match="unencrypted"):
        load_settings()
    monkeypatch.setenv("NRR_ALLOW_PLAIN_HTTP", "true")
    assert "http://stripe.internal" == load_settings().stripe_api_base


def test_reports_are_set_by_a_table(tmp_path: Path) -> None:
    """A folder is enough; one word stands for a list of one, and the address loses its slash."""
    Path("nrr.toml").write_text(
        f'[report]\nfolder = "{tmp_path}"\nschedule = "quarterly"\nwhat = "workbook"\nurl = "https://r.example/x/"\n'
    )
    table = load_settings().report
    assert table is not None
    assert (tmp_path, ("quarterly",), ("workbook",)) == (table.folder, table.schedule, table.what)
    assert ("https://r.example/x", 36, "linked") == (table.url, table.months, table.digest)
    assert {"folder", "months"} <= set(next(row["value"] for row in shown(load()) if row["name"] == "report"))


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ('folder = "reports"', "report.folder", "a whole path such as /srv/reports, not 'reports'"),
        ('folder = "s3://bucket/x"', "report.folder", "mount the bucket"),
        ("folder = 7", "report.folder", "takes the path of a folder"),
        ('schedule = "weekly"', "report.schedule", "'monthly' or 'quarterly'"),
        ("schedule = []", "report.schedule", "one or more"),
        ('schedule = ["monthly", "monthly"]', "report.schedule", "each once"),
        ('what = ["page", "pdf"]', "report.what", "'page' or 'workbook'"),
        ("months = 0", "report.months", "greater than or equal to 1"),
        ('digest = "maybe"', "report.digest", "'linked', 'attached' or 'silent'"),
        ('url = "reports.example.com"', "report.url", "such as https://reports.example.com/"),
        ('url = "https://me:secret@r.example"', "report.url", "such as https://reports.example.com/"),
        ('adress = "x"', "report.adress", "there is no such setting"),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_the_name_of_its_setting(line: str, place: str, said: str, tmp_path: Path) -> None:
    """With what it takes; nothing is done."""
    folder = "" if line.startswith("folder") else f'folder = "{tmp_path}"\n'
    Path("nrr.toml").write_text(f"[report]\n{folder}{line}\n")
    with pytest.raises(BadSettings) as raised:
        load_settings()
    [fault] = raised.value.faults
    assert fault.startswith((f"{place} (in nrr.toml)", f"{place}.")), fault
    assert said in fault


def test_a_report_needs_a_folder() -> None:
    """The name of what is missing is said."""
    Path("nrr.toml").write_text('[report]\nschedule = "monthly"\n')
    with pytest.raises(BadSettings, match=r"report\.folder \(in nrr\.toml\)"):
        load_settings()
