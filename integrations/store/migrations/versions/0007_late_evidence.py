"""Until when a listing said the same, who waits for the next listing, what is to be read again, and a nonce beside each job's token."""

import sqlalchemy as sa
from alembic import op

from integrations.store.db.columns import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = UtcDateTime()

ACCOUNT = "the account (table account) that it belongs to"
SEEN = (
    "msgpack: further moments at which a listing said the same, with no other state in between, and which of them are kept for good"
)
SEEN_UNTIL = "the last of them, epoch seconds; none: not seen after the moment itself"

NONCE = "drawn at each claim: a claim that the database has lost is not mistaken for the one made after it"


def upgrade() -> None:
    for table in ("customer_state", "subscription_state"):
        op.add_column(table, sa.Column("seen_until", BIG, nullable=True, comment=SEEN_UNTIL))
        op.add_column(table, sa.Column("seen", sa.LargeBinary(), nullable=True, comment=SEEN))
    op.create_table(
        "unconfirmed",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False, comment=ACCOUNT),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer"),
        sa.Column("at", BIG, nullable=False, comment="the latest beginning of a period among those lines, epoch seconds"),
        sa.PrimaryKeyConstraint("account", "customer_id", name=op.f("pk_unconfirmed")),
        comment="Customers with invoice lines newer than the last listing: one that says what an older one said is news for them",
    )
    op.create_table(
        "recheck",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False, comment=ACCOUNT),
        sa.Column("kind", WORD, autoincrement=False, nullable=False, comment="subscription, customer or invoice"),
        sa.Column("object_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id"),
        sa.Column("event_id", WORD, nullable=False, comment="the event that the object contradicted when it was read after it"),
        sa.Column("tries", sa.SmallInteger(), nullable=False, comment="how often it was read since"),
        sa.Column("due_at", TIME, nullable=False, comment="not to be read before, by the database's clock"),
        sa.Column("first_seen", TIME, nullable=False, comment="when it was first noticed"),
        sa.PrimaryKeyConstraint("account", "kind", "object_id", name=op.f("pk_recheck")),
        comment="Objects that were read older than an event says that they are, to be read again",
    )
    op.add_column("job", sa.Column("nonce", WORD, nullable=True, comment=NONCE))
