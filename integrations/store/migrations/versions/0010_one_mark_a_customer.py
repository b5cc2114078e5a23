"""An index by which marks on customers are found: one that is marked needs no second mark."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_touched_customer", "touched", ["account", "customer_id"])
