"""Retention at constant currency, worked out by hand: a falling euro is not churn, and no rate is never 1."""

from dataclasses import replace
from datetime import date

import polars as pl

from metrics.evidence import Instant
from metrics.exchange_rates import QUOTES, exchange
from metrics.periods import Window, opening
from metrics.retention.aggregate import finish, of_windows, partials
from metrics.retention.figures import Figures, rates
from metrics.retention.spans import EXCLUSIONS, MOVEMENTS
from tests.metrics.retention.books import Stand, book

MAY = Window("month", date(2024, 5, 1), date(2024, 6, 1))
SINCE = date(2024, 2, 1)
FALLING = [(date(2024, 1, 1), "eur", "usd", "1.10"), (date(2024, 5, 20), "eur", "usd", "1.00")]
RATES = exchange(pl.DataFrame(FALLING, schema=QUOTES, orient="row"), "usd")


def may(*rows: Stand) -> dict[str, Figures]:
    """May's figures by currency; `all:usd` is the whole book in dollars."""
    found = finish(partials(book(list(rows)), [MAY], exchange=RATES), complete_until=Instant(2**40))
    return {f.currency: f for f in found}


def test_a_falling_euro_is_not_churn() -> None:
    """40 EUR at both ends, 1.10 at the opening and 1.00 at the closing: 44 and 40 dollars, NRR 100 %, and −4 of fx in the bridge."""
    dollars = may(Stand("c", SINCE, 40, "eur"))["all:usd"]
    assert (44, 40, -4) == (dollars.opening, dollars.closing, dollars.fx)
    assert (44, "1.000000", "1.000000") == (dollars.closing_of_cohort, rates(dollars)["nrr"], rates(dollars)["grr"])


def test_a_movement_is_worth_the_rate_of_its_day() -> None:
    """20 EUR more on 25 May are 20 dollars in the bridge; for NRR they are worth the opening's 1.10: (60 × 1.10) ÷ (40 × 1.10) = 150 %."""
    dollars = may(Stand("c", SINCE, 40, "eur"), Stand("c", date(2024, 5, 25), 60, "eur"))["all:usd"]
    assert (44, 20, -4, 60) == (dollars.opening, dollars.companions["flow_expansion"], dollars.fx, dollars.closing)
    assert (66, "1.500000") == (dollars.closing_of_cohort, rates(dollars)["nrr"])


def test_who_was_abroad_for_an_hour_is_counted_once() -> None:
    """Without netting a subscription in euros that came and went within a day leaves movements and no standing. The customer pays in two
    currencies all the same, whatever window is asked about: May is the same alone and beside February."""
    home = book([Stand("c", SINCE, 40, "usd")])
    rows = [
        ("c", date(2024, 2, 10), "eur", "expansion", "start", 0, 9, 9),
        ("c", date(2024, 2, 10), "eur", "contraction", "plan", 9, 0, -9),
    ]
    ledger = replace(home, movements=pl.concat([home.movements, pl.DataFrame(rows, schema=MOVEMENTS, orient="row")]))
    february = Window("month", SINCE, date(2024, 3, 1))
    alone, beside = (partials(ledger, windows, exchange=RATES) for windows in ([MAY], [february, MAY]))
    for found in (alone, of_windows(beside, [MAY])):
        dollars = {f.currency: f for f in finish(found, complete_until=Instant(2**40))}["all:usd"]
        assert (40, 1, 40) == (dollars.opening, dollars.opening_customers, dollars.closing)


def test_a_missing_day_takes_the_last_rate_before_it() -> None:
    """A rise on 10 May, between two quotes, is at January's 1.10."""
    dollars = may(Stand("c", SINCE, 40, "eur"), Stand("c", date(2024, 5, 10), 50, "eur"))["all:usd"]
    assert (11, -5) == (dollars.companions["flow_expansion"], dollars.fx)


def test_a_currency_without_a_rate_is_shown_apart() -> None:
    """Pounds are not dollars at 1: they have figures of their own, and the total, alone, names them."""
    found = may(Stand("c", SINCE, 40, "eur"), Stand("k", SINCE, 40, "gbp"))
    assert (44, ["gbp"]) == (found["all:usd"].opening, found["all:usd"].companions["apart"])
    assert 40 == found["gbp"].opening
    assert {"all:usd"} == {currency for currency, figures in found.items() if "apart" in figures.companions}


def test_trials_are_worth_the_rate_of_the_last_day() -> None:
    """30 EUR on trial when May closes at 1.00, and 5 USD: 35 dollars of two trials; a trial in pounds has no rate and is left out."""
    since = opening(date(2024, 5, 25), "UTC")
    rows = [(c, "trial", c, micros, since, None) for c, micros in (("eur", 30), ("usd", 5), ("gbp", 7))]
    stands = [Stand("c", SINCE, 40, "eur")]
    ledger = book(stands, exclusions=pl.DataFrame(rows, schema=EXCLUSIONS, orient="row"))
    found = {f.currency: f for f in finish(partials(ledger, [MAY], exchange=RATES), complete_until=Instant(2**40))}
    assert {"all:usd": (35, 2), "eur": (30, 1), "gbp": (7, 1), "usd": (5, 1)} == {
        currency: (f.companion("trial_pipeline"), f.companion("trials")) for currency, f in found.items()
    }


def test_causes_of_the_whole_book() -> None:
    """Two upgrades, of 20 USD and of 10 EUR on a day at 1.00, are one cause of 30 dollars; pounds without a rate are none of it."""
    rows = [
        Stand(name, day, micros, currency)
        for name, currency in (("home", "usd"), ("abroad", "eur"), ("apart", "gbp"))
        for day, micros in ((SINCE, 40), (date(2024, 5, 25), 60 if name == "home" else 50))
    ]
    causes = may(*rows)["all:usd"].companions["causes"]
    assert [("expansion", "plan", 30, 2)] == [(c["kind"], c["cause"], c["micros"], c["movements"]) for c in causes]
