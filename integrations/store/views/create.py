"""Views for people with SQL, Grafana, Metabase and dbt: a stable face over tables that may change.

Their names and columns are kept from version to version; what may come is a new column at the end of what is listed (`declared`). Columns
that end with `_micros` are exact integers, millionths of the currency's major unit; the column of the same name without it is the amount in
major units, for charts. Rates are decimals (1.083333 is 108.33 %), null where `reason` says why. Days are reporting days. Everything stands
under a policy, so a query that doesn't name one adds figures of several up wherever more than one is kept.

Made as a whole at the end of every upgrade (`create_all`), on both databases. In PostgreSQL they stand in a schema of their own (`nrr`:
`nrr.movements`), and for one release more among the tables under their old names, which are SQLite's (`nrr_movements`). Only the current
basis of each policy is shown: what was derived before the time zone or a rule was changed stays in the tables and would be added up with it.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from integrations.store.db.engine import is_postgresql
from integrations.store.views.declared import VIEWS
from integrations.store.views.view import SCHEMA, View, statement
from metrics.columns import Type


def create_all(connection: Connection) -> None:
    """Make every view as it is now, with what its columns mean where the database keeps that.

    PostgreSQL replaces a view in its place, so that rights to it and other people's views on it stay: it allows new columns at the end, which
    are all that may come. A role that may not make a schema makes the views under their old names alone.
    """
    if not is_postgresql(connection):
        for view in VIEWS:
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")
            connection.exec_driver_sql(statement(view, postgresql=False))
        return
    tables: str = connection.exec_driver_sql(_TABLES_ARE_IN).scalar_one()
    schema = _has_schema(connection)
    for view in VIEWS:
        _create(connection, view, f"{tables}.{view.name}", in_schema=False)
        if schema:
            _create(connection, view, view.in_schema, in_schema=True)


_TABLES_ARE_IN: Final = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'movement'::regclass"
"""Asked for by name: to a user called like the views' schema that one would be the default as soon as it is there."""


def _create(connection: Connection, view: View, name: str, *, in_schema: bool) -> None:
    connection.exec_driver_sql(statement(view, postgresql=True, name=name, in_schema=in_schema))
    connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS {_quoted(view.comment)}")
    for column in view.described().values():
        connection.exec_driver_sql(f'COMMENT ON COLUMN {name}."{column.name}" IS {_quoted(column.meaning)}')


_MAY_MAKE_SCHEMA: Final = "SELECT has_database_privilege(current_database(), 'CREATE')"
_SCHEMA_HELD: Final = f"SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = '{SCHEMA}'"


def _has_schema(connection: Connection) -> bool:
    """Whether the views' schema is there, or was made, and may be written to."""
    held = connection.exec_driver_sql(_SCHEMA_HELD).scalar()
    if held is None and connection.exec_driver_sql(_MAY_MAKE_SCHEMA).scalar():
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        return True
    return bool(held)


def drop_all(connection: Connection) -> None:
    """Take every view of PostgreSQL's away, with whatever rests on them."""
    for view in reversed(VIEWS):
        for name in (view.in_schema, view.name):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name} CASCADE")


SQL_TYPES: Final[Mapping[Type, str]] = {
    "text": "text",
    "texts": "jsonb",
    "object": "jsonb",
    "day": "date",
    "month": "date",
    "instant": "timestamptz",
    "number": "numeric",
    "count": "bigint",
    "micros": "bigint",
    "money": "numeric",
    "rate": "numeric",
    "flag": "boolean",
}
"""What a type is called in PostgreSQL, in the schema of the views: integers of any size stand for `bigint`."""


def described() -> str:
    """The views and their columns as a text of Markdown tables, for those who write queries."""
    out = []
    for view in VIEWS:
        rows = [f"| `{c.name}` | {SQL_TYPES[c.type]} | {c.unit} | {c.meaning} |" for c in view.described().values()]
        out += [
            f"### `{view.in_schema}`",
            "",
            f"{view.comment}. On SQLite: `{view.name}`.",
            "",
            "| column | type | unit | what it is |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(out)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
