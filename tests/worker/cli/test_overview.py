"""`nrr` alone, and retention without days: what somebody sees who asks for nothing in particular."""

import re
from datetime import date

import pytest
from sqlalchemy import create_engine

from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from tests.worker.cli.command import Run
from tests.worker.cli.conftest import Concern
from worker.cli.overview import sparkline
from worker.queries import figures
from worker.queries.session import Session


def test_nrr_alone_is_one_screen(concern: Concern) -> None:
    """MRR, rates of the last complete month and twelve months, what fires, age and completeness, within 80 by 24 and without colour."""
    done = concern(now=None)
    named = concern("overview")
    assert 0 == named.code, named.err
    assert 0 == done.code, done.err
    for part in (
        "MRR",
        "NRR",
        "GRR",
        "Logos kept",
        "October 2026",
        "12 months to October 2026",
        "Alerts",
        "Fresh",
        "Complete",
        "Next",
    ):
        assert part in named.out, part
        assert part in done.out, part
    narrow = concern("overview", COLUMNS="80", FORCE_COLOR="1", NO_COLOR="1").out.splitlines()
    assert len(narrow) <= 24
    assert [] == [line for line in narrow if len(re.sub(r"\x1b\[[0-9;]*m", "", line)) > 80]
    assert [] == [line for line in narrow if re.search(r"\x1b\[(?:\d+;)*3\d", line)]  # signs of colour; bold is none
    assert "\x1b" not in named.out


def test_it_says_the_same_as_retention(concern: Concern) -> None:
    """Its two windows are those that `show retention` gives without days, figure for figure; the bad month is the last one."""
    windows = concern("show", "retention", "--json").json["windows"]
    assert [("month", "2026-10-01"), ("quarter", "2026-07-01"), ("trailing_12", "2025-11-01")] == [
        (each["window"], each["from"]) for each in windows
    ]
    shown = concern("overview", "--json").json
    assert [(w["total"]["nrr"], w["total"]["grr"]) for w in (windows[0], windows[2])] == [
        (each["nrr"], each["grr"]) for each in shown["windows"]
    ]
    assert windows[0]["total"]["grr"] < 0.96 < windows[1]["total"]["grr"]
    assert not any(each["total"]["incomplete"] for each in windows)


def test_retention_without_days_is_of_what_is_over(concern: Concern) -> None:
    """The month under way is named as left out, and shown when it is asked for."""
    done = concern("show", "retention")
    assert "2026-11" not in done.out
    assert "nrr show retention --from 2026-11" in done.err
    asked = concern("show", "retention", "--from", "2026-11")
    assert "(incomplete)" in asked.out
    assert "nrr show retention --from 2026-11-01 --to" not in done.err


def test_a_month_that_is_over_and_not_complete_is_named(concern: Concern) -> None:
    """On the first days of a month the one before is missing among what is complete: that is said, with what shows it."""
    done = concern("show", "retention", now="2026-12-01T01:00:00Z")
    assert "nrr show retention --from 2026-11-01 --to 2026-11-30" in done.err
    assert "nrr show retention --from 2026-12" in done.err


@pytest.mark.parametrize(
    ("through", "expected"),
    [
        (date(2026, 10, 31), ["2026-09-01", "2026-07-01", "2025-10-01"]),
        (date(2026, 11, 1), ["2026-10-01", "2026-07-01", "2025-11-01"]),
        (date(2026, 1, 1), ["2025-12-01", "2025-10-01", "2025-01-01"]),
    ],
)
def test_a_window_is_over_a_day_after_its_end(monkeypatch: pytest.MonkeyPatch, through: date, expected: list[str]) -> None:
    """A churn of the last day may still be undone on the next one: with a grace of a day, October is complete when 1 November is."""
    monkeypatch.setattr(figures, "complete_through", lambda _session: through)
    session = Session(create_engine("sqlite://"), Basis(), Instant(0))
    assert expected == [window.first.isoformat() for window in figures.last_complete(session)]


def test_where_nothing_is_there_yet_it_says_how_to_begin(nrr: Run) -> None:
    """Not an error of a database, but the commands that lead to the first numbers; the exit code says that there are none."""
    done = nrr()
    assert 10 == done.code
    for part in ("nrr init", "nrr demo", "nrr --help", "STRIPE_API_KEY"):
        assert part in done.err, part
    nrr("init")
    assert "nrr sync" in nrr().err


def test_a_sparkline_has_a_bar_for_each_value() -> None:
    """The lowest is the shortest, the highest the tallest; equal ones are in the middle."""
    assert "▁█▄" == sparkline([-5, 30, 12])
    assert "▄▄▄" == sparkline([7, 7, 7])
