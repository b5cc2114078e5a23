"""What somebody hands us that can't be used: a sentence that names it, never a traceback, in bounded time, and nothing changed."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.worker.cli.command import Run

TOMLS = {
    "brackets": "x = " + "[" * 5_000,
    "closed brackets": "x = " + "[" * 5_000 + "]" * 5_000,
    "tables": "x = " + "{a=" * 5_000 + "1" + "}" * 5_000,
    "dotted": ".".join("a" * 5_000) + " = 1",
    "a number": "threads = " + "9" * 5_000,
    "a float": "threads = 1e99999",
    "not a number": "lease_seconds = nan",
    "a date": "threads = 0000-00-00",
    "a key": f'"{"k" * 500_000}" = 1',
    "half a pair": 'reporting_timezone = "\\ud800"',
    "nul": "reporting_timezone = 'U\x00TC'",
    "a mark": "\ufeffthreads = 1",
}
"""Settings files."""


@pytest.mark.parametrize("text", TOMLS.values(), ids=TOMLS)
@pytest.mark.parametrize("command", [("config", "check"), ("db", "upgrade")], ids=" ".join)
def test_a_settings_file_that_is_none_is_told(nrr: Run, tmp_path: Path, text: str, command: tuple[str, ...]) -> None:
    """Exit 2 with the file's name; no database is made."""
    file = tmp_path / "odd.toml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    done = nrr(*command, "--config", str(file), DATABASE_URL=f"sqlite:///{tmp_path}/none/nrr.sqlite3")
    assert (2, "") == (done.code, done.out), done.err[-300:]
    assert "Traceback" not in done.err
    assert 20 < len(done.err) < 3_000
    assert not (tmp_path / "none").exists()


RATES = {
    "a long field": "day,unit,currency,rate\n2026-01-01,eur,usd," + "1" * 200_000,
    "a long head": "day,unit,currency,rate," + "x" * 200_000 + "\n",
    "a long word": "day,unit,currency,rate\n" + "2" * 100_000 + ",eur,usd,1.1\n",
    "nul": "day,unit,currency,rate\n2026-01-01,e\x00r,usd,1.1\n",
    "an open quote": 'day,unit,currency,rate\n"2026-01-01,eur,usd,1.1\n' * 1000,
    "only returns": "day,unit,currency,rate\r2026-01-01,eur,usd,x\r",
    "nothing": "",
    "one line": "x" * 1_000_000,
    "digits": "day,unit,currency,rate\n2026-01-01,eur,usd,١.١\n",
}
"""Files of exchange rates."""


@pytest.mark.parametrize("text", RATES.values(), ids=RATES)
def test_rates_that_are_none_are_told(nrr: Run, tmp_path: Path, text: str) -> None:
    """Exit 2 with the file's name, in a few lines however long the field; nothing is stored."""
    assert 0 == nrr("db", "upgrade").code
    (tmp_path / "rates.csv").write_text(text, encoding="utf-8", newline="")
    done = nrr("rates", "load", str(tmp_path / "rates.csv"))
    assert (2, "") == (done.code, done.out), done.err[-300:]
    assert "rates.csv" in done.err
    assert "Traceback" not in done.err
    assert len(done.err) < 1_000
    assert [] == nrr("rates", "show", "--json").json["pairs"]


@pytest.mark.parametrize(
    "command",
    [
        ("config", "check", "--config", "ENDLESS"),
        ("rates", "load", "ENDLESS"),
        ("db", "restore", "ENDLESS", "--replace"),
    ],
    ids=" ".join,
)
def test_a_file_without_an_end_is_told(nrr: Run, command: tuple[str, ...]) -> None:
    """As `/dev/zero` is one: so much is read of it as such a file can hold, and no more."""
    assert 0 == nrr("db", "upgrade").code
    done = nrr(*(word.replace("ENDLESS", "/dev/zero") for word in command))
    assert (2, "") == (done.code, done.out), done.err[-300:]
    assert "/dev/zero" in done.err
    assert "Traceback" not in done.err
    assert len(done.err) < 1_000


