"""What would be misread is said: days that haven't come, segments that nobody has, and what each setting is."""

import pytest

from tests.worker.cli.command import Run
from tests.worker.cli.conftest import Concern
from worker.config.settings import Settings

FUTURE = (
    ("show", "mrr", "--at", "2027-05-01"),
    ("compare", "default", "stripe", "--at", "2027"),
    ("show", "retention", "--from", "2027-01-01", "--to", "2027-03-31"),
    ("show", "movements", "--from", "2026-12-01", "--to", "2027-03-31"),
    ("explain", "2027-Q2"),
    ("explain", "2027-05-01"),
)


@pytest.mark.parametrize("command", FUTURE, ids=" ".join)
def test_days_that_have_not_come_are_refused(concern: Concern, command: tuple[str, ...]) -> None:
    """Today's figures under a future date would be taken for a forecast; what is known of the future is elsewhere, and is named."""
    done = concern(*command)
    assert (2, "") == (done.code, done.out)
    assert "lies in the future: today is 2026-11-30" in done.err
    assert "nrr show outlook" in done.err


@pytest.mark.parametrize(
    "command", [("show", "mrr", "--at", "2026-11"), ("show", "mrr", "--at", "2026-11-30"), ("explain", "2026-11")]
)
def test_what_has_begun_is_shown(concern: Concern, command: tuple[str, ...]) -> None:
    """The current month, quarter and day are no future."""
    assert 0 == concern(*command).code


def test_a_rule_on_a_segment_that_nobody_has_is_told(concern: Concern) -> None:
    """It can't fire, and nobody would notice: what was probably meant is named. One on a segment that there is isn't spoken of."""
    rules = """
[[alerts.rules]]
name = "slip"
metric = "grr"
window = "month"
segment = "plan=price_team_monthli"
below = "85 %"

[[alerts.rules]]
name = "right"
metric = "grr"
window = "month"
segment = "plan=price_team_monthly"
below = "85 %"
"""
    file = concern.folder / "slip.toml"
    file.write_text((concern.folder / "nrr.toml").read_text() + rules)
    file.chmod(0o600)
    try:
        missing = concern("alerts", "list", "--config", str(file), "--json").json["missing_segments"]
        said = concern("alerts", "list", "--config", str(file)).err
        checks = concern("doctor", "--config", str(file), "--json").json["checks"]
    finally:
        file.unlink()
    assert [("slip", "plan=price_team_monthli")] == [(each["rule"], each["segment"]) for each in missing]
    assert "slip watches plan=price_team_monthli, which no figure has" in said
    assert "plan=price_team_monthly" in said
    [rule] = [check for check in checks if check["name"].startswith("rule ")]
    assert ("rule slip", "note") == (rule["name"], rule["state"])
    assert rule["detail"] in said


def test_each_setting_says_what_it_is(nrr: Run) -> None:
    """In words, in JSON and in the table; a setting without a description can't be added."""
    rows = nrr("config", "show", "--json").json["settings"]
    assert [*Settings.model_fields] == [row["name"] for row in rows]
    assert [] == [row["name"] for row in rows if len(row["about"]) < 5]
    assert "the time zone that cuts days and months" in " ".join(nrr("config", "show").out.split())


def test_movements_have_the_names_of_the_views(concern: Concern) -> None:
    """`day`, `mrr_before`, `mrr_after` and `change` stand beside the names of before, and say the same."""
    rows = concern("show", "movements", "--from", "2026-10-01", "--to", "2026-10-31", "--json").json["movements"]
    assert rows
    for row in rows:
        assert (row["date"], row["before"], row["after"], row["delta"]) == (
            row["day"],
            row["mrr_before"],
            row["mrr_after"],
            row["change"],
        )
        assert row["mrr_before_micros"] + row["change_micros"] == row["mrr_after_micros"]


def test_that_nothing_was_done_by_hand_is_said(concern: Concern) -> None:
    """No table of nothing."""
    assert "nothing was done by hand so far" in concern("runs", "--audit", now=None).out


def test_who_is_asked_and_says_nothing_removes_nothing_and_is_told(concern: Concern) -> None:
    """In a script there is nobody to ask: the answer is no, with the option that says yes."""
    customer = concern("show", "movements", "--from", "2026-10-01", "--to", "2026-10-31", "--json").json["movements"][0]["customer"]
    done = concern("forget", customer, now=None)
    assert (1, "") == (done.code, done.out.strip())
    assert "nothing was removed; --yes says so without being asked" in done.err
