"""An index by which a subscription is found that is told of another customer than before."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_subscription_state_subscription", "subscription_state", ["subscription_id", "account", "customer_id"])
