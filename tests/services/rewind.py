"""A database that loses its last commits, as after a failover to a replica that lags, or after a backup that was put back."""

from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import OperationalError

from integrations.store.db.engine import begin, read
from integrations.store.tables import metadata

Photo = dict[str, list[dict[str, Any]]]


def photographed(engine: Engine) -> Photo:
    """Everything that is committed."""
    with read(engine) as connection:
        return {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in metadata.sorted_tables}


def put_back(engine: Engine, photo: Photo) -> None:
    """Everything is as it was; whatever was committed since is lost. Who is in the middle of a transaction may have to make way."""
    for _ in range(60):
        with suppress(OperationalError):
            _put_back(engine, photo)
            return
    raise AssertionError("others keep the tables locked")


def _put_back(engine: Engine, photo: Photo) -> None:
    with begin(engine) as connection:
        if connection.dialect.name == "postgresql":
            names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
            # Given up before the server looks for deadlocks, which might choose one of the others to make way.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '300ms'")
            connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
        for table in metadata.sorted_tables:
            if photo[table.name]:
                connection.execute(insert(table), photo[table.name])
