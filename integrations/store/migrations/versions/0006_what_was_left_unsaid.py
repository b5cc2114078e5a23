"""Lines that could not be told and charges beside subscriptions, kept with their invoices; customers that an account stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


_SAID_NOW = {
    "invoice_id": "Stripe''s id of the invoice, empty for a proration that waits for one",
    "line_id": "Stripe''s id of the line, or of the invoice item that waits",
    "extra": "msgpack of discounts, credited lines and what the line leaves unsaid, where there is any",
}


def upgrade() -> None:
    unread = "msgpack of metrics.evidence.UnreadLine: lines that don't say enough to be told, where there are any"
    op.add_column("invoice", sa.Column("unread", sa.LargeBinary(), nullable=True, comment=unread))
    others = "how many of its lines are charges beside every subscription item, where there are any"
    op.add_column("invoice", sa.Column("other_lines", sa.Integer(), nullable=True, comment=others))
    op.add_column("invoice", sa.Column("other_amount", BIG, nullable=True, comment="what those come to, minor units"))
    op.create_table(
        "customer_account",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column(
            "stripe_account",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="acct_..., by which Stripe names a customer in newer objects",
        ),
        sa.Column(
            "customer_id", WORD, nullable=True, comment="Stripe's id of the customer, empty until anything says which one it is"
        ),
        sa.PrimaryKeyConstraint("account", "stripe_account", name=op.f("pk_customer_account")),
        comment="Which customer an account stands for, so that one customer named in two ways is one",
    )
    if op.get_bind().dialect.name == "postgresql":  # the other database keeps no comments
        for column, comment in _SAID_NOW.items():
            op.execute(f"COMMENT ON COLUMN invoice_line.{column} IS '{comment}'")
