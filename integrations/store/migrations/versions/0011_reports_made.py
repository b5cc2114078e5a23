"""Reports that were made by themselves, so that each can be named, and made again as it was."""

import sqlalchemy as sa
from alembic import op

from integrations.store.db.columns import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = UtcDateTime()
BASIS = "version of what it rests on (table basis)"
CURRENCY = "usd, or all:usd for the whole book"


def upgrade() -> None:
    op.create_table(
        "report_made",
        sa.Column("id", sa.Integer(), nullable=False, comment="by which people speak of it"),
        sa.Column("basis", WORD, nullable=False, comment=BASIS),
        sa.Column("policy", WORD, nullable=False, comment="the name of its policy"),
        sa.Column("what", WORD, nullable=False, comment="page, workbook"),
        sa.Column("kind", WORD, nullable=False, comment="month, quarter: what it is of"),
        sa.Column("first", sa.Date(), nullable=False, comment="the period's first day"),
        sa.Column("until", sa.Date(), nullable=False, comment="the day after its last"),
        sa.Column("currency", WORD, nullable=False, comment=CURRENCY),
        sa.Column("path", WORD, nullable=False, comment="where the file was put"),
        sa.Column("bytes", BIG, nullable=False, comment="how large it was"),
        sa.Column("digest", WORD, nullable=False, comment="SHA-256 of the file"),
        sa.Column("known_at", TIME, nullable=False, comment="the figures are those that were known then"),
        sa.Column("options", WORD, nullable=False, comment="JSON: how it was made"),
        sa.Column("made_at", TIME, nullable=False, comment="when it was made"),
        sa.Column("run_id", sa.Integer(), nullable=True, comment="the run that made it"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=True, comment="a workbook's content without names, from which it is made again"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_made")),
        sa.UniqueConstraint(
            "basis", "what", "kind", "first", "currency", name=op.f("uq_report_made_basis_what_kind_first_currency")
        ),
        comment="Reports that were made by themselves, one row for each period and file",
        sqlite_autoincrement=True,
    )
