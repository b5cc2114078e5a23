"""The first schema: facts, what is derived from them, and the work."""

import sqlalchemy as sa
from alembic import op

from integrations.store.db.columns import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = UtcDateTime()


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="what facts carry"),
        sa.Column("name", WORD, nullable=False, comment="what the installation calls it"),
        sa.Column("stripe_id", WORD, nullable=False, comment="acct_..."),
        sa.Column("livemode", sa.Boolean(), nullable=False, comment="live or test; a database holds only one of them"),
        sa.Column("country", WORD, nullable=True, comment="where the account is at home"),
        sa.Column("default_currency", WORD, nullable=True, comment="what it is paid out in"),
        sa.Column("bound_at", TIME, nullable=False, comment="when it was first seen"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.UniqueConstraint("stripe_id", "livemode", name=op.f("uq_account_stripe_id_livemode")),
        comment="Stripe accounts, each bound to a name and a mode at first sight",
    )
    op.create_table(
        "alert_history",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="order of the transitions"),
        sa.Column("rule", WORD, nullable=False, comment="name of the rule"),
        sa.Column("segment", WORD, nullable=False, comment="the segment that it watches; empty for the whole"),
        sa.Column("before", WORD, nullable=False, comment="the state before"),
        sa.Column("after", WORD, nullable=False, comment="the state after"),
        sa.Column("at", TIME, nullable=False, comment="when it changed"),
        sa.Column("body", WORD, nullable=False, comment="JSON: the figures behind it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_history")),
        comment="Every transition of an alert, with the figures behind it",
    )
    op.create_index(op.f("ix_alert_history_rule_segment"), "alert_history", ["rule", "segment"], unique=False)
    op.create_table(
        "alert_state",
        sa.Column("rule", WORD, autoincrement=False, nullable=False, comment="name of the rule"),
        sa.Column("segment", WORD, autoincrement=False, nullable=False, comment="the segment that it watches; empty for the whole"),
        sa.Column("state", WORD, nullable=False, comment="ok, pending, firing, resolved"),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="rises by one at each change: a second evaluation at the same time is refused",
        ),
        sa.Column("body", WORD, nullable=False, comment="JSON: the figures behind it, since when, how often confirmed"),
        sa.Column("updated_at", TIME, nullable=False, comment="when it was last changed"),
        sa.PrimaryKeyConstraint("rule", "segment", name=op.f("pk_alert_state")),
        comment="Where each alert stands",
    )
    op.create_table(
        "attribute",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column(
            "customer",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        ),
        sa.Column("key", WORD, autoincrement=False, nullable=False, comment="country, or metadata.KEY"),
        sa.Column(
            "day",
            sa.Date(),
            autoincrement=False,
            nullable=False,
            comment="from this reporting day on; the earliest holds before it too",
        ),
        sa.Column("value", WORD, nullable=True, comment="what it was, none when it was taken away"),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", "key", "day", name=op.f("pk_attribute")),
        comment="What a customer was by country and metadata, for segments",
    )
    op.create_table(
        "basis",
        sa.Column("version", WORD, autoincrement=False, nullable=False, comment="digest of every choice"),
        sa.Column("policy", WORD, nullable=False, comment="name of the policy"),
        sa.Column("body", WORD, nullable=False, comment="JSON of every choice"),
        sa.Column(
            "derived_at", TIME, nullable=True, comment="when the last whole derivation ended; none: the ledger isn't complete"
        ),
        sa.Column("derived_until", BIG, nullable=True, comment="the moment up to which it was derived, epoch seconds"),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_basis")),
        comment="What derived rows rest on besides the facts",
    )
    op.create_table(
        "catalog",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("kind", WORD, autoincrement=False, nullable=False, comment="price, coupon or product"),
        sa.Column("object_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id"),
        sa.Column(
            "rank",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="1 listed whole, 0 seen inside another object, where Stripe leaves things out",
        ),
        sa.Column("digest", WORD, autoincrement=False, nullable=False, comment="digest of the body"),
        sa.Column(
            "observed_at",
            BIG,
            nullable=False,
            comment="when it was last listed so, epoch seconds; of what was seen inside others, when it was first",
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="msgpack of metrics.evidence"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("account", "kind", "object_id", "rank", "digest", name=op.f("pk_catalog")),
        comment="Prices, coupons and products in every version seen; the newest listed one holds, else one seen inside another object",
    )
    op.create_table(
        "channel_state",
        sa.Column("channel", WORD, autoincrement=False, nullable=False, comment="slack, email"),
        sa.Column("disabled", sa.Boolean(), nullable=False, comment="whether nothing is sent through it"),
        sa.Column("reason", WORD, nullable=True, comment="why"),
        sa.Column("changed_at", TIME, nullable=False, comment="since when"),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_state")),
        comment="Channels that were found dead",
    )
    op.create_table(
        "cursor",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account)"),
        sa.Column("stream", WORD, autoincrement=False, nullable=False, comment="what is read"),
        sa.Column("position", BIG, nullable=False, comment="everything before it has been read, epoch seconds"),
        sa.Column("data", WORD, nullable=False, comment="JSON: what else is known of it"),
        sa.Column("updated_at", TIME, nullable=False, comment="when it was last moved: the last success"),
        sa.PrimaryKeyConstraint("account", "stream", name=op.f("pk_cursor")),
        comment="Up to which instant a stream of an account is complete",
    )
    op.create_table(
        "customer_state",
        sa.Column(
            "bucket",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="hash of the customer's id, 0 to 1023: the unit in which work is shared out",
        ),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer"),
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("at", BIG, autoincrement=False, nullable=False, comment="the moment, epoch seconds"),
        sa.Column(
            "source",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="where it comes from: 1 before an event, 2 after it, 3 a listing",
        ),
        sa.Column("source_id", WORD, autoincrement=False, nullable=False, comment="the event's id, empty for a listing"),
        sa.Column("digest", WORD, nullable=False, comment="digest of the body"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="msgpack of metrics.evidence.Customer"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("bucket", "customer_id", "account", "at", "source", "source_id", name=op.f("pk_customer_state")),
        comment="What a customer was at a moment, without personal data",
    )
    op.create_table(
        "day_total",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column("dimension", WORD, autoincrement=False, nullable=False, comment="empty for the whole"),
        sa.Column("segment", WORD, autoincrement=False, nullable=False, comment="empty for the whole"),
        sa.Column(
            "currency",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="a code in lower case, or all:CODE for the whole book expressed in it",
        ),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False, comment="at this reporting day's closing"),
        sa.Column("net_micros", BIG, nullable=False, comment="MRR after discounts"),
        sa.Column("list_micros", BIG, nullable=False, comment="MRR without discounts"),
        sa.Column("at_risk_micros", BIG, nullable=False, comment="the part that is past due"),
        sa.Column("scheduled_micros", BIG, nullable=False, comment="the part whose end has been asked for"),
        sa.Column("usage_micros", BIG, nullable=False, comment="metered, beside MRR"),
        sa.Column("subscriptions", sa.Integer(), nullable=False, comment="subscriptions that count"),
        sa.Column("customers", sa.Integer(), nullable=False, comment="customers with MRR"),
        sa.PrimaryKeyConstraint("basis", "dimension", "segment", "currency", "day", name=op.f("pk_day_total")),
        comment="MRR of every day, as a whole and by segment",
    )
    op.create_table(
        "event",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("event_id", WORD, autoincrement=False, nullable=False, comment="evt_..."),
        sa.Column("type", WORD, nullable=False, comment="Stripe's type, such as customer.subscription.updated"),
        sa.Column("created", BIG, nullable=False, comment="epoch seconds"),
        sa.Column("object_id", WORD, nullable=False, comment="the object that it is about"),
        sa.Column("customer_id", WORD, nullable=True, comment="Stripe's id of the customer"),
        sa.Column("subscription_id", WORD, nullable=True, comment="the subscription that it concerns"),
        sa.Column("invoice_id", WORD, nullable=True, comment="the invoice that it concerns"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("account", "event_id", name=op.f("pk_event")),
        comment="Events seen, so that a hole or a repetition can be told",
    )
    op.create_index(op.f("ix_event_account_created"), "event", ["account", "created"], unique=False)
    op.create_table(
        "exclusion",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column(
            "customer",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="order within the customer"),
        sa.Column("object_id", WORD, nullable=False, comment="Stripe's id of what is left out"),
        sa.Column("reason", WORD, nullable=False, comment="trial, metered, paused, test_clock, internal, ..."),
        sa.Column("currency", WORD, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("mrr_micros", BIG, nullable=True, comment="what it would be worth a month, if that is known"),
        sa.Column("since", BIG, nullable=False, comment="from this moment, epoch seconds"),
        sa.Column("until", BIG, nullable=True, comment="to this one; none: still"),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", "seq", name=op.f("pk_exclusion")),
        comment="What is left out of MRR, from when to when, and why",
    )
    op.create_table(
        "finding",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column(
            "customer",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="order within the customer"),
        sa.Column("account", sa.Integer(), nullable=False, comment="the account (table account)"),
        sa.Column("object_id", WORD, nullable=False, comment="Stripe's id of what it is about"),
        sa.Column("reason", WORD, nullable=False, comment="a stable word: gap, unknown_price, ..."),
        sa.Column("severity", WORD, nullable=False, comment="notice, warning, error"),
        sa.Column("at", BIG, nullable=True, comment="what it is dated to, epoch seconds"),
        sa.Column("detail", WORD, nullable=False, comment="a sentence: what was done about it"),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", "seq", name=op.f("pk_finding")),
        comment="What a reader of the numbers must know about the data",
    )
    op.create_table(
        "forgotten",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer"),
        sa.Column("at", TIME, nullable=False, comment="when it was asked for"),
        sa.Column("metadata", sa.Boolean(), nullable=False, comment="whether no metadata may be stored either"),
        sa.PrimaryKeyConstraint("account", "customer_id", name=op.f("pk_forgotten")),
        comment="Customers of whom no name and no payload may be stored again",
    )
    op.create_table(
        "invoice",
        sa.Column(
            "bucket",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="hash of the customer's id, 0 to 1023: the unit in which work is shared out",
        ),
        sa.Column(
            "customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer, empty if it has none"
        ),
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("invoice_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the invoice"),
        sa.Column("status", WORD, autoincrement=False, nullable=False, comment="draft, open, paid, void, uncollectible"),
        sa.Column("subscription_id", WORD, nullable=True, comment="the subscription that it was made for"),
        sa.Column("created", BIG, nullable=False, comment="epoch seconds"),
        sa.Column("currency", WORD, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("billing_reason", WORD, nullable=True, comment="why Stripe made it"),
        sa.Column("amount_paid", BIG, nullable=False, comment="minor units, the most that was seen in this status"),
        sa.Column("finalized_at", BIG, nullable=True, comment="epoch seconds"),
        sa.Column("paid_at", BIG, nullable=True, comment="epoch seconds"),
        sa.Column("voided_at", BIG, nullable=True, comment="epoch seconds"),
        sa.Column("uncollectible_at", BIG, nullable=True, comment="epoch seconds"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("bucket", "customer_id", "account", "invoice_id", "status", name=op.f("pk_invoice")),
        comment="Heads of invoices, one row for each status they were seen in",
    )
    op.create_table(
        "invoice_line",
        sa.Column(
            "bucket",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="hash of the customer's id, 0 to 1023: the unit in which work is shared out",
        ),
        sa.Column(
            "customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer, empty if it has none"
        ),
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("invoice_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the invoice"),
        sa.Column("line_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the line"),
        sa.Column("subscription_id", WORD, nullable=False, comment="the subscription that it belongs to"),
        sa.Column("item_id", WORD, nullable=True, comment="the subscription item"),
        sa.Column("price_id", WORD, nullable=True, comment="the price or plan"),
        sa.Column("quantity", BIG, nullable=True, comment="how many"),
        sa.Column("amount", BIG, nullable=False, comment="minor units; negative for a credit"),
        sa.Column("currency", WORD, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("period_start", BIG, nullable=False, comment="epoch seconds"),
        sa.Column("period_end", BIG, nullable=False, comment="epoch seconds"),
        sa.Column("proration", sa.Boolean(), nullable=False, comment="whether it corrects a part of a period"),
        sa.Column("inclusive_tax", BIG, nullable=False, comment="minor units of tax inside the amount"),
        sa.Column("extra", sa.LargeBinary(), nullable=True, comment="msgpack of discounts and credited lines, where there are any"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("bucket", "customer_id", "account", "invoice_id", "line_id", name=op.f("pk_invoice_line")),
        comment="Lines of finalised invoices that belong to a subscription",
    )
    op.create_table(
        "member",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer"),
        sa.Column("name", WORD, nullable=False, comment="the customer's name in the ledger"),
        sa.Column("bucket", sa.SmallInteger(), nullable=False, comment="the bucket of that name"),
        sa.PrimaryKeyConstraint("account", "customer_id", name=op.f("pk_member")),
        comment="Stripe customers that a metadata rule makes part of another customer",
    )
    op.create_index(op.f("ix_member_name"), "member", ["name"], unique=False)
    op.create_table(
        "movement",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column(
            "customer",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="order within the customer"),
        sa.Column("day", sa.Date(), nullable=False, comment="reporting day"),
        sa.Column("currency", WORD, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("kind", WORD, nullable=False, comment="new, reactivation, expansion, contraction, churn"),
        sa.Column("cause", WORD, nullable=False, comment="why: plan, quantity, canceled_voluntary, ..."),
        sa.Column("before_micros", BIG, nullable=False, comment="MRR before the day"),
        sa.Column("after_micros", BIG, nullable=False, comment="MRR at the day's closing"),
        sa.Column("delta_micros", BIG, nullable=False, comment="what it adds to MRR; negative for contraction and churn"),
        sa.Column("list_before_micros", BIG, nullable=False, comment="the same without discounts"),
        sa.Column("list_after_micros", BIG, nullable=False, comment="the same without discounts"),
        sa.Column(
            "inferred", sa.Boolean(), nullable=False, comment="dated at the first evidence of it, since nothing dates it exactly"
        ),
        sa.Column("evidence", WORD, nullable=False, comment="JSON list of Stripe ids"),
        sa.CheckConstraint("before_micros + delta_micros = after_micros", name=op.f("ck_movement_adds_up")),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", "seq", name=op.f("pk_movement")),
        comment="What each customer's MRR did on each day",
    )
    op.create_index(op.f("ix_movement_basis_day"), "movement", ["basis", "day"], unique=False)
    op.create_table(
        "mute",
        sa.Column("rule", WORD, autoincrement=False, nullable=False, comment="name of the rule"),
        sa.Column("segment", WORD, autoincrement=False, nullable=False, comment="the segment; empty for all of the rule's"),
        sa.Column("sort", WORD, autoincrement=False, nullable=False, comment="mute, or ack: acknowledged until it is resolved"),
        sa.Column("until", TIME, nullable=True, comment="when it ends; none: when somebody ends it"),
        sa.Column("reason", WORD, nullable=False, comment="what was said about it"),
        sa.Column("created_at", TIME, nullable=False, comment="when it was asked for"),
        sa.PrimaryKeyConstraint("rule", "segment", "sort", name=op.f("pk_mute")),
        comment="Alerts that somebody asked to be quiet about",
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="order in which they were written down"),
        sa.Column("rule", WORD, nullable=False, comment="name of the rule, or what else the message is about"),
        sa.Column("segment", WORD, nullable=False, comment="the segment; empty for the whole"),
        sa.Column("window", WORD, nullable=False, comment="the window that it is about"),
        sa.Column("transition", WORD, nullable=False, comment="which change of state it tells of"),
        sa.Column("channel", WORD, nullable=False, comment="slack, email"),
        sa.Column("body", WORD, nullable=False, comment="JSON: the message"),
        sa.Column(
            "status",
            WORD,
            nullable=False,
            comment="due, leased, sent, ambiguous (nobody knows whether it was taken), failed; covered: told by another message; withheld: muted",
        ),
        sa.Column("token", sa.Integer(), nullable=False, comment="rises by one at each claim"),
        sa.Column("lease_until", TIME, nullable=True, comment="until when a sender holds it, by the database's clock"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was tried"),
        sa.Column("doubts", sa.Integer(), nullable=False, comment="after how many of the tries nobody knew whether it was taken"),
        sa.Column(
            "progress", WORD, nullable=False, comment="JSON: what was taken already: Slack's timestamp, the recipients that have it"
        ),
        sa.Column("next_attempt_at", TIME, nullable=False, comment="not to be tried before, by the database's clock"),
        sa.Column("last_error", WORD, nullable=True, comment="why it was not sent; without secrets"),
        sa.Column("created_at", TIME, nullable=False, comment="when it was written down"),
        sa.Column("sent_at", TIME, nullable=True, comment="when it was sent"),
        sa.CheckConstraint(
            "status IN ('due', 'leased', 'sent', 'ambiguous', 'failed', 'covered', 'withheld')", name=op.f("ck_outbox_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "rule", "segment", "window", "transition", "channel", name=op.f("uq_outbox_rule_segment_window_transition_channel")
        ),
        comment="Messages to be sent, written with the change of state that causes them",
    )
    op.create_index(op.f("ix_outbox_status_next_attempt_at"), "outbox", ["status", "next_attempt_at"], unique=False)
    op.create_table(
        "payload",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("kind", WORD, autoincrement=False, nullable=False, comment="subscription or event"),
        sa.Column("object_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the object"),
        sa.Column(
            "at", BIG, autoincrement=False, nullable=False, comment="the moment of the listing or of the event, epoch seconds"
        ),
        sa.Column("source_id", WORD, autoincrement=False, nullable=False, comment="the event's id, empty for a listing"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the JSON that Stripe sent, compressed with zlib"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("account", "kind", "object_id", "at", "source_id", name=op.f("pk_payload")),
        comment="What Stripe sent, kept because events are forgotten after thirty days",
    )
    op.create_table(
        "person",
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer"),
        sa.Column("name", WORD, nullable=True, comment="as Stripe has it"),
        sa.Column("email", WORD, nullable=True, comment="as Stripe has it"),
        sa.Column("observed_at", BIG, nullable=False, comment="when it was so, epoch seconds"),
        sa.PrimaryKeyConstraint("account", "customer_id", name=op.f("pk_person")),
        comment="The only personal data; filled only where the settings say so",
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="order in which they were met"),
        sa.Column("account", sa.Integer(), nullable=False, comment="the account (table account) that it belongs to"),
        sa.Column("kind", WORD, nullable=False, comment="what sort of object it is"),
        sa.Column("object_id", WORD, nullable=False, comment="Stripe's id"),
        sa.Column("reason", WORD, nullable=False, comment="a stable word"),
        sa.Column("detail", WORD, nullable=False, comment="a sentence, without personal data"),
        sa.Column("first_seen", TIME, nullable=False, comment="when it was first kept out"),
        sa.Column("last_seen", TIME, nullable=False, comment="when it was last kept out"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("account", "kind", "object_id", name=op.f("uq_quarantine_account_kind_object_id")),
        comment="Objects that could not be read, kept out alone",
    )
    op.create_table(
        "rate",
        sa.Column("unit", WORD, autoincrement=False, nullable=False, comment="one of this currency"),
        sa.Column("currency", WORD, autoincrement=False, nullable=False, comment="bought so much of this one"),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False, comment="on this day"),
        sa.Column("rate", WORD, nullable=False, comment="an exact decimal"),
        sa.Column("source", WORD, nullable=False, comment="where it comes from: ecb, or the name of a file"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint("unit", "currency", "day", name=op.f("pk_rate")),
        comment="Exchange rates; a day without one takes the last before it",
    )
    op.create_table(
        "rollup",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "kind",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="month, quarter, year, trailing_3, trailing_12, month_to_date",
        ),
        sa.Column("first", sa.Date(), autoincrement=False, nullable=False, comment="the window's first day"),
        sa.Column("until", sa.Date(), autoincrement=False, nullable=False, comment="the day after its last"),
        sa.Column(
            "dimension",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="plan, country, metadata.KEY, two with a comma, ...; empty for the whole",
        ),
        sa.Column("segment", WORD, autoincrement=False, nullable=False, comment="the value at the opening; empty for the whole"),
        sa.Column(
            "currency",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="a code in lower case, or all:CODE for the whole book expressed in it",
        ),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False, comment="rises by one whenever the figures change"),
        sa.Column("opening", BIG, nullable=False, comment="micros, MRR of the cohort at the opening"),
        sa.Column("expansion", BIG, nullable=False, comment="micros, of the opening cohort by end points"),
        sa.Column("contraction", BIG, nullable=False, comment="micros, of the opening cohort by end points"),
        sa.Column("churn", BIG, nullable=False, comment="micros, of the opening cohort by end points"),
        sa.Column("closing_of_cohort", BIG, nullable=False, comment="micros, of the opening cohort by end points"),
        sa.Column("new", BIG, nullable=False, comment="micros, movements of the whole book in the window"),
        sa.Column("reactivation", BIG, nullable=False, comment="micros, movements of the whole book in the window"),
        sa.Column("closing", BIG, nullable=False, comment="micros, MRR of the whole book at the closing"),
        sa.Column("fx", BIG, nullable=False, comment="micros, what exchange rates did to the standing book"),
        sa.Column("opening_customers", sa.Integer(), nullable=False, comment="customers with MRR at the opening"),
        sa.Column("closing_customers", sa.Integer(), nullable=False, comment="customers with MRR at the closing"),
        sa.Column(
            "retained_customers", sa.Integer(), nullable=False, comment="of the opening's customers, those with MRR at the closing"
        ),
        sa.Column("new_logos", sa.Integer(), nullable=False, comment="customers that came for the first time"),
        sa.Column("lost_logos", sa.Integer(), nullable=False, comment="customers that left"),
        sa.Column("returned_logos", sa.Integer(), nullable=False, comment="customers that came back"),
        sa.Column("companions", WORD, nullable=False, comment="JSON of further figures"),
        sa.Column("incomplete", sa.Boolean(), nullable=False, comment="the window had not ended, or its data was not complete"),
        sa.Column(
            "reason",
            WORD,
            nullable=True,
            comment="why rates are null: opening_zero, gap; nothing_left for a segment that is no more",
        ),
        sa.Column("digest", WORD, nullable=False, comment="of all figures: unchanged ones make no new version"),
        sa.Column("current", sa.Boolean(), nullable=False, comment="whether it is the newest version"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when these figures were found"),
        sa.Column("run_id", sa.Integer(), nullable=True, comment="the run that found them"),
        sa.PrimaryKeyConstraint(
            "basis", "kind", "first", "until", "dimension", "segment", "currency", "version", name=op.f("pk_rollup")
        ),
        comment="Figures by window, segment and currency, in append-only versions",
    )
    op.create_index(
        "uq_rollup_current",
        "rollup",
        ["basis", "kind", "first", "until", "dimension", "segment", "currency"],
        unique=True,
        postgresql_where=sa.text('"current"'),
        sqlite_where=sa.text('"current"'),
    )
    op.create_table(
        "rollup_part",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "run_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="the run that adds them up; 0 for the sum that the current figures were made of",
        ),
        sa.Column(
            "part",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="which shard of the customers; -1 says only that the run is adding up",
        ),
        sa.Column("name", WORD, autoincrement=False, nullable=False, comment="which of the sums"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the sums as an Arrow stream"),
        sa.PrimaryKeyConstraint("basis", "run_id", "part", "name", name=op.f("pk_rollup_part")),
        comment="What shards of the customers add up to, on the way to figures",
    )
    op.create_table(
        "former",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column("customer", WORD, autoincrement=False, nullable=False, comment="the customer's name in the ledger"),
        sa.Column("times", sa.Integer(), nullable=False, comment="how often it was derived again meanwhile"),
        sa.Column("batch", sa.Integer(), nullable=False, comment="where its rows are (table former_rows)"),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", name=op.f("pk_former")),
        comment="Customers that were derived again since the current figures were made",
    )
    op.create_index(op.f("ix_former_batch"), "former", ["batch"], unique=False)
    op.create_table(
        "former_rows",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="by which table former points here"),
        sa.Column("basis", WORD, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="the ledger that these customers had when the current figures were made, as Arrow streams",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_rows")),
        comment="What customers' ledgers were when the current figures were made",
    )
    op.create_table(
        "restatement",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False, comment="the run that found it"),
        sa.Column("month", sa.Date(), autoincrement=False, nullable=False, comment="first day of a month that was closed already"),
        sa.Column("customer", WORD, autoincrement=False, nullable=False, comment="the customer's name in the ledger"),
        sa.Column("currency", WORD, autoincrement=False, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("opening_before", BIG, nullable=False, comment="micros, MRR at the month's opening as it was held to be"),
        sa.Column("opening_after", BIG, nullable=False, comment="micros, the same as it is now known"),
        sa.Column("closing_before", BIG, nullable=False, comment="micros, MRR at the month's closing as it was held to be"),
        sa.Column("closing_after", BIG, nullable=False, comment="micros, the same as it is now known"),
        sa.Column(
            "flows_before",
            WORD,
            nullable=False,
            comment="JSON: micros by kind of movement within the month, as they were held to be",
        ),
        sa.Column("flows_after", WORD, nullable=False, comment="JSON: the same as they are now known"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was found"),
        sa.PrimaryKeyConstraint("basis", "run_id", "month", "customer", "currency", name=op.f("pk_restatement")),
        comment="Customers behind a change of closed months, one row for each month that later news changed",
    )
    op.create_table(
        "adjustment",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column("kind", WORD, autoincrement=False, nullable=False, comment="month, quarter, year, trailing_3, trailing_12"),
        sa.Column("first", sa.Date(), autoincrement=False, nullable=False, comment="the frozen window's first day"),
        sa.Column("until", sa.Date(), autoincrement=False, nullable=False, comment="the day after its last"),
        sa.Column("dimension", WORD, autoincrement=False, nullable=False, comment="as in table rollup"),
        sa.Column("segment", WORD, autoincrement=False, nullable=False, comment="as in table rollup"),
        sa.Column(
            "currency",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="a code in lower case, or all:CODE for the whole book expressed in it",
        ),
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="rises by one with each adjustment of these figures"
        ),
        sa.Column("opening", BIG, nullable=False, comment="micros by which the opening differs from the frozen one"),
        sa.Column("closing", BIG, nullable=False, comment="micros by which the closing differs from the frozen one"),
        sa.Column("figures", WORD, nullable=False, comment="JSON of all figures as they are now known"),
        sa.Column("digest", WORD, nullable=False, comment="of these figures"),
        sa.Column("booked", sa.Date(), nullable=False, comment="first day of the month in which it was learnt and is booked"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was found"),
        sa.Column("run_id", sa.Integer(), nullable=True, comment="the run that found it"),
        sa.PrimaryKeyConstraint(
            "basis", "kind", "first", "until", "dimension", "segment", "currency", "seq", name=op.f("pk_adjustment")
        ),
        comment="Where months are frozen: what later news would have changed in them, booked in the month of the news",
    )
    op.create_table(
        "signal",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False, comment="as of this reporting day"),
        sa.Column(
            "name", WORD, autoincrement=False, nullable=False, comment="discounts_ending, trials_ending, scheduled_churn, renewals"
        ),
        sa.Column("within_days", sa.Integer(), autoincrement=False, nullable=False, comment="within so many days"),
        sa.Column("currency", WORD, autoincrement=False, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("micros", BIG, nullable=False, comment="how much MRR it is about"),
        sa.Column("customers", sa.Integer(), nullable=False, comment="how many customers it is about"),
        sa.PrimaryKeyConstraint("basis", "day", "name", "within_days", "currency", name=op.f("pk_signal")),
        comment="What is coming by dates that are known already",
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="by which people speak of it"),
        sa.Column("kind", WORD, nullable=False, comment="sync, backfill, audit, derive, rollup, nightly, ..."),
        sa.Column("account", sa.Integer(), nullable=True, comment="the account (table account), if it is of one"),
        sa.Column("status", WORD, nullable=False, comment="running, done, failed, canceled"),
        sa.Column("exclusive_key", WORD, nullable=True, comment="set while running: a second run with the same key is refused"),
        sa.Column("started_at", TIME, nullable=False, comment="when it was written down"),
        sa.Column("heartbeat_at", TIME, nullable=False, comment="when somebody last worked on it"),
        sa.Column("finished_at", TIME, nullable=True, comment="when it was closed"),
        sa.Column("params", WORD, nullable=False, comment="JSON: what was asked for"),
        sa.Column("result", WORD, nullable=True, comment="JSON: what came of it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("exclusive_key", name=op.f("uq_run_exclusive_key")),
        comment="Each piece of work that somebody or something asked for",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "setting",
        sa.Column("name", WORD, autoincrement=False, nullable=False, comment="what it is called"),
        sa.Column("value", WORD, nullable=False, comment="JSON"),
        sa.Column("updated_at", TIME, nullable=False, comment="when it was last set"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
        comment="What the installation remembers about itself",
    )
    op.create_table(
        "snapshot",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False, comment="the month's last day"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column("customer", WORD, autoincrement=False, nullable=False, comment="the customer's name in the ledger"),
        sa.Column("currency", WORD, autoincrement=False, nullable=False, comment="Stripe's code in lower case"),
        sa.Column("account", sa.Integer(), nullable=False, comment="the account (table account)"),
        sa.Column("net_micros", BIG, nullable=False, comment="MRR after discounts"),
        sa.Column("list_micros", BIG, nullable=False, comment="MRR without discounts"),
        sa.Column("at_risk_micros", BIG, nullable=False, comment="the part that is past due"),
        sa.Column("scheduled_micros", BIG, nullable=False, comment="the part whose end has been asked for"),
        sa.Column("usage_micros", BIG, nullable=False, comment="metered, beside MRR"),
        sa.Column("subscriptions", sa.Integer(), nullable=False, comment="subscriptions that count"),
        sa.Column("plan", WORD, nullable=True, comment="price of the largest item"),
        sa.Column("product", WORD, nullable=True, comment="product of the largest item"),
        sa.Column("interval", WORD, nullable=True, comment="billing interval of the largest item"),
        sa.PrimaryKeyConstraint("basis", "day", "bucket", "customer", "currency", name=op.f("pk_snapshot")),
        comment="MRR per customer at the closing of each month",
    )
    op.create_table(
        "standing",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column(
            "customer",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        ),
        sa.Column("currency", WORD, autoincrement=False, nullable=False, comment="Stripe's code in lower case"),
        sa.Column(
            "day", sa.Date(), autoincrement=False, nullable=False, comment="reporting day at whose closing it begins to hold"
        ),
        sa.Column("account", sa.Integer(), nullable=False, comment="the account (table account)"),
        sa.Column("net_micros", BIG, nullable=False, comment="MRR after discounts"),
        sa.Column("list_micros", BIG, nullable=False, comment="MRR without discounts"),
        sa.Column("at_risk_micros", BIG, nullable=False, comment="the part that is past due"),
        sa.Column("scheduled_micros", BIG, nullable=False, comment="the part whose end has been asked for"),
        sa.Column("usage_micros", BIG, nullable=False, comment="metered, beside MRR"),
        sa.Column("subscriptions", sa.Integer(), nullable=False, comment="subscriptions that count"),
        sa.Column("plan", WORD, nullable=True, comment="price of the largest item"),
        sa.Column("product", WORD, nullable=True, comment="product of the largest item"),
        sa.Column("interval", WORD, nullable=True, comment="billing interval of the largest item"),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", "currency", "day", name=op.f("pk_standing")),
        comment="What a customer stands at from the closing of a day on, until its next row in that currency",
    )
    op.create_table(
        "subscription_state",
        sa.Column(
            "bucket",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="hash of the customer's id, 0 to 1023: the unit in which work is shared out",
        ),
        sa.Column("customer_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the customer"),
        sa.Column(
            "account", sa.Integer(), autoincrement=False, nullable=False, comment="the account (table account) that it belongs to"
        ),
        sa.Column("subscription_id", WORD, autoincrement=False, nullable=False, comment="Stripe's id of the subscription"),
        sa.Column("at", BIG, autoincrement=False, nullable=False, comment="the moment, epoch seconds"),
        sa.Column(
            "source",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="where it comes from: 1 before an event, 2 after it, 3 a listing",
        ),
        sa.Column("source_id", WORD, autoincrement=False, nullable=False, comment="the event's id, empty for a listing"),
        sa.Column("status", WORD, nullable=False, comment="Stripe's status at that moment"),
        sa.Column("digest", WORD, nullable=False, comment="digest of the body"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="msgpack of metrics.evidence.Subscription"),
        sa.Column("learnt_at", TIME, nullable=False, comment="when it was stored"),
        sa.PrimaryKeyConstraint(
            "bucket", "customer_id", "account", "subscription_id", "at", "source", "source_id", name=op.f("pk_subscription_state")
        ),
        comment="What a subscription was at a moment",
    )
    op.create_table(
        "touched",
        sa.Column(
            "id", BIG, autoincrement=True, nullable=False, comment="marks are removed by it, so that one made meanwhile stays"
        ),
        sa.Column("account", sa.Integer(), nullable=False, comment="the account (table account) that it belongs to"),
        sa.Column("customer_id", WORD, nullable=False, comment="Stripe's id of the customer"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touched")),
        comment="Customers with facts that nothing was derived from yet",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "wake",
        sa.Column("basis", WORD, autoincrement=False, nullable=False, comment="version of what it rests on (table basis)"),
        sa.Column(
            "bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="hash of the customer's name, 0 to 1023"
        ),
        sa.Column(
            "customer",
            WORD,
            autoincrement=False,
            nullable=False,
            comment="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        ),
        sa.Column("at", BIG, nullable=False, comment="derive again once this moment has passed, epoch seconds"),
        sa.PrimaryKeyConstraint("basis", "bucket", "customer", name=op.f("pk_wake")),
        comment="Customers whose MRR changes by the mere passing of time, such as a discount that ends",
    )
    op.create_index(op.f("ix_wake_basis_at"), "wake", ["basis", "at"], unique=False)
    op.create_table(
        "worker",
        sa.Column("name", WORD, autoincrement=False, nullable=False, comment="host and process"),
        sa.Column("seen_at", TIME, nullable=False, comment="when it last said that it gets on"),
        sa.Column("detail", WORD, nullable=False, comment="JSON: what it was doing"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
        comment="Workers with the last time they said that they get on",
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False, comment="order in which they were written down"),
        sa.Column("run_id", sa.Integer(), nullable=False, comment="the run that it is part of"),
        sa.Column("kind", WORD, nullable=False, comment="what is to be done"),
        sa.Column("account", sa.Integer(), nullable=True, comment="the account (table account), if it is of one"),
        sa.Column("stream", WORD, nullable=False, comment="what is read"),
        sa.Column("stage", sa.SmallInteger(), nullable=False, comment="claimable only when no earlier stage of the run is open"),
        sa.Column("priority", sa.SmallInteger(), nullable=False, comment="the smaller the sooner"),
        sa.Column("since", BIG, nullable=True, comment="range of creation that is read, epoch seconds; none: from the beginning"),
        sa.Column("until", BIG, nullable=True, comment="end of that range, not part of it; none: open"),
        sa.Column("cursor", WORD, nullable=True, comment="Stripe's id of the last object read"),
        sa.Column("data", WORD, nullable=False, comment="JSON: what else it needs"),
        sa.Column("status", WORD, nullable=False, comment="due, leased, done, failed, quarantined, canceled"),
        sa.Column(
            "token", sa.Integer(), nullable=False, comment="rises by one at each claim: what an older holder does is refused"
        ),
        sa.Column("lease_until", TIME, nullable=True, comment="until when it is held, by the database's clock"),
        sa.Column("owner", WORD, nullable=True, comment="who holds it"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="claims since the last progress"),
        sa.Column("next_attempt_at", TIME, nullable=False, comment="not to be claimed before, by the database's clock"),
        sa.Column("last_error", WORD, nullable=True, comment="why it was given back"),
        sa.Column("pages", sa.Integer(), nullable=False, comment="pages read"),
        sa.Column("objects", sa.Integer(), nullable=False, comment="objects read"),
        sa.Column("dedupe_key", WORD, nullable=True, comment="natural key: a second job with the same one is not written down"),
        sa.Column("created_at", TIME, nullable=False, comment="when it was written down"),
        sa.Column("finished_at", TIME, nullable=True, comment="when it was closed"),
        sa.CheckConstraint("status IN ('due', 'leased', 'done', 'failed', 'quarantined', 'canceled')", name=op.f("ck_job_status")),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_job_dedupe_key")),
        comment="Work in pieces that can be lost and done again",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_job_run_id_stage"), "job", ["run_id", "stage"], unique=False)
    op.create_index(op.f("ix_job_status_next_attempt_at"), "job", ["status", "next_attempt_at"], unique=False)
