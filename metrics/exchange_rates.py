"""What money was worth in the reporting currency on a day, exactly.

A rate belongs to a day; a day without one takes the last before it, and no rate at all is null for the caller to show apart, never 1.
An amount is rounded once, half-even, to whole micros. Where rates come from is not known here (see `integrations.rates`), and
neither is what they are used for (see `metrics.retention.reporting_currency`). The same for a few amounts of one day, in whole numbers:
`metrics.day_rates`.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from metrics.day_rates import DIGITS, bad_rate
from metrics.money import BookCurrency

QUOTES: Final = {"day": pl.Date, "unit": pl.String, "currency": pl.String, "rate": pl.String}
"""One `unit` (a currency) bought `rate` of `currency` on `day`; the rate is an exact decimal as text."""
RATES: Final = {"currency": pl.String, "day": pl.Date, "numerator": pl.Int128, "denominator": pl.Int128}
"""One major unit of `currency` was worth numerator ÷ denominator major units of the reporting currency, from `day` on."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The reporting currency, and RATES to it in order of currency and day, each holding until the next."""

    reporting: str
    rates: pl.DataFrame

    @property
    def label(self) -> str:
        """The `currency` of figures of the whole book in the reporting currency."""
        return str(BookCurrency(self.reporting, whole_book=True))


def exchange(quotes: pl.DataFrame, reporting: str) -> Exchange:
    """Rates to `reporting` from QUOTES: for each currency straight ones, else inverted ones, else across the first unit that has both.

    Codes are taken in lower case. Raises ValueError for a rate that is not a plain decimal above 0 of at most DIGITS digits.
    """
    home = reporting.lower()
    exact = _exact(quotes)
    straight = exact.filter(pl.col("currency") == home).select("day", "numerator", "denominator", currency="unit")
    turned = exact.filter(pl.col("unit") == home).select("day", "currency", numerator="denominator", denominator="numerator")
    units = exact.filter(pl.col("unit") != home)["unit"].unique().sort()
    ways = [straight, turned, *(_across(exact.filter(pl.col("unit") == unit), home) for unit in units)]
    found, known = [], pl.Series([home])
    for way in ways:
        fresh = way.filter(~pl.col("currency").is_in(known.implode()))
        known = pl.concat([known, fresh["currency"].unique()])
        found.append(fresh.select(*RATES))
    return Exchange(home, pl.concat(found).sort("currency", "day"))


def _exact(quotes: pl.DataFrame) -> pl.DataFrame:
    """QUOTES with numerator and denominator instead of the rate's text, lower-case codes, one a day (the last given)."""
    text = pl.col("rate").str.strip_chars()
    digits = text.str.replace(".", "", literal=True)
    read = quotes.select(
        "day",
        "rate",
        unit=pl.col("unit").str.to_lowercase(),
        currency=pl.col("currency").str.to_lowercase(),
        plain=text.str.contains(r"^[0-9]+(\.[0-9]+)?$") & (digits.str.len_chars() <= DIGITS),
        numerator=digits.cast(pl.Int128, strict=False),
        denominator=pl.lit(10, pl.Int128).pow(text.str.split(".").list.get(1, null_on_oob=True).str.len_chars().fill_null(0)),
    )
    wrong = read.filter(~pl.col("plain") | (pl.col("numerator") <= 0))
    if not wrong.is_empty():
        bad = wrong.row(0, named=True)
        raise ValueError(bad_rate(bad["unit"], bad["currency"], bad["rate"], bad["day"]))
    return read.drop("rate", "plain").unique(["unit", "currency", "day"], keep="last", maintain_order=True)


def _across(quotes: pl.DataFrame, home: str) -> pl.DataFrame:
    """Rates to `home` by way of the one unit that `quotes` are given for: home per unit ÷ currency per unit, on the days of either."""
    homes = quotes.filter(pl.col("currency") == home).select("day", home_n="numerator", home_d="denominator").sort("day")
    others = quotes.filter(pl.col("currency") != home).select("currency", "day", "numerator", "denominator")
    others = others.sort("currency", "day")
    days = pl.concat([others.select("currency", "day"), others.select("currency").unique().join(homes.select("day"), how="cross")])
    return (
        days.unique()
        .sort("currency", "day")
        .join_asof(others, on="day", by="currency", check_sortedness=False)
        .sort("day")
        .join_asof(homes, on="day")
        .drop_nulls()
        .select(
            "currency",
            "day",
            numerator=pl.col("home_n") * pl.col("denominator"),
            denominator=pl.col("home_d") * pl.col("numerator"),
        )
    )


def rates_on(exchange: Exchange, asked: pl.DataFrame) -> pl.DataFrame:
    """numerator, denominator for each row (currency, day) of `asked`, in its order: the last rate on or before the day, or null."""
    return _looked_up(exchange, asked, before_the_first=False)


def rates_or_first(exchange: Exchange, asked: pl.DataFrame) -> pl.DataFrame:
    """As `rates_on`, but before a currency's first rate that one: where a rate only has to be the same on both sides of a sum."""
    return _looked_up(exchange, asked, before_the_first=True)


def _looked_up(exchange: Exchange, asked: pl.DataFrame, *, before_the_first: bool) -> pl.DataFrame:
    known = asked.select("currency", "day").unique().sort("day")  # many rows ask for few rates
    found = known.join_asof(exchange.rates.sort("day"), on="day", by="currency", check_sortedness=False)
    if before_the_first:
        first = exchange.rates.group_by("currency", maintain_order=True).first()
        found = found.join(first, on="currency", how="left", suffix="_first").with_columns(
            pl.col(name).fill_null(pl.col(f"{name}_first")) for name in ("numerator", "denominator")
        )
    one = pl.when(pl.col("currency") == exchange.reporting).then(pl.lit(1, pl.Int128))
    rates = found.select("currency", "day", numerator=one.otherwise("numerator"), denominator=one.otherwise("denominator"))
    return (
        asked.select("currency", "day")
        .join(rates, on=["currency", "day"], how="left", maintain_order="left")
        .select("numerator", "denominator")
    )


def worth(micros: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """`micros` at a rate, rounded half-even to whole micros (i64); null without a rate.

    >>> rate = pl.lit(1, pl.Int128), pl.lit(2, pl.Int128)
    >>> pl.select(worth(pl.Series([1, 2, 3, -1, -3]), *rate)).to_series().to_list()
    [0, 1, 2, 0, -2]
    """
    product = micros.cast(pl.Int128) * numerator
    whole = product // denominator
    twice = (product - whole * denominator) * 2
    up = (twice > denominator) | ((twice == denominator) & (whole % 2 == 1))
    return (whole + up.cast(pl.Int128)).cast(pl.Int64)
