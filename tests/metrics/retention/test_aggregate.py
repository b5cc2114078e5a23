"""The set-based engine against plain loops over the same ledger, and against identities."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from metrics.evidence import Instant
from metrics.exchange_rates import QUOTES as QUOTE_COLUMNS
from metrics.exchange_rates import exchange
from metrics.periods import Window, opening, windows, year
from metrics.policy import PRESETS, preset
from metrics.retention.aggregate import Partials, combine, finish, partials
from metrics.retention.figures import GAP, NOTHING_LOST, OPENING_ZERO, Figures, difference, metric, rates, why_null
from metrics.retention.spans import EXCLUSIONS, Book, BrokenLedger
from metrics.retention.window_changes import SUMS
from tests.examples import so_many
from tests.metrics.retention.books import START, Stand, book, books, days
from tests.metrics.retention.naive import by_segment

DIMENSIONS = (
    "plan",
    "interval",
    "currency",
    "country",
    "signup",
    "size",
    "usage",
    "account",
    "industry",
    "plan,country",
    "size,interval",
)
FOREVER = 2**40


@st.composite
def _some_windows(draw: st.DrawFn) -> list[Window]:
    standard = windows(START, draw(days()))
    cut = draw(st.tuples(days(), days()))
    some = draw(st.lists(st.sampled_from(standard), max_size=4))
    return [*some, Window("custom", min(cut), max(cut))] if cut[0] != cut[1] else some


def _table(found: Partials, number: int, dimension: str, currency: str) -> dict[str, dict[str, int]]:
    rows = found.sums.filter(window=number, dimension=dimension, currency=currency)
    return {row["segment"]: {name: row[name] for name in SUMS} for row in rows.iter_rows(named=True)}


QUOTES = pl.DataFrame(
    [
        (date(2023, 12, 1), "eur", "usd", "1.0931"),
        (date(2024, 3, 9), "eur", "usd", "1.2"),
        (date(2024, 8, 30), "eur", "usd", "0.98765"),
        (date(2024, 6, 1), "eur", "jpy", "163.7"),
        (date(2025, 2, 1), "eur", "jpy", "155.55"),
    ],
    schema=QUOTE_COLUMNS,
    orient="row",
)
EXCHANGE = exchange(QUOTES, "usd")


def _rate(currency: str, day: date) -> Fraction | None:
    """The rate to the dollar by hand: yen go across the euro and have none before June 2024."""
    if day < date(2023, 12, 1):
        return Fraction(1) if currency == "usd" else None
    dollars = Fraction("0.98765" if day >= date(2024, 8, 30) else "1.2" if day >= date(2024, 3, 9) else "1.0931")
    yen = Fraction("155.55" if day >= date(2025, 2, 1) else "163.7")
    if currency == "jpy":
        return None if day < date(2024, 6, 1) else dollars / yen
    return {"usd": Fraction(1), "eur": dollars}[currency]


@so_many(60)
@given(book=books(("usd", "eur", "jpy")), asked=_some_windows())
def test_the_same_as_loops(book: Book, asked: list[Window]) -> None:
    """Every sum of every window, segment and currency, and of the whole book in one, is what a loop over the customers finds."""
    found = partials(book, asked, dimensions=DIMENSIONS, exchange=EXCHANGE)
    for number, window in enumerate(asked):
        for dimension in ("", *DIMENSIONS):
            for currency, rate in [("usd", None), ("eur", None), ("jpy", None), ("all:usd", _rate)]:
                expected = by_segment(book, window, dimension, currency, rate)
                assert expected == _table(found, number, dimension, currency), (window, dimension, currency)


def test_no_windows_have_no_figures() -> None:
    """Where no window is asked for there is nothing to sum, also of a customer who pays in two currencies."""
    paid_twice = book([Stand("c", START, 100, "usd"), Stand("c", START, 100, "eur")])
    found = partials(paid_twice, [], dimensions=DIMENSIONS, exchange=EXCHANGE)
    assert found.sums.is_empty()
    assert [] == list(finish(found, complete_until=Instant(FOREVER)))


@so_many(40)
@given(book=books(("usd", "eur", "jpy"), most=12), asked=_some_windows())
def test_identities_hold(book: Book, asked: list[Window]) -> None:
    """Bridge, cohort and logos close for every window, segment and currency of a sound ledger; the difference to the flow adds up."""
    found = partials(book, asked, dimensions=DIMENSIONS, exchange=EXCHANGE)
    for figures in finish(found, complete_until=Instant(FOREVER)):
        assert [] == figures.breaks()
        for parts in difference(figures).values():
            assert parts["total"] == sum(parts.values()) - parts["total"]
        if figures.currency != "all:usd":
            assert 0 == figures.fx, "in one currency nothing is revalued"
            assert 0 == difference(figures)["net"]["exchange"], "and no difference is left to exchange rates"


@so_many(40)
@given(book=books(("usd", "eur", "jpy"), most=12), asked=_some_windows())
def test_segments_add_up(book: Book, asked: list[Window]) -> None:
    """The parts of every segmentation make the whole, sum by sum."""
    sums = partials(book, asked, dimensions=DIMENSIONS, exchange=EXCHANGE).sums
    keys = ["window", "currency"]
    whole = sums.filter(dimension="").select(*keys, *SUMS).sort(keys)
    for dimension in DIMENSIONS:
        parts = sums.filter(dimension=dimension).group_by(keys).agg(pl.col(SUMS).sum()).sort(keys)
        # What a segment's members cancel out among themselves leaves no row in the whole.
        assert_frame_equal(whole, parts.filter(pl.any_horizontal(pl.col(name) != 0 for name in SUMS)))


def _bucket(book: Book, names: list[str]) -> Book:
    return Book(
        *(getattr(book, f).filter(pl.col("customer").is_in(names)) for f in ("standings", "movements", "attributes", "exclusions"))
    )


@so_many(40)
@given(
    book=books(("usd", "eur", "jpy"), most=25),
    asked=_some_windows(),
    seed=st.randoms(use_true_random=False),
    count=st.integers(1, 6),
)
def test_buckets_change_nothing(book: Book, asked: list[Window], seed: Random, count: int) -> None:
    """However customers are put into buckets, and in whatever order these are added up, every byte of the figures is the same."""
    buckets: list[list[str]] = [[] for _ in range(count)]
    for customer in book.standings["customer"].unique().sort():
        seed.choice(buckets).append(customer)
    seed.shuffle(buckets)
    whole = partials(book, asked, dimensions=DIMENSIONS, exchange=EXCHANGE)
    parts = combine(partials(_bucket(book, names), asked, dimensions=DIMENSIONS, exchange=EXCHANGE) for names in buckets)
    rows = [[f.to_row() for f in finish(p, complete_until=Instant(FOREVER))] for p in (whole, parts)]
    assert rows[0] == rows[1]


@so_many(20)
@given(book=books(), asked=_some_windows())
def test_rows_come_back(book: Book, asked: list[Window]) -> None:
    """Figures written as a row of the store and read again are the same figures."""
    for figures in finish(partials(book, asked, dimensions=("plan",)), complete_until=Instant(0)):
        assert figures == Figures.from_row(figures.to_row())
        assert figures.incomplete


MAY = Window("month", date(2024, 5, 1), date(2024, 6, 1))
BEFORE, WITHIN = date(2024, 4, 2), date(2024, 5, 9)


def _figures(*stands: tuple[str, int, int]) -> Figures:
    """The whole of May for customers given as (name, MRR before May, MRR since the ninth), in thousandths of a micro-free unit."""
    rows = [Stand(name, BEFORE, before) for name, before, _ in stands if before]
    rows += [Stand(name, WITHIN, after) for name, before, after in stands if after != before]
    (figures,) = finish(partials(book(rows), [MAY]), complete_until=Instant(FOREVER))
    return figures


@pytest.mark.parametrize(
    ("stands", "nrr", "grr"),
    [
        (
            [("up", 50_000, 65_000), ("down", 30_000, 25_000), ("gone", 8_000, 0), ("same", 12_000, 12_000)],
            "1.020000",
            "0.870000",
        ),
        (
            [("up", 50_000, 62_000), ("down", 30_000, 27_000), ("gone", 7_000, 0), ("same", 13_000, 13_000)],
            "1.020000",
            "0.900000",
        ),
        (
            [("up", 5_000, 6_500), ("down", 3_000, 2_500), ("gone", 1_000, 0), ("same", 1_000, 1_000)],
            "1.000000",
            "0.850000",
        ),
        ([("gone", 5_000, 0), ("down", 40_000, 38_000), ("up", 55_000, 63_000)], "1.010000", "0.930000"),
        ([("up", 10_000, 13_000), ("gone", 2_000, 0)], "1.083333", "0.833333"),
        ([("up", 95, 105), ("gone", 5, 0), ("new", 0, 30)], "1.050000", "0.950000"),
    ],
)
def test_worked_examples(stands: list[tuple[str, int, int]], nrr: str, grr: str) -> None:
    """The glossaries' examples come out as they say (in the one of May, upgrades lift the stayers by 3,000 and 2,000 churns)."""
    found = rates(_figures(*stands))
    assert (nrr, grr) == (found["nrr"], found["grr"])
    assert (nrr, grr) == (found["flow_nrr"], found["flow_grr"]), "nobody makes a round trip, so the flow agrees"


