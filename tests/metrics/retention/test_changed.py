"""Changed customers take their own place in sums already made: the result is that of adding everybody up, or says where it isn't."""

from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from metrics.exchange_rates import QUOTES, exchange
from metrics.periods import Window, windows
from metrics.retention import aggregate, rankings
from metrics.retention.aggregate import Partials, changed, combine, of_windows, partials
from metrics.retention.restatements import restated
from metrics.retention.spans import EXCLUSIONS, Book
from tests.examples import so_many
from tests.metrics.retention.books import START, Stand, book, books

WINDOWS = [w for w in windows(START, date(2025, 5, 1)) if w.kind in ("quarter", "year", "trailing_12")][:12]
RATES = exchange(
    pl.DataFrame([(date(2024, 4, 1), "eur", "usd", "1.1"), (date(2024, 9, 1), "eur", "usd", "0.9")], schema=QUOTES, orient="row"),
    "usd",
)
DIMENSIONS = ("plan", "country", "size", "signup")


def _sums(some: Book) -> Partials:
    return partials(some, WINDOWS, dimensions=DIMENSIONS, exchange=RATES)


def _only(some: Book, names: set[str], *, others: bool = False) -> Book:
    inside = pl.col("customer").is_in(sorted(names))
    wanted = ~inside if others else inside
    frames = (getattr(some, f).filter(wanted) for f in ("standings", "movements", "attributes", "exclusions"))
    return Book(*frames)


def _both(one: Book, other: Book) -> Book:
    return Book(*(pl.concat([getattr(b, f) for b in (one, other)]) for f in ("standings", "movements", "attributes", "exclusions")))


def _trials(names: list[str]) -> pl.DataFrame:
    rows = [(name, "trial", "usd", 1_000_000, 1_704_200_000, 1_713_000_000) for name in names]
    return pl.DataFrame(rows, schema=EXCLUSIONS, orient="row")


@settings(so_many(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    was=books(("usd", "eur"), most=14),
    becomes=books(("usd", "eur"), most=14),
    who=st.sets(st.integers(0, 13), max_size=6),
    data=st.data(),
)
@pytest.mark.long
def test_as_if_everybody_had_been_added_up(
    was: Book, becomes: Book, who: set[int], data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums, causes, trials and what has no rate are the same to the micro; lists are too, in every window that isn't named as short."""
    monkeypatch.setattr(rankings, "DEPTH", 4)
    monkeypatch.setattr(rankings, "TOP", 2)
    names = {f"c{n}" for n in who}
    was = Book(was.standings, was.movements, was.attributes, _trials(sorted(names)))
    becomes = Book(
        becomes.standings,
        becomes.movements,
        becomes.attributes,
        _trials(data.draw(st.lists(st.sampled_from(["c1", "c2"]), max_size=2))),
    )
    now = _both(_only(was, names, others=True), _only(becomes, names))
    found, short = changed(
        _sums(was), _sums(_only(was, names)), _sums(_only(now, names)), pl.Series(sorted(names), dtype=pl.String)
    )
    expected = _sums(now)
    for name in ("sums", "causes", "trials", "apart"):
        assert_frame_equal(getattr(expected, name), getattr(found, name))
    good = ~pl.col("window").is_in(short)
    assert_frame_equal(_top(expected).filter(good), _top(found).filter(good))


def _top(some: Partials) -> pl.DataFrame:
    keys = ["window", "currency", "ranking"]
    return some.leaders.group_by(keys, maintain_order=True).head(2).drop("cut", "several")


def test_a_list_that_ran_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five that were kept in a longer list, four leave: who comes next isn't known, and the window says so."""
    monkeypatch.setattr(rankings, "DEPTH", 5)
    monkeypatch.setattr(rankings, "TOP", 2)
    stands = [Stand(f"c{n}", date(2023, 12, 1), 100 - n) for n in range(9)]
    year = [Window("year", date(2024, 1, 1), date(2025, 1, 1))]
    held = partials(book(stands), year)
    for gone, expected in ((["c0", "c1", "c2"], []), (["c0", "c1", "c2", "c3"], [0])):
        before = partials(book(s for s in stands if s.customer in gone), year)
        after = partials(book([]), year)
        found, short = changed(held, before, after, pl.Series(gone))
        assert expected == short
        assert found.leaders["cut"].all(), "there are still more than are known"


def test_windows_can_be_left_out_and_put_in_order() -> None:
    """Sums of some windows are those of the same windows among others, whatever their order."""
    some = book([Stand("a", date(2024, 2, 1), 10), Stand("a", date(2024, 8, 1), 0), Stand("b", date(2024, 5, 1), 7, "eur")])
    chosen = [WINDOWS[3], WINDOWS[0], Window("custom", date(2024, 1, 1), date(2024, 1, 2))]
    expected = partials(some, chosen[:2], dimensions=DIMENSIONS, exchange=RATES)
    found = of_windows(_sums(some), chosen)
    assert tuple(chosen) == found.windows
    assert_frame_equal(expected.sums, found.sums)
    assert_frame_equal(expected.causes, found.causes)
    with pytest.raises(ValueError, match="same windows"):
        changed(_sums(some), expected, expected, pl.Series(["a"]))
    with pytest.raises(ValueError, match="same windows"):
        combine([_sums(some), expected])


@so_many(15)
@given(was=books(("usd", "eur"), most=6), becomes=books(("usd", "eur"), most=6))
def test_who_is_behind_a_change(was: Book, becomes: Book) -> None:
    """The differences of all customers make the difference of the month's figures; who didn't change isn't named."""
    months = [w for w in windows(START, date(2025, 5, 1)) if w.kind == "month"]
    found = restated(was, becomes, months)
    assert restated(was, was, months).is_empty()
    before, after = (_by_month(b, months) for b in (was, becomes))
    for number, month in enumerate(months):
        for currency in ("usd", "eur"):
            rows = found.filter(month=month.first, currency=currency)
            for name, own in (("closing", "closing"), ("new", "new"), ("flow_churn", "churn")):
                difference = after.get((number, currency), {}).get(name, 0) - before.get((number, currency), {}).get(name, 0)
                assert difference == int(rows[f"{own}_after"].sum()) - int(rows[f"{own}_before"].sum())


def _by_month(some: Book, months: list[Window]) -> dict[tuple[int, str], dict[str, int]]:
    return {(row["window"], row["currency"]): row for row in aggregate.partials(some, months).sums.iter_rows(named=True)}
