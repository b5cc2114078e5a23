"""Words for segments that are ids, and which basis of a policy is the current one."""

import sqlalchemy as sa
from alembic import op

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
    meaning = "whether it is the one of its policy that is kept up to date, or was asked for last"
    op.add_column("basis", sa.Column("current", sa.Boolean(), nullable=False, server_default=sa.false(), comment=meaning))
    # Which one that is shows with the next derivation; until then it is the one that was derived last.
    op.execute(
        'UPDATE basis SET "current" = NOT EXISTS (SELECT 1 FROM basis other WHERE other.policy = basis.policy AND '
        "(coalesce(other.derived_until, 0), other.version) > (coalesce(basis.derived_until, 0), basis.version))"
    )