def test_example_of_a_cohort_of_a_hundred() -> None:
    """100 customers at 1,000,000, of whom 85 are left at 1,100,000 a year later: NRR 110 %, logo retention 85 %."""
    rows = [Stand(f"c{n:03}", date(2023, 3, 3), 10_000) for n in range(100)]
    rows += [Stand(f"c{n:03}", date(2024, 2, 1), 0) for n in range(15)]
    rows += [Stand(f"c{n:03}", date(2024, 2, 1), 12_900) for n in range(15, 99)] + [Stand("c099", date(2024, 2, 1), 16_400)]
    year = Window("trailing_12", date(2023, 5, 1), date(2024, 5, 1))
    (figures,) = finish(partials(book(rows), [year]), complete_until=Instant(FOREVER))
    assert (1_000_000, 1_100_000) == (figures.opening, figures.closing_of_cohort)
    assert ("1.100000", "0.850000") == (rates(figures)["nrr"], rates(figures)["logo_retention"])


def test_end_less_new_over_start_agrees_only_while_nobody_returns() -> None:
    """Opening 100, new 30, expansion 10, churn 5, end 135: (135 − 30) ÷ 100 is NRR; with a return of 20 in the end it is not."""
    stands = [("up", 95, 105), ("gone", 5, 0), ("new", 0, 30)]
    figures = _figures(*stands)
    assert (100, 30, 10, 5, 135) == (figures.opening, figures.new, figures.expansion, figures.churn, figures.closing)
    assert Fraction(figures.closing - figures.new, figures.opening) == metric(figures, "nrr")

    back = [Stand("back", date(2024, 1, 1), 20), Stand("back", date(2024, 2, 1), 0), Stand("back", WITHIN, 20)]
    rows = [Stand(n, BEFORE, b) for n, b, _ in stands if b] + [Stand(n, WITHIN, a) for n, _, a in stands] + back
    (figures,) = finish(partials(book(rows), [MAY]), complete_until=Instant(FOREVER))
    assert Fraction(105, 100) == metric(figures, "nrr")
    assert 20 == figures.reactivation
    assert Fraction(125, 100) == Fraction(figures.closing - figures.new, figures.opening)


