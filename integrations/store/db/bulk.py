"""Many rows at once, in and out, by what each database does best.

In: COPY on PostgreSQL (straight into the table where all rows are new, else into a temporary one with one statement after it),
executemany on SQLite. Out: the driver's own cursors, without a row object for each row. Nothing here knows what the rows mean.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    cast,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.selectable import Subquery

from integrations.store.db.columns import UtcDateTime
from integrations.store.db.engine import insert_for, insert_into, is_postgresql
from integrations.store.db.words import bucket_of, clean, is_clean
from metrics.keys import LONGEST, bounded

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.sql.dml import ReturningInsert

Row = Sequence[Any]

COPY_FROM_ROWS: Final = 64
"""Fewer rows than this go by a plain INSERT: a temporary table costs more than it saves."""

CAREFUL_TIMES: Final = 16
"""Once a row was there already, so many times it is expected to happen again with that table before all are taken for new again."""

_POSTGRESQL_TYPES: Final = {
    SmallInteger: "int2",
    BigInteger: "int8",
    Integer: "int4",
    Boolean: "bool",
    Date: "date",
    LargeBinary: "bytea",
    UtcDateTime: "timestamptz",
    Text: "text",
}


def insert_new(
    connection: Connection,
    into: Table,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    returning: Sequence[str] = (),
    greatest: Sequence[str] = (),
) -> list[Any]:
    """Insert the rows whose key isn't there yet, and in those that are, raise the columns `greatest` that are smaller or empty.

    Gives the columns `returning` of the rows that were inserted or raised. No key may be in `rows` twice.
    """
    clean_rows = cleaned(into, columns, rows)
    if not clean_rows:
        return []
    if len(clean_rows) >= COPY_FROM_ROWS:
        if _all_new(connection, into, columns, clean_rows):
            places = [columns.index(name) for name in returning]
            return [tuple([row[place] for place in places]) for row in clean_rows] if places else []
        if is_postgresql(connection):
            return _merge(connection, into, columns, clean_rows, returning, greatest)
    values = [dict(zip(columns, row, strict=True)) for row in clean_rows]
    statement = _insert(into, tuple(returning), tuple(greatest), on_postgresql=is_postgresql(connection))
    found = connection.execute(statement, values)
    return list(found.all()) if returning else []  # all at once: row by row costs ten times as much


def _all_new(connection: Connection, into: Table, columns: Sequence[str], rows: Sequence[Row]) -> bool:
    """Store the rows straight into the table (by COPY on PostgreSQL), if none of them is there: a first reading costs half as much so.

    Where one is there nothing is stored, and the table's next rows aren't expected to be new for a while.
    """
    careful: dict[str, int] = connection.info.setdefault("nrr_careful", {})
    if careful.get(into.name, 0):
        careful[into.name] -= 1
        return False
    connection.exec_driver_sql("SAVEPOINT all_new")
    try:
        if is_postgresql(connection):
            _copy(connection, f'"{into.name}"', into, columns, rows)
        else:
            _append_to_sqlite(connection, into, tuple(columns), rows)
    except Exception as error:
        if not _is_taken(connection, error):
            raise
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT all_new")
        connection.exec_driver_sql("RELEASE SAVEPOINT all_new")
        careful[into.name] = CAREFUL_TIMES
        return False
    connection.exec_driver_sql("RELEASE SAVEPOINT all_new")
    return True


def _is_taken(connection: Connection, error: Exception) -> bool:
    """Whether a row could not be stored since there is one of its key. Another rule that one breaks is told by what stores them one by one."""
    if not is_postgresql(connection):
        return isinstance(error, IntegrityError)
    from psycopg.errors import UniqueViolation  # the driver of one of the two databases only

    return isinstance(error, UniqueViolation)


def _merge(
    connection: Connection,
    into: Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    returning: Sequence[str],
    greatest: Sequence[str],
) -> list[Any]:
    incoming = f"incoming_{into.name}"
    names = ", ".join(f'"{c}"' for c in columns)
    connection.exec_driver_sql(
        f'CREATE TEMP TABLE {incoming} ON COMMIT DROP AS SELECT {names} FROM "{into.name}" WITH NO DATA'  # noqa: S608  # names out of the schema
    )
    _copy(connection, incoming, into, columns, rows)
    source: Any = select(*(column(c) for c in columns)).select_from(table(incoming))
    plain = insert_into(connection, into).from_select(list(columns), source)
    result = connection.execute(_unless_there(plain, into, returning, greatest, on_postgresql=True))
    found = list(result.all()) if returning else []
    connection.exec_driver_sql(f"DROP TABLE {incoming}")
    return found


@lru_cache(maxsize=256)
def _insert(into: Table, returning: tuple[str, ...], greatest: tuple[str, ...], *, on_postgresql: bool) -> Any:
    """The statement that puts rows into a table unless they are there: made once, which takes longer than executing it for a few."""
    return _unless_there(insert_for(into, on_postgresql=on_postgresql), into, returning, greatest, on_postgresql=on_postgresql)


def _unless_there(
    statement: "postgresql.Insert | sqlite.Insert",
    into: Table,
    returning: Sequence[str],
    greatest: Sequence[str],
    *,
    on_postgresql: bool,
) -> "postgresql.Insert | sqlite.Insert | ReturningInsert[Any]":
    """The statement, which leaves rows that are there as they are, but for the columns `greatest`."""
    if greatest:
        new = statement.excluded
        bigger = or_(*(or_(new[c] > into.c[c], into.c[c].is_(None) & new[c].is_not(None)) for c in greatest))
        of_both = func.greatest if on_postgresql else func.max
        raised = {c: func.coalesce(of_both(into.c[c], new[c]), into.c[c], new[c]) for c in greatest}
        statement = statement.on_conflict_do_update(index_elements=list(into.primary_key), set_=raised, where=bigger)
    else:
        statement = statement.on_conflict_do_nothing()
    return statement.returning(*(into.c[c] for c in returning)) if returning else statement


def append(connection: Connection, into: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows that are known to be new; gives their number."""
    clean_rows = cleaned(into, columns, rows)
    if not clean_rows:
        return 0
    if is_postgresql(connection) and len(clean_rows) >= COPY_FROM_ROWS:
        _copy(connection, f'"{into.name}"', into, columns, clean_rows)
    elif is_postgresql(connection):
        connection.execute(insert(into), [dict(zip(columns, row, strict=True)) for row in clean_rows])
    else:
        _append_to_sqlite(connection, into, tuple(columns), clean_rows)
    return len(clean_rows)


