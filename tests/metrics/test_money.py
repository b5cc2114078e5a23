"""Money is whole micros, exact until the one rounding, and shown without losing any of it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.money import (
    MICROS_PER_MAJOR,
    THREE_DECIMAL,
    ZERO_DECIMAL,
    exponent,
    major_text,
    minor_to_micros,
    ratio_text,
    round_micros,
)


@pytest.mark.parametrize(
    ("expected", "currency"),
    [
        (2, "usd"),
        (2, "EUR"),
        (0, "jpy"),
        (0, "KRW"),
        (3, "kwd"),
        (3, "BHD"),
        (2, "isk"),
        (2, "ugx"),
        (2, "huf"),
        (2, "twd"),
        (2, "xyz"),
    ],
)
def test_the_size_of_a_minor_unit(expected: int, currency: str) -> None:
    """Stripe's own exponents: króna, shilling, forint and Taiwan dollar have two in its API, an unknown code has two."""
    assert expected == exponent(currency)


def test_no_currency_is_in_two_lists() -> None:
    """A currency has one exponent."""
    assert frozenset() == ZERO_DECIMAL & THREE_DECIMAL
    assert (15, 5) == (len(ZERO_DECIMAL), len(THREE_DECIMAL))


@pytest.mark.parametrize(
    ("expected", "amount", "currency"),
    [
        (49_990_000, 4999, "usd"),
        (5_000_000_000, 5000, "jpy"),
        (15_125_000, 15125, "kwd"),
        (Fraction(1, 10**8), Decimal("0.000000000001"), "usd"),
        (Fraction(10_000, 3), Fraction(1, 3), "usd"),
        (-667 * 10_000, -667, "eur"),
    ],
)
def test_minor_units_in_micros(expected: int | Fraction, amount: int | Decimal | Fraction, currency: str) -> None:
    """Exact: a twelfth decimal place of a cent is not lost, a third is not approximated."""
    assert expected == minor_to_micros(amount, currency)


@pytest.mark.parametrize(("expected", "numerator"), [(0, 1), (2, 3), (2, 5), (4, 7), (0, -1), (-2, -3), (-2, -5), (1, 2), (-1, -2)])
def test_halves_go_to_the_even_neighbour(expected: int, numerator: int) -> None:
    """0.5 → 0, 1.5 → 2, 2.5 → 2, 3.5 → 4, and alike below 0."""
    assert expected == round_micros(Fraction(numerator, 2))


@given(st.fractions())
def test_rounding_is_never_off_by_more_than_half(amount: Fraction) -> None:
    """The nearest whole micro is taken, and of two the even one."""
    rounded = round_micros(amount)
    assert isinstance(rounded, int)
    assert abs(rounded - amount) <= Fraction(1, 2)
    if abs(rounded - amount) == Fraction(1, 2):
        assert rounded % 2 == 0


@pytest.mark.parametrize(
    ("expected", "micros", "currency"),
    [
        ("49.99", 49_990_000, "usd"),
        ("50.00", 50_000_000, "usd"),
        ("8.333333", 8_333_333, "usd"),
        ("0.000001", 1, "usd"),
        ("0.10", 100_000, "usd"),
        ("5000", 5_000_000_000, "jpy"),
        ("416.666667", 416_666_667, "jpy"),
        ("15.125", 15_125_000, "kwd"),
        ("15.100", 15_100_000, "kwd"),
        ("0.00", 0, "usd"),
        ("0", 0, "jpy"),
        ("-0.50", -500_000, "usd"),
        ("-1.000001", -1_000_001, "usd"),
    ],
)
def test_an_amount_in_words(expected: str, micros: int, currency: str) -> None:
    """Exact, with at least the currency's own decimals and no idle zeros behind them."""
    assert expected == major_text(micros, currency)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["usd", "jpy", "kwd"]))
def test_an_amount_in_words_can_be_read_back(micros: int, currency: str) -> None:
    """Nothing is lost between micros and text."""
    assert micros == Decimal(major_text(micros, currency)) * MICROS_PER_MAJOR


@pytest.mark.parametrize(
    ("expected", "numerator", "denominator", "places"),
    [
        ("1.020000", 102, 100, 6),
        ("0.333333", 1, 3, 6),
        ("0.666667", 2, 3, 6),
        ("1.0833", 13, 12, 4),
        ("0.0", 1, 20, 1),
        ("0.2", 3, 20, 1),
        ("-0.5", -1, 2, 1),
        ("0.000000", 0, 7, 6),
        (None, 1, 0, 6),
        (None, 0, 0, 6),
    ],
)
def test_a_ratio_in_words(expected: str | None, numerator: int, denominator: int, places: int) -> None:
    """Rounded half to even at the last place; nothing to divide by is None, never 0 or 1."""
    assert expected == ratio_text(numerator, denominator, places)
