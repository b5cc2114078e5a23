"""A list that is cut short says how many more there are, counted in the ledger that the figure was made of."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from sqlalchemy import Engine

from metrics.alerts.rules import Rule, Watch
from metrics.periods import Window
from tests.metrics.retention.books import Stand
from tests.worker import ledgers
from tests.worker.alerts.desk import Desk, Notebook, at
from tests.worker.ledgers import Life
from worker.alerts.evaluate import evaluate
from worker.figures.adhoc import members_behind

JANUARY, JUNE, TODAY = date(2024, 1, 1), date(2025, 6, 1), date(2025, 12, 31)
YEAR = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1))


def lives() -> dict[str, Life]:
    """Forty customers of 100 (four of them in euros): 16 leave in June 2025, three shrink to 60, two grow to 150."""
    out = {}
    for n in range(40):
        currency = "eur" if n % 10 == 9 else "usd"
        stands = [Stand(f"cus_{n:02d}", JANUARY, 100 * 10**6, currency)]
        if n < 16:
            stands.append(Stand(f"cus_{n:02d}", JUNE, 0, currency))
        elif n < 21:
            stands.append(Stand(f"cus_{n:02d}", JUNE, (60 if n < 19 else 150) * 10**6, currency))
        out[f"cus_{n:02d}"] = Life({(stand.day, currency): stand for stand in stands})
    return out


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """The book in the ledger and rolled up, in dollars."""
    made = Desk.open(engine, Watch(rules=(YEAR,), system=()), Notebook())
    everybody = lives()
    ledgers.store(engine, everybody, everybody, TODAY)
    ledgers.put_rates(engine, [(JANUARY, "eur", "usd", "1.1")])
    ledgers.roll_up(ledgers.rolling_of(engine))
    return Desk(engine, replace(made.alerting, reporting_currency="usd"))


def test_and_so_many_more_is_exact(desk: Desk) -> None:
    """19 of the cohort lost, in two currencies; five are named, 14 are more, and together they make churn and contraction."""
    evaluate(desk.alerting, at(date(2026, 1, 1)))
    (posted,) = desk.posted()
    content = posted.message.body["content"]
    assert content["customers_more"].startswith("and 14 more: ")


def test_what_the_ledger_no_longer_says_is_not_counted(desk: Desk) -> None:
    """Somebody is taken out after the figures were made: the count would be of another set, so only what is known is said."""
    ledgers.store(desk.engine, {}, ["cus_03"], TODAY)
    evaluate(desk.alerting, at(date(2026, 1, 1)))
    (posted,) = desk.posted()
    assert posted.message.body["content"]["customers_more"].startswith("and at least 5 more: ")


def test_both_sides_are_counted_with_their_sums(desk: Desk) -> None:
    """Of the dollars alone: 18 lost 1,620 in all, one gained 50."""
    window = Window("trailing_12", date(2025, 1, 1), date(2026, 1, 1))
    with desk.engine.connect() as connection:
        found = members_behind(connection, desk.alerting.basis, window, "usd")
    assert {"gained": (1, 50 * 10**6), "lost": (18, 1_620 * 10**6)} == found