def test_a_secret_without_an_end_is_told(nrr: Run) -> None:
    """With the variable's name; nothing is asked of anybody."""
    done = nrr("sync", STRIPE_API_KEY="", STRIPE_API_KEY_FILE="/dev/zero")
    assert (2, "") == (done.code, done.out), done.err[-300:]
    assert "more than the 64 KiB" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "command", [("db", "upgrade"), ("db", "current"), ("show", "mrr"), ("doctor",), ("db", "backup", "b.zip")], ids=" ".join
)
@pytest.mark.parametrize("place", ["/proc/nrr/nrr.sqlite3", "FILE/nrr.sqlite3", "/dev/full", "FOLDER"])
def test_a_place_where_no_database_can_be_is_told(nrr: Run, tmp_path: Path, command: tuple[str, ...], place: str) -> None:
    """A folder that can't be written, one that is a file, a device, a folder in the place of the file: a sentence and no traceback."""
    (tmp_path / "file").write_text("x")
    address = place.replace("FILE", str(tmp_path / "file")).replace("FOLDER", str(tmp_path))
    done = nrr(*command, DATABASE_URL=f"sqlite:///{address}")
    assert done.code in (1, 2, 10), done.err[-300:]
    assert "Traceback" not in done.err
    assert done.err + done.out


def test_two_schemas_in_one_database_are_told(nrr: Run, tmp_path: Path) -> None:
    """Exit 10 from whatever is asked, with both names; the upgrade refuses too."""
    file = tmp_path / "two.sqlite3"
    environment = {"DATABASE_URL": f"sqlite:///{file}"}
    assert 0 == nrr("db", "upgrade", **environment).code
    with closing(sqlite3.connect(file)) as held:
        held.execute("INSERT INTO alembic_version VALUES ('0007')")
        held.commit()
    for command in (("db", "upgrade"), ("db", "current"), ("show", "mrr"), ("db", "backup", str(tmp_path / "b.zip"))):
        done = nrr(*command, **environment)
        assert 10 == done.code, (command, done.err)
        assert "several schemas at once (0007" in done.err
        assert "Traceback" not in done.err


@pytest.mark.parametrize("seed", range(12))
def test_any_settings_in_the_environment_are_taken_or_told(nrr: Run, seed: int) -> None:
    """Odd values for every setting at once: every fault in one go with its name, exit 2 or 0, never a traceback."""
    chance = random.Random(seed)
    odd = ["", " ", "-1", "9" * 5_000, "1e309", "nan", "\udc80", "ü" * 1_000, "[" * 5_000, "{" * 5_000, '{"a":' * 5_000, "sentinel://h", "redis://", "file:///etc/passwd", "true", "0x10", "None", "sqlite://", "postgresql://", "http://[::1", "//", "a\nb"]  # fmt: skip
    names = (
        "DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "NRR_POLICY", "NRR_KEPT_POLICIES", "NRR_DIMENSIONS", "NRR_THREADS",
        "NRR_LEASE_SECONDS", "NRR_RATES", "NRR_RATES_URL", "REPORTING_TIMEZONE", "REPORTING_CURRENCY", "NRR_INTERNAL", "NRR_ALERTS", "NRR_REPORT",
        "NRR_ACCOUNTS", "SMTP_HOST", "SMTP_PORT", "ALERT_EMAIL_TO", "SLACK_WEBHOOK_URL", "NRR_KEEP_NAME_DAYS", "NRR_FORGET_DELETED", "NRR_PROXY",
    )  # fmt: skip
    given = {name: chance.choice(odd) for name in names if chance.random() < 0.6}
    done = nrr("config", "check", **given)
    assert done.code in (0, 2), (given, done.err[-500:])
    assert "Traceback" not in done.err
