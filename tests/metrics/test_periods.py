"""The reporting calendar: days of 23 and 25 hours, month ends, leap days, windows."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import Instant
from metrics.periods import (
    NoSuchDays,
    Window,
    add_months,
    closing,
    day_of,
    is_incomplete,
    month,
    months_between,
    named,
    opening,
    quarter,
    trailing,
    windows,
    year,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe"]
DAYS = st.dates(date(2009, 1, 1), date(2031, 12, 31))


def at(text: str) -> Instant:
    """An ISO moment with its offset, or in UTC."""
    moment = datetime.fromisoformat(text)
    return Instant(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def hours(day: str, zone: str) -> float:
    """How long a reporting day lasts."""
    d = date.fromisoformat(day)
    return (closing(d, zone) - opening(d, zone)) / 3600


@pytest.mark.parametrize(
    ("expected", "day", "zone"),
    [
        (24, "2025-03-30", "UTC"),
        (23, "2025-03-30", "Europe/Berlin"),
        (25, "2025-10-26", "Europe/Berlin"),
        (23, "2025-03-09", "America/New_York"),
        (25, "2025-11-02", "America/New_York"),
        (23.5, "2025-10-05", "Australia/Lord_Howe"),
        (24.5, "2025-04-06", "Australia/Lord_Howe"),
        (23, "2018-11-04", "America/Sao_Paulo"),
        (25, "2018-02-17", "America/Sao_Paulo"),
        (25, "2025-11-02", "America/Havana"),
        (0, "2011-12-30", "Pacific/Apia"),
    ],
)
def test_days_are_as_long_as_the_clocks_say(expected: float, day: str, zone: str) -> None:
    """A clock change makes a day shorter or longer, even at midnight; the day that Samoa left out has no time at all."""
    assert expected == hours(day, zone)


@pytest.mark.parametrize(
    ("expected", "day", "zone"),
    [
        ("2025-03-01T00:00+00:00", "2025-03-01", "UTC"),
        ("2025-03-01T05:00+00:00", "2025-03-01", "America/New_York"),
        ("2025-02-28T23:00+00:00", "2025-03-01", "Europe/Berlin"),
        ("2025-02-28T18:15+00:00", "2025-03-01", "Asia/Kathmandu"),
        ("2018-11-04T03:00+00:00", "2018-11-04", "America/Sao_Paulo"),
        ("2025-11-02T04:00+00:00", "2025-11-02", "America/Havana"),
    ],
)
def test_a_day_opens_at_its_first_instant(expected: str, day: str, zone: str) -> None:
    """Local midnight; where it is skipped, the moment after; where it comes twice, the first."""
    assert at(expected) == opening(date.fromisoformat(day), zone)


def test_an_instant_belongs_to_the_local_day() -> None:
    """03:00 UTC on 1 March is still February in New York, and 23:30 UTC on the 28th already March in Berlin."""
    assert date(2025, 2, 28) == day_of(at("2025-03-01T03:00"), "America/New_York")
    assert date(2025, 3, 1) == day_of(at("2025-02-28T23:30"), "Europe/Berlin")


@given(DAYS, st.sampled_from(ZONES))
def test_days_tile_time(day: date, zone: str) -> None:
    """A day's opening is in it, the second before is not, and its closing is the next one's opening."""
    assert day == day_of(opening(day, zone), zone)
    assert day - timedelta(days=1) == day_of(Instant(opening(day, zone) - 1), zone)
    assert opening(day + timedelta(days=1), zone) == closing(day, zone)


@given(st.integers(1_230_768_000, 1_924_905_600).map(Instant), st.sampled_from(ZONES))
def test_an_instant_lies_within_its_day(instant: Instant, zone: str) -> None:
    """opening <= instant < closing, for the day that the instant belongs to (of 2009 to 2030)."""
    day = day_of(instant, zone)
    assert opening(day, zone) <= instant < closing(day, zone)
    assert day == datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(
    ("expected", "day", "months"),
    [
        ("2025-02-01", "2025-01-31", 1),
        ("2025-01-01", "2025-01-31", 0),
        ("2024-12-01", "2025-01-31", -1),
        ("2024-02-01", "2023-02-28", 12),
        ("2023-12-01", "2025-03-05", -15),
        ("2026-01-01", "2025-12-31", 1),
    ],
)
def test_adding_months(expected: str, day: str, months: int) -> None:
    """The first of the month that many months away, over years and backwards."""
    assert date.fromisoformat(expected) == add_months(date.fromisoformat(day), months)


@pytest.mark.parametrize(
    ("expected", "window"),
    [
        (("2024-02", "2024-02-01", "2024-03-01"), month(date(2024, 2, 29))),
        (("2025-02", "2025-02-01", "2025-03-01"), month(date(2025, 2, 28))),
        (("2025-12", "2025-12-01", "2026-01-01"), month(date(2025, 12, 31))),
        (("2025-Q1", "2025-01-01", "2025-04-01"), quarter(date(2025, 3, 31))),
        (("2025-Q4", "2025-10-01", "2026-01-01"), quarter(date(2025, 10, 1))),
        (("2024", "2024-01-01", "2025-01-01"), year(date(2024, 12, 31))),
        (("2024-04-01..2025-04-01", "2024-04-01", "2025-04-01"), trailing(date(2025, 4, 1), 12)),
        (("2025-01-01..2025-04-01", "2025-01-01", "2025-04-01"), trailing(date(2025, 4, 1), 3)),
    ],
)
def test_windows_and_their_names(expected: tuple[str, str, str], window: Window) -> None:
    """First day in, last day out, and a label that sorts."""
    assert expected == (window.label, str(window.first), str(window.until))


def test_a_leap_year_has_its_day() -> None:
    """February 2024 has 29 days, and 2024 has 366."""
    assert 29 == (month(date(2024, 2, 1)).until - month(date(2024, 2, 1)).first).days
    assert 366 == (year(date(2024, 1, 1)).until - year(date(2024, 1, 1)).first).days


def test_months_between_two_days() -> None:
    """Every month that begins before the end, from the one that holds the start."""
    assert ["2024-12", "2025-01", "2025-02"] == [w.label for w in months_between(date(2024, 12, 31), date(2025, 2, 2))]
    assert ["2024-12", "2025-01"] == [w.label for w in months_between(date(2024, 12, 31), date(2025, 2, 1))]
    assert [] == list(months_between(date(2025, 3, 1), date(2025, 3, 1)))


def test_all_windows_of_a_young_book() -> None:
    """A book that began on 20 January, seen on 5 March: three months, a quarter, a year, trailing windows at both month ends, month to date."""
    found = [(w.kind, w.label) for w in windows(date(2025, 1, 20), date(2025, 3, 5))]
    assert [
        ("month", "2025-01"),
        ("month", "2025-02"),
        ("month", "2025-03"),
        ("quarter", "2025-Q1"),
        ("year", "2025"),
        ("trailing_3", "2024-11-01..2025-02-01"),
        ("trailing_3", "2024-12-01..2025-03-01"),
        ("trailing_12", "2024-02-01..2025-02-01"),
        ("trailing_12", "2024-03-01..2025-03-01"),
        ("month_to_date", "2025-03-01..2025-03-06"),
    ] == found


def test_a_book_that_has_not_begun_has_no_windows() -> None:
    """There is nothing to say before the first day."""
    assert [] == windows(date(2025, 1, 20), date(2025, 1, 19))


@given(DAYS, st.integers(0, 1500))
def test_months_quarters_and_years_tile_the_book(first: date, length: int) -> None:
    """Each kind covers every day from the first to today once, and today lies in the last of each."""
    today = min(first + timedelta(days=length), date(2031, 12, 31))
    found = windows(first, today) if first <= today else []
    for kind in ("month", "quarter", "year"):
        cut = [w for w in found if w.kind == kind]
        if cut:
            assert all(a.until == b.first for a, b in pairwise(cut))
            assert cut[0].first <= first < cut[0].until
            assert cut[-1].first <= today < cut[-1].until
    assert all(w.until <= today for w in found if w.kind.startswith("trailing"))


def test_a_window_is_incomplete_until_data_reaches_its_end() -> None:
    """March in Berlin is complete at 22:00 UTC on the 31st (its local midnight), and not a second before."""
    march = month(date(2025, 3, 1))
    end = at("2025-03-31T22:00")
    assert is_incomplete(march, Instant(end - 1), "Europe/Berlin")
    assert not is_incomplete(march, end, "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("2026-03-31", Window("day", date(2026, 3, 31), date(2026, 4, 1))),
        (" 2026-12 ", month(date(2026, 12, 9))),
        ("2026-Q4", quarter(date(2026, 10, 1))),
        ("2026-q1", quarter(date(2026, 1, 1))),
        ("2024", year(date(2024, 1, 1))),
    ],
)
def test_days_are_called_by_their_names(text: str, window: Window) -> None:
    """One way to write a period, for the command line, reports and the window alike; and its label is that name."""
    assert window == named(text)
    assert window == named(window.label)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-W10", "form"),
        ("20260331", "form"),
        ("2026-Q5", "form"),
        ("", "form"),
        ("٢٠٢٦", "form"),
        ("1989-12", "year"),
        ("2200", "year"),
        ("2026-02-30", "calendar"),
        ("2026-00", "calendar"),
    ],
)
def test_what_names_no_days_says_why(text: str, why: str) -> None:
    """Whoever asks can tell a slip of the form from a day that there isn't."""
    with pytest.raises(NoSuchDays) as raised:
        named(text)
    assert why == raised.value.why
