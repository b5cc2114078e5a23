"""What every source of exchange rates gives, and how it says that it can't."""

from typing import Final

import polars as pl

ECB: Final = "ecb"
"""The source that is bundled: the European Central Bank's reference rates."""


class BadRates(ValueError):
    """Exchange rates that can't be used. The message names the file, the line and what it should be; nothing was stored."""


def needed(quotes: pl.DataFrame, currencies: frozenset[str]) -> pl.DataFrame:
    """Of quotes those that say something of `currencies`, or that lead from one of them to another."""
    wanted = sorted(code.lower() for code in currencies)
    return quotes.filter(pl.col("currency").is_in(wanted))