def _append_to_sqlite(connection: Connection, into: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """By the driver's own executemany: a statement's parameters by name cost three times what the database does."""
    statement, turning = _sqlite_insert(into, columns, connection.dialect)
    if turning:
        turned = list(zip(*rows, strict=True))
        for place, turn in turning:
            # What is stored together was learnt at one moment: it is turned once, and not for every row.
            known = {value: turn(value) for value in set(turned[place])}
            turned[place] = tuple(map(known.__getitem__, turned[place]))
        rows = list(zip(*turned, strict=True))
    connection.exec_driver_sql(statement, [tuple(row) for row in rows])


@lru_cache(maxsize=256)
def _sqlite_insert(into: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[str, list[tuple[int, Any]]]:
    """The statement, and by place what turns a value into what the driver takes, as SQLAlchemy would."""
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    turning = [(place, into.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for place, name in enumerate(columns)]
    statement = f'INSERT INTO "{into.name}" ({names}) VALUES ({marks})'  # noqa: S608  # names out of the schema
    return statement, [(place, turn) for place, turn in turning if turn is not None]


def cleaned(into: Table, columns: Sequence[str], rows: Iterable[Row]) -> list[Row]:
    """The rows with texts that every database takes, and no key longer than it indexes. Whole columns are looked at together: nearly
    always nothing is to be done."""
    found = rows if isinstance(rows, list) else list(rows)
    if not found:
        return found
    places = [index for index, name in enumerate(columns) if isinstance(into.c[name].type, Text)]
    turned = list(zip(*found, strict=True))
    dirty = [index for index in places if not is_clean("".join(filter(None, turned[index])))]
    keys = _keys(into.metadata)
    long = [i for i in places if columns[i] in keys and max(map(len, filter(None, turned[i])), default=0) > LONGEST]
    if not dirty and not long:
        return found
    out = [list(row) for row in found]
    for row in out:
        for index in dirty:
            row[index] = clean(row[index]) if row[index] is not None else None
        for index in long:
            row[index] = bounded(row[index]) if row[index] is not None else None
    return list(out)


def keyed_columns(of: Table) -> frozenset[str]:
    """The names of columns whose texts are bounded in a table of this schema."""
    return _keys(of.metadata)


@lru_cache(maxsize=4)
def _keys(of: MetaData) -> frozenset[str]:
    """The names of columns by which rows of any table are found: what names an object is bounded the same wherever it stands."""
    keyed: set[str] = set()
    for each in of.tables.values():
        indexed = [column for index in each.indexes for column in index.columns]
        unique = [column for rule in each.constraints if isinstance(rule, UniqueConstraint) for column in rule.columns]
        keyed |= {column.name for column in (*each.primary_key, *indexed, *unique)}
    return frozenset(keyed)


def _copy(connection: Connection, target: str, into: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = ", ".join(f'"{c}"' for c in columns)
    with (
        connection.connection.cursor() as cursor,  # type: ignore[attr-defined]  # psycopg's own cursor is a context manager
        cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([_postgresql_type(into, c) for c in columns])
        write = copy.write_row
        for row in rows:
            write(row)


def _postgresql_type(into: Table, name: str) -> str:
    kind = into.c[name].type
    return next(word for known, word in _POSTGRESQL_TYPES.items() if isinstance(kind, known))


# --- out -------------------------------------------------------------------------------------------------------------------


def stream(connection: Connection, statement: Select[Any], size: int = 5000) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query in lists of at most `size`, as the driver has them: on SQLite days are text, flags 0 or 1, times are not for here.

    Held in the database and not in memory: on PostgreSQL by a cursor of the server, which lives as long as the transaction.
    """
    compiled: Any = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    raw = connection.connection
    if is_postgresql(connection):
        cursor = raw.cursor(f"nrr_{id(compiled):x}", binary=True)  # psycopg's
        parameters: Any = compiled.params
    else:
        cursor = raw.cursor()
        # Days as SQLAlchemy writes them: the driver's own way is deprecated since Python 3.12.
        asked = [compiled.params[name] for name in compiled.positiontup or ()]
        parameters = [value.isoformat() if type(value) is date else value for value in asked]
    try:
        cursor.execute(str(compiled), parameters)
        while rows := cursor.fetchmany(size):
            yield rows  # type: ignore[misc]  # both drivers give lists of tuples
    finally:
        cursor.close()


def among(connection: Connection, tested: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column is one of `values`, however many there are, in a statement that is always the same text."""
    values = [bounded(value) for value in values]
    if is_postgresql(connection):
        return tested == func.any(cast(literal(_array(values), Text), ARRAY(Text)))
    return tested.in_(select(column("value", Text)).select_from(func.json_each(json.dumps(list(values)))))


def asked_for(connection: Connection, names: Sequence[str]) -> Subquery:
    """A table `asked` with the columns bucket and name, to be joined with: the way to some customers' rows by the key's first part."""
    buckets, names = [bucket_of(name) for name in names], [bounded(name) for name in names]
    kinds = (column("bucket", SmallInteger), column("name", Text))
    if is_postgresql(connection):
        found = text(
            "SELECT b AS bucket, n AS name FROM unnest(CAST(:buckets AS smallint[]), CAST(:names AS text[])) AS given(b, n)"
        )
        return found.bindparams(buckets=f"{{{','.join(map(str, buckets))}}}", names=_array(names)).columns(*kinds).subquery("asked")
    pairs = json.dumps(list(zip(buckets, names, strict=True)))
    found = text("SELECT json_extract(value, '$[0]') AS bucket, json_extract(value, '$[1]') AS name FROM json_each(:pairs)")
    return found.bindparams(pairs=pairs).columns(*kinds).subquery("asked")


def _array(texts: Sequence[str]) -> str:
    """An array of texts as PostgreSQL writes it: as one text it is made and sent in a fifth of the time that the driver takes for a list."""
    joined = "".join(texts)
    if "\\" in joined or '"' in joined:
        texts = [each.replace("\\", "\\\\").replace('"', '\\"') for each in texts]
    return '{"' + '","'.join(texts) + '"}' if texts else "{}"
