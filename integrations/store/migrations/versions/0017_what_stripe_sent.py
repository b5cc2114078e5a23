"""What Stripe sent is compressed with a dictionary from now on; what is kept stays as it is, and is read as before."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # SQLite has no comments
    op.alter_column(
        "payload",
        "body",
        existing_type=sa.LargeBinary(),
        existing_nullable=False,
        comment="the JSON that Stripe sent, compressed: by zstd with the dictionary sent.dict, by zlib where an older release kept it",
    )
