"""A migrated PostgreSQL database for test after test: emptied in between, and made anew only where a test changed more than rows.

A copy of a template costs half a second of everybody's time, emptying the tables that a test wrote to a tenth of it.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from tests.services.postgres import create_database, drop_database

_SHAPE: Final = """
with own as (select oid, nspname from pg_namespace where nspname !~ '^(pg_|information_schema)')
select md5(string_agg(line, ' ' order by line)) from (
    select concat_ws(':', 'class', relname, relkind, relacl, reloptions) from pg_class
        where relnamespace in (select oid from own)
    union all
    select concat_ws(':', 'column', attrelid::regclass, attname, atttypid, atttypmod, attnotnull, attisdropped, attacl) from pg_attribute
        join pg_class on pg_class.oid = attrelid where relnamespace in (select oid from own) and attnum > 0
    union all
    select concat_ws(':', 'constraint', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
        where connamespace in (select oid from own)
    union all
    select concat_ws(':', 'view', viewname, definition) from pg_views where schemaname in (select nspname from own)
    union all
    select concat_ws(':', 'trigger', tgrelid::regclass, tgname, tgenabled) from pg_trigger where not tgisinternal
    union all
    select concat_ws(':', 'function', oid::regprocedure) from pg_proc where pronamespace in (select oid from own)
    union all
    select concat_ws(':', 'schema', nspname, nspacl) from pg_namespace where nspname !~ '^pg_(toast_)?temp'
    union all
    select concat_ws(':', 'setting', setconfig) from pg_db_role_setting join pg_database on pg_database.oid = setdatabase
        where datname = current_database()
    union all
    select concat_ws(':', 'version', version_num) from alembic_version
) as lines (line)
"""
"""Everything of a database but the rows of its tables, in one word."""

_WRITTEN: Final = """
select quote_ident(relname) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    and relname <> 'alembic_version' and pg_relation_size(oid) > 0
"""
_OTHERS: Final = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
)


@dataclass
class Reused:
    """One migrated database at a time, on the server at `server_url`, copied from `template`, which holds no rows."""

    server_url: str
    template: str
    made: int = 0
    """How many copies there have been."""
    _url: str = ""
    _shape: Any = None
    _names: list[str] = field(default_factory=list)

    def take(self) -> str:
        """The address of a database that is migrated and empty."""
        if not self._url:
            name = f"nrr_test_{uuid.uuid4().hex[:12]}"
            self._url = create_database(self.server_url, name, self.template)
            self._names.append(name)
            self.made += 1
            with psycopg.connect(self._url, autocommit=True) as connection:
                self._shape = connection.execute(_SHAPE).fetchone()
        return self._url.replace("postgresql://", "postgresql+psycopg://")

    def give_back(self) -> None:
        """Whoever is still connected is cut off and every row goes; a database of another shape, or a broken one, goes itself."""
        try:
            with psycopg.connect(self._url, autocommit=True, options="-c lock_timeout=5s") as connection:
                connection.execute(_OTHERS)
                if self._shape == connection.execute(_SHAPE).fetchone():
                    tables = [row[0] for row in connection.execute(_WRITTEN)]
                    if tables:
                        connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE".encode())
                    return
        except psycopg.Error:
            pass  # a test may have left it in any state; the next one gets a copy of its own
        self.drop()

    def drop(self) -> None:
        """Remove what there is."""
        self._url = ""
        while self._names:
            drop_database(self.server_url, self._names.pop())