def test_a_return_counts_for_members_only() -> None:
    """A member that left and came back within the window is retained; the flow leaves its return out, and the difference names it."""
    rows = [
        Stand("m", BEFORE, 100),
        Stand("m", date(2024, 5, 3), 0),
        Stand("m", date(2024, 5, 20), 80),
        Stand("k", BEFORE, 100),
    ]
    (figures,) = finish(partials(book(rows), [MAY]), complete_until=Instant(FOREVER))
    found = rates(figures)
    assert ("0.900000", "0.900000", "1.000000") == (found["nrr"], found["grr"], found["logo_retention"])
    assert ("0.500000", "0.500000", "0.500000") == (found["flow_nrr"], found["flow_grr"], found["grr_running_minimum"])
    assert {"returns_of_members": 80, "arrivals": 0, "exchange": 0, "total": 80} == difference(figures)["net"]
    assert {"round_trips_of_members": 80, "arrivals": 0, "total": 80} == difference(figures)["gross"]


def test_grr_by_running_minimum_is_a_choice_of_policy() -> None:
    """Under that policy GRR takes the lowest MRR within the window: lost is lost."""
    rows = [Stand("m", BEFORE, 100), Stand("m", date(2024, 5, 3), 40), Stand("m", date(2024, 5, 20), 90)]
    found = partials(book(rows), [MAY])
    by_end, by_lowest = (
        next(finish(found, preset("default", grr_by=choice), complete_until=Instant(FOREVER)))
        for choice in ("end", "running_minimum")
    )
    assert ("0.900000", "0.400000") == (rates(by_end)["grr"], rates(by_lowest)["grr"])


