"""The European Central Bank's history from its own address: fetched, looked through, and given only when all of it is as it should be.

What can't be had or doesn't hold is said, and whoever asked keeps what it has. A proxy of the environment is heeded.
"""

from datetime import date, timedelta
from typing import Final
from urllib.parse import urlsplit

import polars as pl
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from integrations.rates import ecb
from integrations.rates.quotes import BadRates
from metrics.exchange_rates import DIGITS

TIMEOUT_SECONDS: Final = (10.0, 30.0)
"""To connect, and between two parts of the answer."""
MOST_BYTES: Final = 20_000_000
"""The history of thirty years is a thirtieth of it."""
FEWEST_DAYS: Final = 20
TRIES: Final = 3
_AGAIN: Final = Retry(
    total=TRIES - 1,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=("GET",),
    respect_retry_after_header=False,
)


class RatesUnavailable(RuntimeError):
    """The history could not be fetched; nothing was stored, and the rates that are held still count."""


def download(address: str, today: date) -> pl.DataFrame:
    """The quotes at an address, laid out as the ECB's history. Raises RatesUnavailable, and BadRates for what can't be it."""
    quotes = ecb.history_of(_fetched(address), address)
    _look_through(quotes, address, today)
    return quotes


def _fetched(address: str) -> bytes:
    try:
        with requests.Session() as session:
            session.mount("https://", HTTPAdapter(max_retries=_AGAIN))
            session.mount("http://", HTTPAdapter(max_retries=_AGAIN))
            with session.get(address, timeout=TIMEOUT_SECONDS, stream=True, headers={"User-Agent": "nrr"}) as answer:
                answer.raise_for_status()
                data = bytearray()
                for part in answer.iter_content(65_536):
                    data += part
                    if len(data) > MOST_BYTES:
                        raise RatesUnavailable(f"{address} answers with more than a history of rates can be; nothing was stored")
    except (requests.RequestException, OSError) as error:
        host = urlsplit(address).hostname or "the address of the exchange rates"
        raise RatesUnavailable(
            f"exchange rates could not be fetched from {host} ({type(error).__name__}); nothing was stored, those that are held still count"
        ) from error
    return bytes(data)


def _look_through(quotes: pl.DataFrame, address: str, today: date) -> None:
    """Raises BadRates unless the quotes can be what the ECB publishes: dollars of many days, none to come, every rate a plain decimal."""
    days = quotes.filter(pl.col("currency") == "usd")["day"]
    last: date | None = quotes["day"].max()  # type: ignore[assignment]  # of a column of days
    plain = quotes["rate"].str.contains(r"^[0-9]+(\.[0-9]+)?$") & (
        quotes["rate"].str.replace(".", "", literal=True).str.len_chars() <= DIGITS
    )
    faults = [
        *([f"it holds {len(days)} days of dollars"] if len(days) < FEWEST_DAYS else []),
        *([f"its last day is {last}"] if last is not None and last > today + timedelta(days=1) else []),
        *(["a rate is no plain decimal"] if not plain.all() else []),
        *(["a rate is 0"] if (quotes["rate"].str.strip_chars("0.") == "").any() else []),
    ]
    if faults:
        raise BadRates(f"what {address} answers can't be the ECB's history: {', '.join(faults)}; nothing was stored")
