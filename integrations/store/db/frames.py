"""Query results as polars frames, and frames as rows, without a Python object for each value where the database allows it.

PostgreSQL reads and writes CSV faster than a driver makes tuples, and so does polars, on every core; SQLite's rows are turned into columns,
and nobody loads the other database's driver for them.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from select import select as select_ready
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from sqlalchemy import Boolean, Connection, Integer, Select, Table, Text, cast
from sqlalchemy.exc import OperationalError

from integrations.store.db.bulk import append, keyed_columns, stream
from integrations.store.db.engine import is_postgresql
from integrations.store.db.words import is_clean
from metrics.keys import LONGEST

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

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


def append_frame(connection: Connection, into: Table, rows: pl.DataFrame) -> int:
    """Insert rows that are known to be new; gives their number. Columns are called as the table's; texts are made fit as by `bulk.append`."""
    if rows.is_empty():
        return 0
    if not is_postgresql(connection) or not _fit(into, rows):
        return append(connection, into, rows.columns, rows.rows())
    names = ", ".join(f'"{name}"' for name in rows.columns)
    with (
        connection.connection.cursor() as cursor,  # type: ignore[attr-defined]  # psycopg's own cursor is a context manager
        cursor.copy(f'COPY "{into.name}" ({names}) FROM STDIN (FORMAT CSV)') as copy,
    ):
        for part in rows.iter_slices(_ROWS):
            # Texts are quoted, the empty one too, so that nothing between commas is null.
            copy.write(part.write_csv(include_header=False, quote_style="non_numeric").encode())
    return len(rows)


def _fit(into: Table, rows: pl.DataFrame) -> bool:
    """Whether every text is one that the database takes, and no key is longer than it indexes."""
    keys = keyed_columns(into)
    for name in (each for each in rows.columns if isinstance(into.c[each].type, Text)):
        told = rows[name].drop_nulls().unique()
        longest: Any = told.str.len_chars().max() if name in keys else 0
        if (longest or 0) > LONGEST or not is_clean("".join(told)):
            return False
    return True


def _copied(connection: Connection, query: Select[Any], schema: Schema) -> Iterator[pl.DataFrame]:
    from psycopg import ClientCursor

    connection.exec_driver_sql("SELECT 1")  # the driver begins a transaction with what goes through it, and COPY below doesn't
    raw: Any = connection.connection.driver_connection
    compiled: Any = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    # Parameters can't travel apart from a COPY: the driver writes them into the statement, quoted.
    statement = ClientCursor(raw).mogrify(f"COPY ({compiled}) TO STDOUT (FORMAT CSV)", compiled.params)
    block = BytesIO()
    for row in _rows(raw.pgconn, statement.encode()):
        block.write(row)
        if block.tell() >= _BLOCK_BYTES:
            yield _parsed(block, schema)
            block = BytesIO()
    if block.tell():
        yield _parsed(block, schema)


def _rows(link: "PGconn", statement: bytes) -> Iterator[Any]:
    """Each row that a COPY sends, straight from the driver's C: its own iterator costs several times the rest of the way."""
    from psycopg import OperationalError as DriverError
    from psycopg.pq import ExecStatus

    begun = link.exec_(statement)
    if begun.status != ExecStatus.COPY_OUT:
        raise OperationalError("COPY", None, DriverError(begun.get_error_message()))
    over = False
    try:
        while True:
            size, row = link.get_copy_data(1)
            if size > 0:
                yield row
            elif size == 0:
                select_ready([link.socket], [], [])
                link.consume_input()
            else:
                break
        over = True
    finally:
        if not over:
            _cancel(link)
        ended = _drained(link)
    if ended is not None and ended.status != ExecStatus.COMMAND_OK:
        raise OperationalError("COPY", None, DriverError(ended.get_error_message()))


def _cancel(link: "PGconn") -> None:
    """Stop a COPY that nobody listens to any more, and throw away what is under way."""
    link.get_cancel().cancel()
    while (size := link.get_copy_data(0)[0]) > 0:
        pass
    assert size < 0


def _drained(link: "PGconn") -> "PGresult | None":
    """The last result of what was asked: until it is taken, nothing else can be asked."""
    found = None
    while (result := link.get_result()) is not None:
        found = result
    return found


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
