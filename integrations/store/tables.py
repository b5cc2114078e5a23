"""All tables in one place, for migrations and checks."""

from integrations.store import schema, schema_alerts, schema_figures, schema_ledger, schema_work
from integrations.store.columns import metadata

__all__ = ["metadata", "schema", "schema_alerts", "schema_figures", "schema_ledger", "schema_work"]