def test_reactivation_in_the_net_flow_is_a_choice_of_policy() -> None:
    """ChartMogul's net flow counts returns, the default's does not."""
    rows = [
        Stand("k", BEFORE, 100),
        Stand("b", date(2024, 1, 1), 50),
        Stand("b", date(2024, 2, 1), 0),
        Stand("b", WITHIN, 30),
    ]
    found = partials(book(rows), [MAY])
    apart, within = (next(finish(found, PRESETS[name], complete_until=Instant(FOREVER))) for name in ("default", "chartmogul"))
    assert ("1.000000", "1.300000") == (rates(apart)["flow_nrr"], rates(within)["flow_nrr"])
    assert ("1.000000", "1.000000") == (rates(apart)["nrr"], rates(within)["nrr"])
    assert difference(within)["net"]["total"] == -30


def test_nothing_to_divide_by_is_null_with_its_reason() -> None:
    """Without an opening no rate is 0 % or 100 %: it is null, and so it is where evidence has a gap."""
    figures = _figures(("new", 0, 30))
    assert OPENING_ZERO == figures.reason
    assert {None} == {v for k, v in rates(figures).items() if k != "quick_ratio"}
    assert OPENING_ZERO == why_null(figures, "nrr")
    assert NOTHING_LOST == why_null(figures, "quick_ratio")
    ledger = book([Stand("a", BEFORE, 100)])
    for gap, reason in [
        ((BEFORE, date(2024, 4, 30)), None),
        ((BEFORE, date(2024, 5, 1)), GAP),
        ((date(2024, 5, 31), date(2024, 7, 1)), GAP),
        ((date(2024, 6, 1), date(2024, 7, 1)), None),
    ]:
        (figures,) = finish(partials(ledger, [MAY]), complete_until=Instant(FOREVER), gaps=[gap])
        assert reason == figures.reason
        assert ({None} == set(rates(figures).values())) is (reason == GAP)


