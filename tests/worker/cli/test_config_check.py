"""`nrr config check`: everything that anything would refuse, at once, and nothing connected."""

from pathlib import Path

from tests.worker.cli.command import Run

WRONG = """
[accounts.eu]
api_key_env = "NOT_THERE"

[[alerts.rules]]
name = "plans"
metric = "grrr"
window = "trailing_3"
below = "85 %"
"""


def test_every_fault_is_told_at_once(nrr: Run, tmp_path: Path) -> None:
    """A key's variable that isn't there, a mail address that is none, and a metric that there isn't; with the exit code of settings."""
    (tmp_path / "nrr.toml").write_text(WRONG)
    mail = {"SMTP_HOST": "127.0.0.1", "ALERT_EMAIL_TO": "nobody at all"}
    done = nrr("config", "check", **mail)
    assert 2 == done.code
    for part in ("NOT_THERE", "nobody at all", "grrr", "grr"):
        assert part in done.err, part
    assert 3 == len(nrr("config", "check", "--json", **mail).json["faults"])
    assert not (tmp_path / "data").exists(), "no database was made"


def test_what_is_well_is_said(nrr: Run) -> None:
    """Also where nothing is set; and a publishable key is none that could read."""
    assert "nothing would be refused" in nrr("config", "check").out
    done = nrr("config", "check", STRIPE_API_KEY="pk_live_0000000000000000")
    assert 2 == done.code
    assert "STRIPE_API_KEY" in done.err
