"""Dates as people type them: one parser for all commands, which says what it takes instead of failing."""

from datetime import UTC, date, datetime

import pytest

from worker.cli.dates import day_of_text, days_of_text, instant_of, last_day_of_text, looks_like_a_date, until_of_text
from worker.cli.exit_codes import Exit, Stop
from worker.cli.explain import _asked


@pytest.mark.parametrize(
    ("text", "first", "until"),
    [
        ("2026-03-31", date(2026, 3, 31), date(2026, 4, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-Q4", date(2026, 10, 1), date(2027, 1, 1)),
        ("2026-q1", date(2026, 1, 1), date(2026, 4, 1)),
        ("2024", date(2024, 1, 1), date(2025, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
    ],
)
def test_a_range_may_be_typed_wherever_a_day_is(text: str, first: date, until: date) -> None:
    """As a first day it is its first one, as a last day its last one."""
    assert (first, until) == days_of_text(text, "--from")
    assert first == day_of_text(text, "--from")
    assert until == until_of_text(text, "--to")
    assert until.toordinal() - 1 == last_day_of_text(text, "--to").toordinal()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-W10",
        "2026-13",
        "2026-02-30",
        "9999-12-31",
        "0001-01-01",
        "20260331",
        "31.03.2026",
        "2026-03-31T00:00",
        "2026-Q5",
        "x",
    ],
)
def test_what_is_no_day_is_told_by_its_option(text: str) -> None:
    """A usage error that names the option and an example, never a traceback."""
    with pytest.raises(Stop, match="--at") as raised:
        last_day_of_text(text, "--at")
    assert Exit.USAGE == raised.value.code


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "noon", ""])
def test_what_is_no_instant_is_told(text: str) -> None:
    """Beyond the calendar in UTC too, where a zone pushes it over the edge."""
    with pytest.raises(Stop, match="--now"):
        instant_of(text)


def test_an_instant_without_a_zone_is_utc() -> None:
    """So that a script means the same everywhere."""
    assert datetime(2026, 3, 31, 12, tzinfo=UTC) == instant_of("2026-03-31T12:00")


def test_explain_knows_a_date_from_a_customer() -> None:
    """A year begins no id of Stripe's: a wrong date is told, and never looked up as a customer."""
    assert ("cus_1", None) == _asked("cus_1")
    assert ("company_id:acme@home", None) == _asked("company_id:acme@home")
    assert ("cus_1", (date(2026, 3, 1), date(2026, 4, 1))) == _asked("cus_1@2026-03")
    assert (None, (date(2026, 3, 31), date(2026, 4, 1))) == _asked("2026-03-31")
    for text, where in (
        ("9999-12-31", "nrr explain takes"),
        ("2026-W10", "nrr explain takes"),
        ("cus_1@2026-02-30", "nrr explain cus_1@… takes"),
    ):
        with pytest.raises(Stop, match=where):
            _asked(text)
    assert not looks_like_a_date("sub_2026")
