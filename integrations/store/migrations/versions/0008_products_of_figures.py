"""Sums of products beside figures: what the uncertainty of a rate is made of. Older figures get theirs with the next roll-up."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MEANING = "JSON: sums over the cohort of opening², opening × end and end², squares of micros; null in older figures"


def upgrade() -> None:
    op.add_column("rollup", sa.Column("products", WORD, nullable=True, comment=MEANING))
