"""What the roll-up is compared with: the database's own reading and writing of the same rows, and one window by other engines.

The queries are written from the definitions, without a look at ours. Every engine answers with the same numbers by currency: opening,
expansion, contraction, churn, closing, new, reactivation, members, and members that stayed.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg

from integrations.store.db.engine import open_engine, read
from integrations.store.ledger import read as ledgers
from metrics.evidence import Instant
from metrics.periods import Window
from metrics.retention.aggregate import finish, partials
from metrics.retention.spans import Book

YEAR = Window("trailing_12", date(2025, 1, 1), date(2026, 1, 1))
FACTS = ("customer_state", "subscription_state", "invoice", "invoice_line")
LEDGER = ("movement", "standing", "attribute", "exclusion", "finding", "wake")
FIGURES = ("rollup", "day_total", "snapshot")

Answer = dict[str, tuple[int, ...]]


def _connect(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def analyze(url: str) -> None:
    """Let the database know what it holds."""
    with _connect(url) as connection:
        connection.execute("ANALYZE")


def size(url: str) -> int:
    """How many bytes the database takes."""
    with _connect(url) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found is not None
    return int(found[0])


def counts(url: str, basis: str) -> dict[str, int]:
    """How many rows were derived."""
    names = {
        "movements": "movement",
        "standings": "standing",
        "figures": "rollup",
        "day_totals": "day_total",
        "month_ends": "snapshot",
    }
    with _connect(url) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {table} WHERE basis = %s".encode(), [basis]).fetchone()[0]  # type: ignore[index]
            for name, table in names.items()
        }


def read_all(url: str, folder: Path) -> None:
    """Read facts and ledger once, by COPY to files, in the order of their keys as a derivation needs them."""
    with _connect(url) as connection:
        for table in (*FACTS, *LEDGER, *FIGURES):
            with (
                (folder / table).open("wb") as file,
                connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT BINARY)".encode()) as copy,
            ):
                for block in copy:
                    file.write(block)


def write_all(url: str, folder: Path) -> None:
    """Write ledger and figures by COPY into tables like those that hold them, with their keys and indexes."""
    with _connect(url) as connection:
        for table in (*LEDGER, *FIGURES):
            connection.execute(f"CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)".encode())
            with (
                (folder / table).open("rb") as file,
                connection.cursor().copy(f"COPY copied_{table} FROM STDIN (FORMAT BINARY)".encode()) as copy,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)
            connection.execute(f"DROP TABLE copied_{table}".encode())


def to_parquet(url: str, basis: str, folder: Path) -> None:
    """The ledger as two Parquet files."""
    engine = open_engine(url)
    with read(engine) as connection:
        parts = [ledgers.book(connection, basis, shard=(index, 16)) for index in range(16)]
    pl.concat([p.standings for p in parts]).write_parquet(folder / "standings.parquet")
    pl.concat([p.movements for p in parts]).write_parquet(folder / "movements.parquet")
    engine.dispose()


_QUERY = """
WITH opening AS (
  SELECT customer, currency, net_micros FROM (
    SELECT customer, currency, net_micros, row_number() OVER (PARTITION BY customer, currency ORDER BY day DESC) AS n
    FROM {standings} WHERE {mine} day < DATE '{first}') latest WHERE n = 1 AND net_micros > 0
), closing AS (
  SELECT customer, currency, net_micros FROM (
    SELECT customer, currency, net_micros, row_number() OVER (PARTITION BY customer, currency ORDER BY day DESC) AS n
    FROM {standings} WHERE {mine} day < DATE '{until}') latest WHERE n = 1 AND net_micros > 0
), both_ends AS (
  SELECT coalesce(o.currency, c.currency) AS currency, coalesce(o.net_micros, 0) AS o, coalesce(c.net_micros, 0) AS c
  FROM opening o FULL JOIN closing c ON o.customer = c.customer AND o.currency = c.currency
), moved AS (
  SELECT currency, sum(CASE WHEN kind = 'new' THEN delta_micros ELSE 0 END) AS new_micros,
         sum(CASE WHEN kind = 'reactivation' THEN delta_micros ELSE 0 END) AS back_micros
  FROM {movements} WHERE {mine} day >= DATE '{first}' AND day < DATE '{until}' GROUP BY currency
)
SELECT e.currency, sum(o), sum(CASE WHEN o > 0 AND c > o THEN c - o ELSE 0 END), sum(CASE WHEN c > 0 AND c < o THEN o - c ELSE 0 END),
       sum(CASE WHEN c = 0 THEN o ELSE 0 END), sum(c), max(coalesce(new_micros, 0)), max(coalesce(back_micros, 0)),
       count(CASE WHEN o > 0 THEN 1 END), count(CASE WHEN o > 0 AND c > 0 THEN 1 END)
FROM both_ends e LEFT JOIN moved m ON m.currency = e.currency GROUP BY e.currency ORDER BY e.currency
"""  # names and days of our own


def _query(standings: str, movements: str, mine: str = "") -> str:
    return _QUERY.format(standings=standings, movements=movements, mine=mine, first=YEAR.first, until=YEAR.until)


def _answer(rows: list[tuple[Any, ...]]) -> Answer:
    return {str(row[0]): tuple(int(value) for value in row[1:]) for row in rows}


def by_duckdb(folder: Path) -> Answer:
    """The year by duckdb over Parquet."""
    import duckdb

    files = (f"read_parquet('{folder}/{name}.parquet')" for name in ("standings", "movements"))
    return _answer(duckdb.connect().execute(_query(*files)).fetchall())


def by_postgresql(url: str, basis: str) -> Answer:
    """The year by plain SQL where the ledger is."""
    with _connect(url) as connection:
        return _answer(connection.execute(_query("standing", "movement", f"basis = '{basis}' AND").encode()).fetchall())


def by_ours(folder: Path) -> Answer:
    """The year by our own engine over the same files."""
    return _ours(folder, ())


def by_ours_by_plan(folder: Path) -> Answer:
    """The same, with every plan's figures too."""
    return _ours(folder, ("plan",))


def _ours(folder: Path, dimensions: tuple[str, ...]) -> Answer:
    last = YEAR.until - timedelta(days=1)
    frames = [pl.read_parquet(folder / f"{name}.parquet") for name in ("standings", "movements")]
    kept = [frame.filter(pl.col("day") <= last) for frame in frames]
    found = finish(partials(Book(*kept), [YEAR], dimensions=dimensions), complete_until=Instant(2**40))
    return {
        f.currency: (
            f.opening,
            f.expansion,
            f.contraction,
            f.churn,
            f.closing,
            f.new,
            f.reactivation,
            f.opening_customers,
            f.retained_customers,
        )
        for f in found
        if not f.dimension
    }
