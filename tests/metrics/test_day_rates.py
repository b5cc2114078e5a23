"""Rates of one day in whole numbers say what the frames of many days say."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.day_rates import rates_of_day, worth
from metrics.exchange_rates import QUOTES, exchange, rates_on
from metrics.exchange_rates import worth as worth_of_frame

DAY = date(2026, 3, 1)
CODES = ("usd", "eur", "gbp", "brl", "JPY")
_QUOTE = st.tuples(
    st.integers(0, 6).map(lambda days: DAY - timedelta(days=days)),
    st.sampled_from(CODES),
    st.sampled_from(CODES),
    st.decimals("0.0001", "9999", places=4).map(str),
).filter(lambda quote: quote[1] != quote[2])


@given(
    st.lists(_QUOTE, max_size=14, unique_by=lambda quote: quote[:3]),
    st.sampled_from(("usd", "EUR")),
    st.integers(-(10**13), 10**13),
)
def test_one_day_is_valued_as_many_days_are(quotes: list[tuple[date, str, str, str]], home: str, micros: int) -> None:
    """Straight, inverted and across, for every currency that has a rate and none that hasn't; and amounts are rounded alike."""
    asked = pl.DataFrame({"currency": [code.lower() for code in CODES]}).with_columns(day=pl.lit(DAY))
    many = rates_on(exchange(pl.DataFrame(quotes, schema=QUOTES, orient="row"), home), asked)
    amounts = many.select(worth_of_frame(pl.lit(micros), pl.col("numerator"), pl.col("denominator")))["literal"].to_list()
    last = {(unit, code): rate for day, unit, code, rate in sorted(quotes)}
    one = rates_of_day(((*pair, rate) for pair, rate in last.items()), home)
    assert amounts == [worth(micros, one[code]) if code in one else None for code in asked["currency"]]


@pytest.mark.parametrize("rate", ["0", "-1", "1e3", "1,5", "", "1234567890123", "٣"])
def test_what_is_no_plain_decimal_is_refused(rate: str) -> None:
    """By the same sentence as in a frame."""
    with pytest.raises(ValueError, match="must be a decimal above 0 of at most 12 digits"):
        rates_of_day([("eur", "usd", rate)], "usd")