def test_incomplete_until_the_data_reaches_the_end() -> None:
    """A window is incomplete while the data ends before it and its grace do, to the second."""
    found = partials(book([Stand("a", BEFORE, 100)]), [MAY])
    for grace, day in ((0, date(2024, 6, 1)), (1, date(2024, 6, 2)), (7, date(2024, 6, 8))):
        end = opening(day, "Europe/Berlin")
        for complete_until, expected in [(end - 1, True), (end, False)]:
            policy = preset("default", grace_days=grace)
            (figures,) = finish(found, policy, complete_until=Instant(complete_until), timezone="Europe/Berlin")
            assert expected == figures.incomplete


def test_segment_is_frozen_at_the_opening() -> None:
    """Who changes plan within the window stays in the plan of its opening; an arrival is in the plan it arrives with."""
    rows = [
        Stand("a", BEFORE, 100, plan="basic"),
        Stand("a", WITHIN, 300, plan="pro"),
        Stand("b", date(2024, 5, 2), 10, plan="basic"),
        Stand("b", WITHIN, 40, plan="pro"),
    ]
    found = {
        f.segment: f
        for f in finish(partials(book(rows), [MAY], dimensions=["plan"]), complete_until=Instant(FOREVER))
        if f.dimension
    }
    assert {"basic"} == set(found)
    assert (100, 10, 230, 340) == (
        found["basic"].opening,
        found["basic"].new,
        found["basic"].companion("flow_expansion"),
        found["basic"].closing,
    )


def test_size_bands_by_themselves() -> None:
    """By the opening MRR: 49.99 is below 50, and 50.00 is not."""
    rows = [Stand("a", BEFORE, 49_990_000), Stand("b", BEFORE, 50_000_000)]
    found = finish(partials(book(rows), [MAY], dimensions=["size"]), complete_until=Instant(FOREVER))
    assert {"0-50": 49_990_000, "50-100": 50_000_000} == {f.segment: f.opening for f in found if f.dimension}


def test_two_dimensions_escape_what_joins_them() -> None:
    """A comma within a value is escaped, so no two pairs of values share a name."""
    rows = [Stand("a", BEFORE, 1, plan="x,y", interval="z"), Stand("b", BEFORE, 2, plan="x", interval="y,z")]
    found = partials(book(rows), [MAY], dimensions=["plan,interval"]).sums
    assert ["x,y\\,z", "x\\,y,z"] == found.filter(dimension="plan,interval")["segment"].to_list()


def test_trial_pipeline_counts_trials_running_at_the_closing() -> None:
    """Trials that began before the closing and end after it, by currency, with what they would be worth."""
    at = opening(MAY.until, "UTC")
    rows: list[tuple[object, ...]] = [
        ("a", "trial", "usd", 100, at - 9, None),
        ("b", "trial", "usd", 10, at - 9, at),
        ("c", "trial", "usd", 1, at - 9, at - 1),
    ]
    rows += [
        ("d", "trial", "eur", None, at - 1, at + 1),
        ("e", "paused", "usd", 1000, at - 9, None),
        ("f", "trial", "usd", 1, at, None),
    ]
    exclusions = pl.DataFrame(rows, schema=EXCLUSIONS, orient="row")
    found = list(finish(partials(book([Stand("a", BEFORE, 5)], exclusions=exclusions), [MAY]), complete_until=Instant(FOREVER)))
    assert [("eur", 0, 1), ("usd", 110, 2)] == [(f.currency, f.companion("trial_pipeline"), f.companion("trials")) for f in found]
    assert {("", "")} == {(f.dimension, f.segment) for f in found}, "of the whole, also where there is nothing but trials"
    assert (0, 0, 0) == (found[0].opening, found[0].closing, found[0].new), "and nothing more is there"


