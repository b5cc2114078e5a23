"""All tables in one place, for migrations and checks."""

from integrations.store.alerts import schema as alerts_schema
from integrations.store.db.columns import metadata
from integrations.store.facts import schema as facts_schema
from integrations.store.figures import schema as figures_schema
from integrations.store.ledger import schema as ledger_schema
from integrations.store.work import schema as work_schema

__all__ = ["alerts_schema", "facts_schema", "figures_schema", "ledger_schema", "metadata", "work_schema"]
