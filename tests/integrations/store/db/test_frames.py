"""Frames out of either database: the same types and values, and a connection that goes on after a reader gave up or a query failed."""

import sqlite3
from datetime import UTC, date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import Engine, literal_column, select, text
from sqlalchemy.exc import SQLAlchemyError

from integrations.store.db import frames
from integrations.store.db.engine import begin, read
from integrations.store.db.frames import append_frame, read_frame
from integrations.store.figures.rollups import FIGURES
from integrations.store.figures.schema import rollup
from integrations.store.ledger.schema import movement

SCHEMA = {"customer": pl.String, "day": pl.Date, "delta_micros": pl.Int64, "inferred": pl.Boolean, "cause": pl.String}
QUERY = select(*(movement.c[name] for name in SCHEMA)).order_by(movement.c.seq)


def _put(engine: Engine, count: int) -> None:
    row = {
        "basis": "b",
        "bucket": 1,
        "kind": "new",
        "currency": "usd",
        "list_before_micros": 0,
        "list_after_micros": 0,
        "evidence": "[]",
    }
    with begin(engine) as connection:
        for seq in range(count):
            values = {
                "customer": 'a "b",\nc',
                "seq": seq,
                "day": date(2024, 2, 29),
                "before_micros": 0,
                "after_micros": 2**40 + seq,
                "delta_micros": 2**40 + seq,
                "inferred": seq % 2 == 1,
                "cause": "",
            }
            connection.execute(movement.insert().values(**row, **values))


def test_values_come_as_they_are(engine: Engine) -> None:
    """Quotes, commas and line ends in a name, an empty text, a flag, a day and a large number: nothing is lost on the way."""
    _put(engine, 3)
    with read(engine) as connection:
        found = read_frame(connection, QUERY, SCHEMA)
    expected = pl.DataFrame(
        [('a "b",\nc', date(2024, 2, 29), 2**40 + n, n == 1, "") for n in range(3)], schema=SCHEMA, orient="row"
    )
    assert_frame_equal(expected, found)


def test_nothing_is_a_frame_too(engine: Engine) -> None:
    """No rows: a frame with its columns."""
    with read(engine) as connection:
        assert_frame_equal(pl.DataFrame(schema=SCHEMA), read_frame(connection, QUERY, SCHEMA))


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # SQLite's reader keeps writers waiting
def test_one_state_throughout(engine: Engine) -> None:
    """The first thing that a reading transaction does may be reading a frame: what is written afterwards is not seen."""
    _put(engine, 1)
    with read(engine) as connection:
        assert 1 == len(read_frame(connection, QUERY, SCHEMA))
        with begin(engine) as other:
            other.execute(text("DELETE FROM movement"))
        assert 1 == len(read_frame(connection, QUERY, SCHEMA))


def test_a_failed_query_is_an_error_of_the_database(engine: Engine) -> None:
    """It is told, and the next transaction works."""
    with pytest.raises((SQLAlchemyError, sqlite3.Error)), read(engine) as connection:
        read_frame(connection, select(literal_column("no_such_column")), {"x": pl.Int64})
    with read(engine) as connection:
        assert 1 == connection.execute(text("SELECT 1")).scalar_one()


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # nothing is parsed of SQLite's rows
def test_a_reader_that_gives_up_leaves_a_usable_connection(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what was read can't be parsed, the rest is not waited for, and the connection is given back clean."""
    _put(engine, 300)
    monkeypatch.setattr(frames, "_BLOCK_BYTES", 50)

    def broken(_block: object, _schema: object) -> pl.DataFrame:
        raise ValueError("can't be parsed")

    monkeypatch.setattr(frames, "_parsed", broken)
    with read(engine) as connection, pytest.raises(ValueError, match="can't be parsed"):
        read_frame(connection, QUERY, SCHEMA)
    with read(engine) as connection:
        assert 300 == connection.execute(text("SELECT count(*) FROM movement")).scalar_one()


TEXTS = ["", 'a "b",\nc', "\\N", "ünï 🎈", None]


@pytest.mark.parametrize("more", [[], ["nul \x00 in it"]])
def test_a_frame_goes_in_as_it_is(engine: Engine, more: list[str]) -> None:
    """Empty and missing texts, quotes, lines, flags, days and moments, whatever way the rows take; what no database holds is made fit."""
    learnt = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    texts = [*TEXTS, *more]
    rows = pl.DataFrame(
        {
            "basis": ["b"] * len(texts),
            "kind": "month",
            "first": date(2026, 1, 1),
            "until": date(2026, 2, 1),
            "dimension": [str(n) for n in range(len(texts))],
            "segment": "",
            "currency": "usd",
            "version": 1,
            **dict.fromkeys((f for f in FIGURES if f not in ("companions", "incomplete", "reason", "products")), 2**30),
            "companions": "{}",
            "incomplete": [n % 2 == 1 for n in range(len(texts))],
            "reason": texts,
            "products": None,
            "digest": "",
            "current": True,
            "learnt_at": learnt,
            "run_id": None,
        }
    ).cast({"products": pl.String, "run_id": pl.Int64})
    with begin(engine) as connection:
        assert len(texts) == append_frame(connection, rollup, rows)
    with read(engine) as connection:
        stored = select(rollup.c.reason, rollup.c.incomplete, rollup.c.first, rollup.c.opening, rollup.c.learnt_at, rollup.c.run_id)
        found = connection.execute(stored.order_by(rollup.c.dimension)).all()
    made_fit = [text if text is None else text.replace("\x00", "\ufffd") for text in texts]
    assert [(text, n % 2 == 1, date(2026, 1, 1), 2**30, learnt, None) for n, text in enumerate(made_fit)] == [
        tuple(r) for r in found
    ]