def test_lists_of_the_whole_book() -> None:
    """The largest with their share, NRR without the five largest, and who gained and lost most, with causes."""
    rows = [Stand(f"c{n:02}", BEFORE, 100 - n) for n in range(12)]
    rows += [Stand("c00", WITHIN, 0, cause="canceled_voluntary"), Stand("c11", WITHIN, 189, cause="quantity")]
    (figures,) = finish(partials(book(rows), [MAY]), complete_until=Instant(FOREVER))
    opening_of = sum(100 - n for n in range(12))
    assert [f"c{n:02}" for n in range(10)] == [c["customer"] for c in figures.companions["largest"]]
    assert Fraction(sum(100 - n for n in range(10)), opening_of) == metric(figures, "concentration")
    rest = sum(100 - n for n in range(5, 12))
    assert Fraction(rest + 100, rest) == metric(figures, "nrr_without_largest")
    assert [{"customer": "c11", "opening": 89, "closing": 189}] == figures.companions["gained"]
    assert [{"customer": "c00", "opening": 100, "closing": 0}] == figures.companions["lost"]
    assert [("churn", "canceled_voluntary", 100, 1), ("expansion", "quantity", 100, 1)] == [
        (c["kind"], c["cause"], c["micros"], c["movements"]) for c in figures.companions["causes"]
    ]


def test_a_doubled_standing_is_refused() -> None:
    """Two standings of a customer in one currency on one day are a broken ledger, not a choice to be made silently."""
    ledger = book([Stand("a", BEFORE, 5)])
    doubled = Book(pl.concat([ledger.standings] * 2), ledger.movements)
    with pytest.raises(BrokenLedger, match="2024-04-02"):
        partials(doubled, [MAY])


def test_a_switch_of_currency_loses_nobody() -> None:
    """Who leaves a currency for another is a contraction and a member retained, no logo lost or new; who leaves both is churn."""
    rows = [Stand("s", BEFORE, 50), Stand("s", WITHIN, 0, cause="currency_switch"), Stand("k", BEFORE, 100)]
    rows += [Stand("s", WITHIN, 40, currency="eur", cause="currency_switch"), Stand("g", BEFORE, 30), Stand("g", WITHIN, 0)]
    found = {f.currency: f for f in finish(partials(book(rows), [MAY]), complete_until=Instant(FOREVER))}
    usd, eur = found["usd"], found["eur"]
    assert (180, 0, 50, 30, 100) == (usd.opening, usd.expansion, usd.contraction, usd.churn, usd.closing_of_cohort)
    assert (3, 2, 1, 0, 1) == (usd.opening_customers, usd.retained_customers, usd.closing_customers, usd.new_logos, usd.lost_logos)
    assert (0, 0, 0, 1, 40) == (eur.opening, eur.new_logos, eur.lost_logos, eur.closing_customers, eur.closing)
    assert (-1, 1) == (usd.companion("switched_logos"), eur.companion("switched_logos"))
    assert [] == usd.breaks() + eur.breaks()


def test_a_flow_below_nothing_is_no_rate_past_a_month() -> None:
    """100 at the opening of a year; 300 come within it and all 400 go: the year's flow GRR would be −300 %, which is no part of the opening.
    The month in which most went keeps its own; the cohort's figures are what they are."""
    rows = [
        Stand("k", date(2024, 1, 1), 100),
        Stand("k", date(2025, 1, 20), 0),
        *(Stand(f"n{n}", date(2025, 3, 5), 100) for n in range(3)),
        *(Stand(f"n{n}", date(2025, 9, 5), 0) for n in range(3)),
    ]
    found = partials(book(rows), [year(date(2025, 6, 1))])
    whole = next(finish(found, PRESETS["default"], complete_until=Instant(FOREVER)))
    assert (None, "below_zero") == (rates(whole)["flow_grr"], why_null(whole, "flow_grr"))
    assert (None, "below_zero") == (rates(whole)["flow_nrr"], why_null(whole, "flow_nrr"))
    assert ("0.000000", "0.000000", None) == (rates(whole)["nrr"], rates(whole)["grr"], why_null(whole, "grr"))
    within = replace(whole, kind="month", first=date(2025, 9, 1), until=date(2025, 10, 1))
    assert "-3.000000" == rates(within)["flow_grr"]
