"""Words for segments that are ids, and views that show them."""

import sqlalchemy as sa
from alembic import op

from integrations.store import views

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "segment_name",
        sa.Column("dimension", WORD, autoincrement=False, nullable=False, comment="plan, product or account"),
        sa.Column(
            "segment", WORD, autoincrement=False, nullable=False, comment="what figures carry: Stripe's id, or the account's number"
        ),
        sa.Column("name", WORD, nullable=False, comment="what people call it"),
        sa.PrimaryKeyConstraint("dimension", "segment", name=op.f("pk_segment_name")),
        comment="Words for segments that are ids, as they were when figures were last made",
    )
    views.create_all(op.get_bind())
