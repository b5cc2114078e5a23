"""The cube: what is read off it is what the engine makes of the ledger, to the micro, in one currency and in all together."""

import random
from datetime import date, timedelta

import polars as pl
import pytest

from metrics.evidence import Instant
from metrics.exchange_rates import QUOTES, Exchange, exchange
from metrics.periods import Window, add_months, month, opening, trailing
from metrics.retention import cube as cubes
from metrics.retention.aggregate import finish, partials
from metrics.retention.analysis.cohorts import triangles
from metrics.retention.cube import Cube, closings
from metrics.retention.figures import Figures, rates
from metrics.retention.spans import Book
from tests.metrics.retention.books import Stand, book

FIRST, LAST = date(2024, 1, 1), date(2025, 6, 1)
DAYS = closings(FIRST, LAST)


def _book(seed: int) -> Book:
    """Twenty customers that come, go, change and move between currencies, some on the days around a month's end."""
    chance = random.Random(seed)
    stands: dict[tuple[str, date, str], Stand] = {}
    for number in range(20):
        customer, day = f"c{number:02}", FIRST - timedelta(days=40) + timedelta(days=chance.randrange(400))
        currency = chance.choice(["usd", "usd", "eur", "jpy"])
        while day < date(2025, 7, 1):
            if chance.random() < 0.15:
                stands[customer, day, currency] = Stand(customer, day, 0, currency, plan=None, subscriptions=0)
                currency = chance.choice(["usd", "eur", "jpy"])
            net = chance.choice([0, 10_000 * chance.randrange(1, 9_000), 8_333_333])
            stands[customer, day, currency] = Stand(customer, day, net, currency, subscriptions=1 if net else 0)
            day += timedelta(days=chance.choice([1, 5, 28, 30, 31, 90]))
    return book(stands.values())


def _rates() -> Exchange:
    quotes = [
        (date(2023, 11, 1) + timedelta(days=10 * number), unit, "usd", f"{base}{number % 7}3")
        for number in range(65)
        for unit, base in (("eur", "1.0"), ("jpy", "0.006"))
    ]
    return exchange(pl.DataFrame(quotes, schema=QUOTES, orient="row"), "usd")


def _figures(whole: Book, currency: str, abroad: Exchange | None) -> dict[Window, dict[str, Figures]]:
    months = [month(day) for day in DAYS[1:]]
    years = [trailing(day + timedelta(days=1), 12) for day in DAYS[12:]]
    parts = partials(whole, [*months, *years], dimensions=["signup"], exchange=abroad)
    found: dict[Window, dict[str, Figures]] = {window: {} for window in (*months, *years)}
    for f in finish(parts, complete_until=Instant(opening(date(2026, 1, 1), "UTC"))):
        if f.currency == currency:
            found[Window(f.kind, f.first, f.until)][f.segment] = f
    return found


def _cube(whole: Book, currency: str, abroad: Exchange | None) -> Cube:
    """The cube from two parts of the customers, as it is read from a database."""
    halves = []
    for parity in (0, 1):
        mine = pl.col("customer").str.slice(-1).cast(pl.Int64) % 2 == parity
        halves.append(Book(whole.standings.filter(mine), whole.movements.filter(mine)))
    code = None if abroad is not None else currency
    return cubes.cube([cubes.part_of(half, DAYS, currency=code, exchange=abroad) for half in halves], DAYS)


CASES = [(seed, currency) for seed in (1, 2, 3) for currency in ("usd", "eur", "all:usd")]


@pytest.mark.parametrize(("seed", "currency"), CASES)
def test_steps_are_the_months_of_the_engine(seed: int, currency: str) -> None:
    """Opening, closing and what became of the opening's customers, month by month; and the step adds up."""
    whole, abroad = _book(seed), _rates() if ":" in currency else None
    figures = _figures(whole, currency, abroad)
    steps = cubes.steps(_cube(whole, currency, abroad))
    assert [day.replace(day=1) for day in DAYS[1:]] == [step.month for step in steps]
    for step in steps:
        f = figures[month(step.month)].get("", Figures("", "month", step.month, step.month, "", "", currency))
        names = ("opening", "expansion", "contraction", "churn", "closing", "opening_customers", "closing_customers")
        assert {name: getattr(f, name) for name in names} == {name: getattr(step, name) for name in names}
        gains = step.new + step.reactivation + step.switched_in + step.expansion
        assert step.closing == step.opening + gains - step.contraction - step.churn + step.fx
        came = step.new_logos + step.returned_logos + step.switched_in_logos
        assert step.closing_customers == step.opening_customers + came - step.lost_logos - step.switched_out_logos


