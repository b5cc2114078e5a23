"""What is billed beside MRR: totals of invoices, lines that no subscription has, credit notes, and monthly figures of all of it."""

import sqlalchemy as sa
from alembic import op

from integrations.store.db.columns import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = UtcDateTime()

ACCOUNT = "the account (table account) that it belongs to"
BUCKET = "hash of the customer's id, 0 to 1023: the unit in which work is shared out"
CUSTOMER = "Stripe's id of the customer, empty if it has none"
LEARNT = "when it was stored"
OF_INVOICES = {
    "total": "what Stripe says that it comes to, minor units; none: read by an older release",
    "tax": "all of its tax, minor units, where there is any",
    "inclusive_tax": "the part of it that amounts contain",
    "discount": "what discounts took off, minor units",
    "credits": "billing credits used up, minor units",
    "shipping": "what sending costs before tax, minor units",
}
OF_NOTES = {
    "total": "what it takes back, minor units",
    "tax": "the tax in that, where there is any",
    "inclusive_tax": "the part of it that amounts contain",
    "discount": "what discounts had taken off, minor units",
    "credits": "billing credits given back, minor units",
    "shipping": "what sending costs before tax, minor units",
}


def _place() -> list["sa.Column[object]"]:
    return [
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment=BUCKET),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment=CUSTOMER),
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False, comment=ACCOUNT),
    ]


def upgrade() -> None:
    for name, comment in OF_INVOICES.items():
        op.add_column("invoice", sa.Column(name, BIG, nullable=True, comment=comment))
    op.create_table(
        "other_line",
        *_place(),
        sa.Column("invoice_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the invoice"),
        sa.Column("line_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the line"),
        sa.Column("kind", WORD, nullable=False, comment="one_off or outside; empty for a line that doesn't say enough to be told"),
        sa.Column(
            "mark",
            WORD,
            nullable=False,
            comment="by which mark it is known: manual, metronome, contract, quote, pricing_plan, one_off",
        ),
        sa.Column("price_id", WORD, nullable=True, comment="the price, where it names one"),
        sa.Column("product_id", WORD, nullable=True, comment="the product, where it names one"),
        sa.Column("amount", BIG, nullable=True, comment="minor units, before discounts; none: not said"),
        sa.Column("discount", BIG, nullable=False, comment="what discounts took off, minor units"),
        sa.Column("inclusive_tax", BIG, nullable=False, comment="minor units of tax inside the amount"),
        sa.Column("learnt_at", TIME, nullable=False, comment=LEARNT),
        sa.PrimaryKeyConstraint("bucket", "customer_id", "account", "invoice_id", "line_id", name=op.f("pk_other_line")),
        comment="Lines of finalised invoices that no subscription item has: no evidence of MRR, but billed",
    )
    op.create_table(
        "credit_note",
        *_place(),
        sa.Column("note_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the credit note"),
        sa.Column("invoice_id", WORD, nullable=True, comment="the invoice of which it takes something back"),
        sa.Column("status", WORD, nullable=False, comment="issued or void"),
        sa.Column("created", BIG, nullable=False, comment="epoch seconds"),
        sa.Column("currency", WORD, nullable=False, comment="Stripe's code in lower case"),
        *(sa.Column(name, BIG, nullable=True, comment=comment) for name, comment in OF_NOTES.items()),
        sa.Column("voided_at", BIG, nullable=True, comment="epoch seconds"),
        sa.Column("learnt_at", TIME, nullable=False, comment=LEARNT),
        sa.PrimaryKeyConstraint("bucket", "customer_id", "account", "note_id", name=op.f("pk_credit_note")),
        comment="Credit notes, as they were last heard to be",
    )
    op.create_table(
        "credit_note_line",
        *_place(),
        sa.Column("note_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the credit note"),
        sa.Column("line_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the line"),
        sa.Column("invoice_line_id", WORD, nullable=True, comment="the invoice line that it takes back, where it names one"),
        sa.Column("amount", BIG, nullable=False, comment="minor units, before discounts"),
        sa.Column("discount", BIG, nullable=False, comment="what discounts had taken off, minor units"),
        sa.Column("inclusive_tax", BIG, nullable=False, comment="minor units of tax inside the amount"),
        sa.Column("learnt_at", TIME, nullable=False, comment=LEARNT),
        sa.PrimaryKeyConstraint("bucket", "customer_id", "account", "note_id", "line_id", name=op.f("pk_credit_note_line")),
        comment="Lines of credit notes",
    )
    op.create_table(
        "billing_news",
        sa.Column(
            "id",
            BIG,
            autoincrement=True,
            nullable=False,
            comment="marks are removed by it, so that one made meanwhile stays",
        ),
        sa.Column("account", sa.Integer(), nullable=False, comment=ACCOUNT),
        sa.Column("day", sa.Integer(), nullable=False, comment="days since 1970-01-01 in UTC"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_news")),
        comment="Days with invoices or credit notes that the figures of what is billed don't know of yet",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "billing",
        sa.Column(
            "month", sa.Date(), autoincrement=False, nullable=False, comment="first day of the month, in the reporting time zone"
        ),
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False, comment=ACCOUNT),
        sa.Column("currency", WORD, autoincrement=False, nullable=False, comment="Stripe's code in lower case"),
        sa.Column(
            "class",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="subscription, proration, usage, one_off, outside, untold, shipping, discount, credits, tax, ...",
        ),
        sa.Column(
            "mark",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="of lines beside subscriptions: manual, metronome, contract, quote, pricing_plan, one_off; else empty",
        ),
        sa.Column(
            "product",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the product of lines, where it is known; else empty",
        ),
        sa.Column("lines", sa.Integer(), nullable=False, comment="how many lines, or invoices where it is of no line"),
        sa.Column("micros", BIG, nullable=False, comment="what they come to; negative for what lowers a total"),
        sa.Column("discount_micros", BIG, nullable=False, comment="what discounts took off these very lines"),
        sa.PrimaryKeyConstraint("month", "account", "currency", "class", "mark", "product", name=op.f("pk_billing")),
        comment="What was billed: the classes of each month and currency add up to the totals of Stripe's invoices less its credit notes",
    )
