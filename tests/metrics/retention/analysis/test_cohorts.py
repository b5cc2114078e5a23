"""Sign-up cohorts against a count by hand, and against loops over random ledgers."""

from datetime import date, timedelta

from hypothesis import given

from metrics.evidence import Instant
from metrics.periods import add_months, windows
from metrics.retention.aggregate import finish, partials
from metrics.retention.analysis.cohorts import Cohort, triangles
from metrics.retention.spans import Book
from tests.examples import so_many
from tests.metrics.retention.books import START, Stand, book, books

TODAY = START + timedelta(days=520)


def _triangles(some: Book, today: date = TODAY, complete_until: int = 2**40) -> list[Cohort]:
    found = partials(some, windows(START, today), dimensions=["signup", "plan"])
    return triangles(finish(found, complete_until=Instant(complete_until)))


def test_by_hand() -> None:
    """Three sign up in January with 100, 50 and 30; one leaves within the month, one in March, one doubles; April has a cohort of its own."""
    rows = [
        Stand("a", date(2024, 1, 5), 100),
        Stand("a", date(2024, 2, 10), 200),
        Stand("b", date(2024, 1, 9), 50),
        Stand("b", date(2024, 3, 1), 0),
        Stand("c", date(2024, 1, 20), 30),
        Stand("c", date(2024, 1, 25), 0),
        Stand("d", date(2024, 4, 30), 7),
    ]
    january, april = _triangles(book(rows), date(2024, 4, 30), complete_until=1_714_000_000)
    assert (date(2024, 1, 1), "usd", 3, 180) == (january.signup, january.currency, january.logos, january.arrived_micros)
    assert [(0, 2, 150), (1, 2, 250), (2, 1, 200), (3, 1, 200)] == [(c.age, c.customers, c.micros) for c in january.cells]
    assert ["0.666667", "0.666667", "0.333333", "0.333333"] == [c.logo_retention for c in january.cells]
    assert ["0.833333", "1.388889", "1.111111", "1.111111"] == [c.revenue_retention for c in january.cells]
    assert [False, False, False, True] == [c.incomplete for c in january.cells]
    assert (1, 7, [(0, 1, 7)]) == (april.logos, april.arrived_micros, [(c.age, c.customers, c.micros) for c in april.cells])


def test_a_cohort_of_which_nothing_is_left_stays() -> None:
    """Who has left for good is a row of zeros up to the last month, not a row that ends."""
    rows = [Stand("a", date(2024, 1, 5), 10), Stand("a", date(2024, 2, 5), 0), Stand("b", date(2024, 5, 5), 10)]
    first, _ = _triangles(book(rows), date(2024, 6, 1))
    assert [10, 0, 0, 0, 0, 0] == [c.micros for c in first.cells]
    assert ["1.000000", *["0.000000"] * 5] == [c.logo_retention for c in first.cells]


@so_many(25)
@given(some=books(("usd", "eur"), most=10))
def test_the_same_as_loops(some: Book) -> None:
    """Every cell is the MRR, and the number, of those of its cohort that a loop finds there at the month's end."""
    signed: dict[str, date] = {}
    for move in some.movements.sort("day").to_dicts():
        signed.setdefault(move["customer"], move["day"].replace(day=1))
    for cohort in _triangles(some):
        for cell in cohort.cells:
            end = add_months(cell.month, 1)
            standing = {
                row["customer"]: row["net_micros"]
                for row in some.standings.sort("day").to_dicts()
                if row["day"] < end and row["currency"] == cohort.currency and signed.get(row["customer"]) == cohort.signup
            }
            assert (sum(standing.values()), sum(net > 0 for net in standing.values())) == (cell.micros, cell.customers)


@so_many(25)
@given(some=books(("usd", "eur"), most=10))
def test_cohorts_add_up_to_the_book(some: Book) -> None:
    """In every month the cohorts' MRR and customers make those of the whole book, in each currency."""
    whole = {(row["day"], row["currency"], row["customer"]): row["net_micros"] for row in some.standings.to_dicts()}
    found = _triangles(some)
    for month in {cell.month for cohort in found for cell in cohort.cells}:
        for currency in ("usd", "eur"):
            lines = {}
            for (day, code, customer), net in sorted(whole.items()):
                if code == currency and day < add_months(month, 1):
                    lines[customer] = net
            cells = [cell for c in found if c.currency == currency for cell in c.cells if cell.month == month]
            assert (sum(lines.values()), sum(n > 0 for n in lines.values())) == (
                sum(c.micros for c in cells),
                sum(c.customers for c in cells),
            )
