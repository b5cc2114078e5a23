"""How numbers are written: amounts, rates, time spans."""

from fractions import Fraction

import pytest

from metrics.number_words import duration, money, percent


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (0, "usd", "0 USD"),
        (49_990_000, "eur", "49.99 EUR"),
        (999_995_000, "usd", "1,000.00 USD"),
        (1_234_567_890_000, "all:usd", "1,234,568 USD"),
        (-5_000_000, "jpy", "−5 JPY"),
        (1_234_000, "kwd", "1.234 KWD"),
    ],
)
def test_amounts_have_the_places_of_their_currency(micros: int, currency: str, text: str) -> None:
    """Whole units from a thousand on; a true minus sign."""
    assert text == money(micros, currency)


def test_a_rate_is_never_rounded_onto_what_it_is_compared_with() -> None:
    """99.96 % below 100 % is not written as 100 %."""
    assert "99.96 %" == percent(Fraction(9996, 10000), apart_from=Fraction(1))
    assert "100 %" == percent(Fraction(1), apart_from=Fraction(1))


def test_durations_are_short() -> None:
    """Minutes, hours, days."""
    assert ["1 minute", "119 minutes", "26 hours", "3 days"] == [duration(s) for s in (5, 7199, 26 * 3600, 3 * 86_400)]