@pytest.mark.parametrize(("seed", "currency"), CASES)
def test_twelve_months_are_those_of_the_engine(seed: int, currency: str) -> None:
    """Opening, end, smaller of both, churn, members and who stayed: NRR, GRR and logos come out the same."""
    whole, abroad = _book(seed), _rates() if ":" in currency else None
    figures = _figures(whole, currency, abroad)
    kept = cubes.trailing(_cube(whole, currency, abroad))
    assert len(DAYS) - 12 == len(kept)
    for each in kept:
        f = figures[trailing(add_months(each.month, 1), 12)][""]
        expected = (
            f.opening,
            f.closing_of_cohort,
            f.opening - f.contraction - f.churn,
            f.churn,
            f.opening_customers,
            f.retained_customers,
        )
        assert expected == (each.opening, each.end, each.kept, each.churn, each.members, each.retained)
        assert (f.opening > 0) is (rates(f)["nrr"] is not None)


@pytest.mark.parametrize(("seed", "currency"), CASES)
def test_sign_up_months_are_the_triangles(seed: int, currency: str) -> None:
    """What is left of each sign-up month at each closing, in money and in customers."""
    whole, abroad = _book(seed), _rates() if ":" in currency else None
    figures = _figures(whole, currency, abroad)
    every = [f for found in figures.values() for f in found.values() if f.kind == "month"]
    expected = {
        (cohort.signup, cell.month): (cell.micros, cell.customers)
        for cohort in triangles(every)
        for cell in cohort.cells
        if cell.micros and FIRST <= cell.month <= LAST
    }
    cells = cubes.signup_cells(_cube(whole, currency, abroad)).filter((pl.col("month") >= FIRST) & (pl.col("micros") > 0))
    assert expected == {(signup, at): (micros, customers) for signup, at, micros, customers in cells.iter_rows()}


def test_the_largest_come_first() -> None:
    """Rows in order of MRR at the last closing, ties by name; whoever never had MRR at a closing isn't there."""
    stands = [
        Stand("b", date(2024, 1, 5), 20_000_000),
        Stand("a", date(2024, 2, 5), 20_000_000),
        Stand("c", date(2024, 1, 5), 90_000_000),
        Stand("c", date(2024, 3, 5), 0, subscriptions=0),
        Stand("gone", date(2024, 1, 2), 5_000_000),
        Stand("gone", date(2024, 1, 20), 0, subscriptions=0),
    ]
    days = closings(date(2024, 1, 1), date(2024, 3, 1))
    found = cubes.cube([cubes.part_of(book(stands), days, currency="usd")], days)
    assert ["a", "b", "c"] == found.customers["customer"].to_list()
    assert [date(2024, 2, 1), date(2024, 1, 1), date(2024, 1, 1)] == found.customers["signup"].to_list()
    assert [[0, 0, 0], [0, 20_000_000, 90_000_000], [20_000_000, 20_000_000, 90_000_000]] == [
        found.at(index).to_list() for index in range(3)
    ]
    assert [2, 1] == cubes.largest(found, 1, 2)
    assert 110_000_000 == cubes.of_the_largest(found, 1, 2)
    assert (None, None, None) == (found.month_ago, found.year_ago, found.elsewhere)


def test_an_empty_book_is_an_empty_cube() -> None:
    """No customers, and steps of nothing."""
    days = closings(date(2024, 1, 1), date(2025, 3, 1))
    found = cubes.cube([cubes.part_of(book([]), days, currency="usd")], days)
    assert 0 == len(found.customers)
    assert {0} == {step.closing + step.opening_customers for step in cubes.steps(found)}
    assert [0] * 4 == [each.members for each in cubes.trailing(found)]
