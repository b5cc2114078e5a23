"""All tables in one place, for migrations and checks."""

from integrations.store import schema_ledger, schema_work
from integrations.store.schema import metadata

__all__ = ["metadata", "schema_ledger", "schema_work"]
