"""The database's own time, which decides leases: workers' clocks may be a day off."""

from datetime import UTC, datetime

from sqlalchemy import Connection, text

from integrations.store.engine import is_postgresql


def now(connection: Connection) -> datetime:
    """The present instant by the database's clock (on PostgreSQL of the statement, not of the transaction)."""
    if is_postgresql(connection):
        value = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        assert isinstance(value, datetime)
        return value.astimezone(UTC)
    stamp = connection.execute(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
    return datetime.fromisoformat(str(stamp)).replace(tzinfo=UTC)
