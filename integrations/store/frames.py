"""Query results as polars frames, without a Python object for each value where the database allows it.

PostgreSQL writes CSV faster than a driver makes tuples, and polars parses it on every core; SQLite's rows are turned into columns.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import polars as pl
from sqlalchemy import Boolean, Connection, Integer, Select, cast

from integrations.store.bulk import stream
from integrations.store.engine import is_postgresql

Schema = Mapping[str, Any]
"""Columns with their polars types, in the order of the query's."""

_BLOCK_BYTES: Final = 32 * 1024 * 1024
_ROWS: Final = 20_000


def read_frame(connection: Connection, query: Select[Any], schema: Schema) -> pl.DataFrame:
    """The rows of `query` as a frame with exactly the columns of `schema`; days are pl.Date, flags pl.Boolean."""
    # A flag is f or 0 or False, depending on whom one asks; a number is a number.
    plain = query.with_only_columns(
        *(cast(c, Integer).label(c.key) if isinstance(c.type, Boolean) else c for c in query.selected_columns)
    )
    parts = list(_copied(connection, plain, schema) if is_postgresql(connection) else _fetched(connection, plain, schema))
    return pl.concat(parts, rechunk=len(parts) > 1) if parts else pl.DataFrame(schema=dict(schema))


def _copied(connection: Connection, query: Select[Any], schema: Schema) -> Iterator[pl.DataFrame]:
    compiled = query.compile(dialect=connection.dialect)
    with (
        connection.connection.cursor() as cursor,  # type: ignore[attr-defined]  # psycopg's own cursor is a context manager
        cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT CSV)", compiled.params) as copy,
    ):
        block = BytesIO()
        for row in copy:
            block.write(row)
            if block.tell() >= _BLOCK_BYTES:
                yield _parsed(block, schema)
                block = BytesIO()
        if block.tell():
            yield _parsed(block, schema)


def _parsed(block: BytesIO, schema: Schema) -> pl.DataFrame:
    """A block of CSV; nothing between commas is null, and two quotation marks are an empty text."""
    flags = [name for name, kind in schema.items() if kind == pl.Boolean]
    kinds = {name: pl.Int8 if kind == pl.Boolean else kind for name, kind in schema.items()}
    found = pl.read_csv(block.getvalue(), has_header=False, schema=kinds)
    return found.with_columns(pl.col(flags).cast(pl.Boolean)) if flags else found


def _fetched(connection: Connection, query: Select[Any], schema: Schema) -> Iterator[pl.DataFrame]:
    for rows in stream(connection, query, _ROWS):
        columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
        yield pl.DataFrame([_series(name, kind, list(values)) for (name, kind), values in columns])


def _series(name: str, kind: Any, values: list[Any]) -> pl.Series:
    if kind == pl.Date:
        return pl.Series(name, values, dtype=pl.String).str.to_date("%Y-%m-%d")
    if kind == pl.Boolean:
        return pl.Series(name, values, dtype=pl.Int8).cast(pl.Boolean)
    return pl.Series(name, values, dtype=kind)
