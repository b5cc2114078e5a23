"""Who did what by hand: an entry for each deed that changes figures, rules or what is held of a person."""

import sqlalchemy as sa
from alembic import op

from integrations.store.db.columns import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), nullable=False, comment="order in which it was done"),
        sa.Column("at", UtcDateTime(), nullable=False, comment="when, by the database's clock"),
        sa.Column("system_user", WORD, nullable=False, comment="who: user of the operating system, at which machine"),
        sa.Column(
            "action",
            WORD,
            nullable=False,
            comment="forget, mute, unmute, acknowledge, rates load, rebuild, settings, restore, upgrade",
        ),
        sa.Column("object", WORD, nullable=False, comment="to what: a customer, a rule, a file, names of settings"),
        sa.Column("detail", WORD, nullable=False, comment="JSON: how; no secrets, nothing personal"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        comment="Who did what by hand",
        sqlite_autoincrement=True,
    )
