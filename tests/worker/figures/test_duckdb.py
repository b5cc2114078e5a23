"""Another engine's word: NRR, GRR and bridge of every month by plain SQL in duckdb over the exported ledger are the stored ones."""

import random
from datetime import date
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import read
from integrations.store.ledger import read as read_ledger
from metrics.retention.figures import Figures, ratio
from tests.worker.ledgers import BASIS, Life, change, roll_up, rolling_of, store
from worker.figures import stored

START, TODAY = date(2024, 1, 10), date(2025, 6, 20)

QUERY = """
WITH months AS (
  SELECT unnest(generate_series(DATE '2024-01-01', DATE '2025-06-01', INTERVAL 1 MONTH))::DATE AS month
), ends AS (
  SELECT month, month AS before, 'o' AS which FROM months UNION ALL SELECT month, (month + INTERVAL 1 MONTH)::DATE, 'c' FROM months
), standing_then AS (
  SELECT month, which, customer, currency, arg_max(net_micros, day) AS net
  FROM ends JOIN 'standings.parquet' s ON s.day < ends.before GROUP BY month, which, customer, currency
), customers AS (
  SELECT month, currency, customer, sum(CASE WHEN which = 'o' THEN net ELSE 0 END) AS o, sum(CASE WHEN which = 'c' THEN net ELSE 0 END) AS c
  FROM standing_then GROUP BY month, currency, customer
), anywhere AS (
  SELECT *, max(c) OVER (PARTITION BY month, customer) AS c_anywhere FROM customers
), cohort AS (
  SELECT month, currency, sum(o) AS opening, sum(c) AS closing, sum(CASE WHEN o > 0 THEN c ELSE 0 END) AS kept,
         sum(least(o, c)) AS kept_at_most, count(CASE WHEN o > 0 THEN 1 END) AS members, count(CASE WHEN o > 0 AND c_anywhere > 0 THEN 1 END) AS stayed
  FROM anywhere GROUP BY month, currency
), flows AS (
  SELECT date_trunc('month', day)::DATE AS month, currency, map_from_entries(list((kind, micros))) AS by_kind FROM (
    SELECT date_trunc('month', day)::DATE AS day, currency, kind, sum(delta_micros) AS micros FROM 'movements.parquet' GROUP BY ALL
  ) GROUP BY ALL
)
SELECT month, currency, opening, closing, kept, kept_at_most, members, stayed,
       [coalesce(by_kind[k], 0) FOR k IN ['new', 'reactivation', 'expansion', 'contraction', 'churn']]
FROM cohort LEFT JOIN flows USING (month, currency) WHERE opening > 0 OR closing > 0 OR by_kind IS NOT NULL ORDER BY month, currency
"""


def _lives(chance: random.Random) -> dict[str, Life]:
    lives = {f"c{number}": Life() for number in range(120)}
    for name, life in lives.items():
        for _ in range(6):
            change(chance, life, name, START, TODAY)
    return lives


@pytest.mark.long
def test_duckdb_finds_the_same(engine: Engine, tmp_path: Path) -> None:
    """For every month and currency: the parts of NRR and GRR, logo retention, and each line of the bridge, to the micro."""
    lives = _lives(random.Random(31))
    store(engine, lives, lives, TODAY)
    roll_up(rolling_of(engine))
    with read(engine) as connection:
        ledger = read_ledger.book(connection, BASIS.version)
    ledger.standings.write_parquet(tmp_path / "standings.parquet")
    ledger.movements.write_parquet(tmp_path / "movements.parquet")
    sql = QUERY.replace("'standings", f"'{tmp_path}/standings").replace("'movements", f"'{tmp_path}/movements")
    theirs = {(row[0], row[1]): row[2:] for row in duckdb.connect().execute(sql).fetchall()}
    ours = {
        (f.first, f.currency): f
        for f in stored.figures(engine, BASIS, kind="month", dimension="")
        if f.currency in ("usd", "eur", "jpy")
    }
    assert theirs.keys() == ours.keys()
    assert len(ours) > 45
    for key, (opening, closing, kept, kept_at_most, members, stayed, flows) in theirs.items():
        f = ours[key]
        assert (Fraction(int(kept), int(opening)) if opening else None) == ratio(f, "nrr")
        assert (Fraction(int(kept_at_most), int(opening)) if opening else None) == ratio(f, "grr")
        assert (Fraction(stayed, members) if members else None) == ratio(f, "logo_retention")
        assert [opening, *flows, 0, closing] == _bridge(f)
        assert closing == opening + sum(flows)


def _bridge(f: Figures) -> list[int]:
    return list(f.bridge().values())
