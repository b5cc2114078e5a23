"""How alembic runs within the product: on the connection that it is handed, never by a configuration file."""

from alembic import context

from integrations.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
