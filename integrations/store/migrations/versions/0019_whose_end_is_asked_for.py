"""An index by which customers are found whose end has been asked for: every night looks for them, and they are few rows of a large table."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_standing_scheduled",
        "standing",
        ["basis", "bucket", "customer", "currency", "day"],
        postgresql_where=sa.text("scheduled_micros > 0"),
        sqlite_where=sa.text("scheduled_micros > 0"),
    )
