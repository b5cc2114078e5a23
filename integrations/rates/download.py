"""The European Central Bank's history from its own address: fetched, looked through, and given only when all of it is as it should be.

What can't be had or doesn't hold is said, and whoever asked keeps what it has.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlsplit

import polars as pl

from integrations.rates import ecb
from integrations.rates.quotes import BadRates
from integrations.web import NoAnswer, NotReached, TooLarge, Web
from metrics.day_rates import DIGITS

_WEB: Final = Web(timeout_seconds=(10.0, 30.0))
MOST_BYTES: Final = 20_000_000
"""The history of thirty years is a thirtieth of it."""
FEWEST_DAYS: Final = 20
TRIES: Final = 3
_AGAIN: Final = (429, 500, 502, 503, 504)


class RatesUnavailable(RuntimeError):
    """The history could not be fetched; nothing was stored, and the rates that are held still count."""


def download(address: str, today: date, web: Web = _WEB, sleep: Callable[[float], None] = time.sleep) -> pl.DataFrame:
    """The quotes at an address, laid out as the ECB's history. Raises RatesUnavailable, and BadRates for what can't be it."""
    quotes = ecb.history_of(_fetched(address, web, sleep), address)
    _look_through(quotes, address, today)
    return quotes


def _fetched(address: str, web: Web, sleep: Callable[[float], None]) -> bytes:
    why = ""
    for attempt in range(TRIES):
        if attempt:
            sleep(0.5 * 2.0 ** (attempt - 1))
        try:
            answer = web.get(address, most=MOST_BYTES)
        except TooLarge as error:
            raise RatesUnavailable(f"{error}, more than a history of rates can be; nothing was stored") from None
        except (NotReached, NoAnswer) as error:
            why = str(error)
            continue
        if answer.status == 200:
            return answer.body
        why = f"{urlsplit(address).hostname} answered {answer.status}" + (
            ", a redirect, which is not followed: set the address that it leads to" if 300 <= answer.status < 400 else ""
        )
        if answer.status not in _AGAIN:
            break
    raise RatesUnavailable(f"exchange rates could not be fetched: {why}; nothing was stored, those that are held still count")


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
