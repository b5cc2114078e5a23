"""Exchange rates of one's own: a CSV file with the columns day, unit, currency, rate.

One `unit` bought `rate` of `currency` on `day`: `2026-03-31,eur,usd,1.0815`. A rate holds until the next one of its pair. Codes may be in
either case; the rate is a plain decimal of at most twelve digits, so that no amount is ever rounded twice.
"""

import csv
import re
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Final

import polars as pl

from integrations.bounded_reading import RATES, read_bounded
from integrations.rates import ecb
from integrations.rates.quotes import ECB, BadRates
from metrics.day_rates import DIGITS
from metrics.exchange_rates import QUOTES

_RATE: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_SHOWN: Final = 60
_LONGEST_FIELD: Final = 1_000
"""Characters: whatever is longer is no field of a table of rates. Said each time, since the module `csv` has one limit for all readers."""
_CODE: Final = re.compile(r"[A-Za-z]{3}")


def load(source: str) -> pl.DataFrame:
    """The quotes of a source: `ecb` for the bundled history, else a file (one of your own, or the ECB's). Raises BadRates."""
    if source == ECB:
        return ecb.bundled()
    path = Path(source).expanduser()
    try:
        data = read_bounded(path, RATES)
    except OSError as error:
        raise BadRates(f"the rates in {path} can't be read: {error.strerror or error}; nothing was stored") from error
    packed = path.suffix == ".zip"
    return ecb.history_of(data, str(path)) if packed or ecb.looks_like_one(data) else of_table(data, path)


def of_table(data: bytes, path: Path) -> pl.DataFrame:
    """The quotes in a CSV file's content, as `metrics.exchange_rates.QUOTES` in the order of the file. Raises BadRates for the first line that is none."""
    try:
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.DictReader(StringIO(data.decode("utf-8-sig"), newline=""))
        if set(QUOTES) - {name.strip().lower() for name in reader.fieldnames or ()}:
            raise BadRates(f"{path} must begin with the line {','.join(QUOTES)}; nothing was stored")
        rows = [_row(path, number, row) for number, row in enumerate(reader, 2)]
    except UnicodeDecodeError as error:
        raise BadRates(f"{path} is not text in UTF-8; nothing was stored") from error
    except csv.Error as error:
        raise BadRates(f"{path} is no table of rates: {error}; nothing was stored") from None
    if not rows:
        raise BadRates(f"{path} has no line with a rate; nothing was stored")
    return pl.DataFrame(rows, schema=QUOTES, orient="row")


def _row(path: Path, number: int, row: dict[str | None, str | list[str] | None]) -> tuple[date, str, str, str]:
    said = {str(name).strip().lower(): value.strip() for name, value in row.items() if isinstance(value, str)}
    try:
        day = date.fromisoformat(said.get("day", ""))
    except ValueError:
        raise _bad(path, number, "day", said, "a day such as 2026-03-31") from None
    for name in ("unit", "currency"):
        if not _CODE.fullmatch(said.get(name, "")):
            raise _bad(path, number, name, said, "a code of three letters such as usd")
    rate = said.get("rate", "")
    if not _RATE.fullmatch(rate) or len(rate.replace(".", "")) > DIGITS or not rate.strip("0."):
        raise _bad(path, number, "rate", said, f"a decimal above 0 of at most {DIGITS} digits, such as 1.0815")
    return day, said["unit"].lower(), said["currency"].lower(), rate


def _bad(path: Path, number: int, name: str, said: dict[str, str], wanted: str) -> BadRates:
    return BadRates(f"{path}, line {number}: {name} must be {wanted}, not {_short(said.get(name, ''))!r}; nothing was stored")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
