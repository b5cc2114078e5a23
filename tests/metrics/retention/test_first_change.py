"""Windows that ended before two ledgers of the same customers differ are the same in both, whatever they are made by."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from metrics.exchange_rates import QUOTES, exchange
from metrics.periods import windows
from metrics.retention.aggregate import of_windows, partials
from metrics.retention.day_totals import totals
from metrics.retention.first_change import NEVER, first_change
from metrics.retention.spans import ATTRIBUTES, BEGINNING, EXCLUSIONS, Book
from tests.examples import so_many
from tests.metrics.retention.books import START, Stand, book, books

WINDOWS = [w for w in windows(START, date(2025, 5, 1)) if w.kind in ("month", "quarter", "trailing_12")]
RATES = exchange(pl.DataFrame([(date(2023, 1, 1), "eur", "usd", "1.1")], schema=QUOTES, orient="row"), "usd")
DIMENSIONS = ("plan", "country", "size", "signup", "plan,currency")
DAYS = pl.date_range(START, date(2025, 5, 1), eager=True).to_list()
FRAMES = ("standings", "movements", "attributes", "exclusions")


def _sums(some: Book, upto: date) -> dict[str, pl.DataFrame]:
    made = partials(some, WINDOWS, dimensions=DIMENSIONS, exchange=RATES)
    ended = of_windows(made, [w for w in WINDOWS if w.until <= upto])
    day = totals(some.standings, [day for day in DAYS if day < upto])
    return {"totals": day, **{name: getattr(ended, name) for name in ("sums", "leaders", "causes", "trials", "apart")}}


def _at(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _joined(was: Book, becomes: Book, since: date) -> Book:
    """What was known before a day, and after it another history of the same customers."""
    early, late = pl.col("day") < since, pl.col("day") >= since
    standings, movements, attributes = (
        pl.concat([getattr(was, name).filter(early), getattr(becomes, name).filter(late)])
        for name in ("standings", "movements", "attributes")
    )
    return Book(standings, movements, attributes, becomes.exclusions)


@st.composite
def _trials(draw: st.DrawFn) -> pl.DataFrame:
    days = st.sampled_from(DAYS)
    rows = [
        (
            f"c{draw(st.integers(0, 3))}",
            draw(st.sampled_from(["trial", "canceled"])),
            "usd",
            5_000_000,
            _at(begins),
            ends and _at(ends),
        )
        for begins in draw(st.lists(days, max_size=3))
        for ends in [draw(st.none() | st.sampled_from([day for day in DAYS if day >= begins]))]
    ]
    return pl.DataFrame(rows, schema=EXCLUSIONS, orient="row")


@settings(so_many(40))
@given(was=books(("usd", "eur"), most=6), becomes=books(("usd", "eur"), most=6), since=st.sampled_from(DAYS), data=st.data())
def test_what_ended_before_is_the_same(was: Book, becomes: Book, since: date, data: st.DataObject) -> None:
    """Sums by every dimension, lists, causes, trials and day totals."""
    running = data.draw(_trials())
    was = Book(was.standings, was.movements, was.attributes, running)
    becomes = Book(becomes.standings, becomes.movements, becomes.attributes, data.draw(st.just(running) | _trials()))
    now = _joined(was, becomes, since)
    first = first_change(was, now)
    expected, found = _sums(was, first), _sums(now, first)
    for name in expected:
        assert_frame_equal(expected[name], found[name])


def _stands(*told: tuple[str, int, date]) -> Book:
    return book([Stand(name, day, micros) for name, micros, day in told])


def test_the_day_of_news() -> None:
    """Nothing new, an upgrade, a customer that is new, and one that is gone."""
    old = _stands(("a", 10, date(2024, 1, 5)), ("b", 20, date(2024, 2, 5)))
    assert first_change(old, old) == NEVER
    assert first_change(
        old, _stands(("a", 10, date(2024, 1, 5)), ("b", 20, date(2024, 2, 5)), ("b", 30, date(2024, 6, 1)))
    ) == date(2024, 6, 1)
    assert first_change(old, _stands(("a", 10, date(2024, 1, 5)))) == date(2024, 2, 5)


def _with(some: Book, **frames: pl.DataFrame) -> Book:
    return Book(*(frames.get(name, getattr(some, name)) for name in FRAMES))


@pytest.mark.parametrize(
    ("value", "day", "expected"), [("FR", date(2024, 6, 1), date(2024, 6, 1)), ("FR", date(2023, 1, 1), BEGINNING)]
)
def test_an_attribute_holds_before_its_day_only_if_it_is_the_first(value: str, day: date, expected: date) -> None:
    """A country that becomes another one reaches back to that day, one that is known from earlier on as far as there is anything."""
    some = _stands(("a", 10, date(2024, 1, 5)))
    known = [("a", "country", "DE", date(2024, 1, 1))]
    told = [pl.DataFrame(rows, schema=ATTRIBUTES, orient="row") for rows in (known, [*known, ("a", "country", value, day)])]
    assert first_change(*(_with(some, attributes=each) for each in told)) == expected


def test_a_trial_that_ends_differs_from_its_end_on_and_a_cancellation_is_no_trial() -> None:
    """A day of leeway, since an instant is of another day elsewhere."""
    some = _stands(("a", 10, date(2024, 1, 5)))

    def ending(reason: str, at: int | None) -> Book:
        rows = [("a", reason, "usd", 5, _at(date(2024, 3, 1)), at)]
        return _with(some, exclusions=pl.DataFrame(rows, schema=EXCLUSIONS, orient="row"))

    ended = _at(date(2024, 4, 10))
    assert first_change(ending("trial", None), ending("trial", ended)) == date(2024, 4, 9)
    assert first_change(ending("canceled", None), ending("canceled", ended)) == NEVER
    assert first_change(some, ending("trial", ended)) == date(2024, 2, 29)
