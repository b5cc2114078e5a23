"""The first schema: facts, what is derived from them, and the work."""

import sqlalchemy as sa
from alembic import op

from integrations.store.schema import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False, comment="what the installation calls it"),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("default_currency", sa.String(length=8), nullable=True),
        sa.Column("bound_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.UniqueConstraint("stripe_id", "livemode", name=op.f("uq_account_stripe_id_livemode")),
        comment="Stripe accounts, each bound to a name and a mode at first sight",
    )
    op.create_table(
        "alert_history",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("segment", sa.String(length=512), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=False),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_history")),
        comment="Every transition of an alert, with the figures behind it",
    )
    op.create_index(op.f("ix_alert_history_rule_segment"), "alert_history", ["rule", "segment"], unique=False)
    op.create_table(
        "alert_state",
        sa.Column("rule", sa.String(length=128), autoincrement=False, nullable=False),
        sa.Column("segment", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="ok, pending, firing, resolved, muted"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON: the figures behind it"),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "segment", name=op.f("pk_alert_state")),
        comment="Where each alert stands",
    )
    op.create_table(
        "attribute",
        sa.Column("basis", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=128), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=True),
        sa.PrimaryKeyConstraint("basis", "customer", "key", "day", name=op.f("pk_attribute")),
        comment="What a customer was by country and metadata, from a day on",
    )
    op.create_table(
        "basis",
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON: every choice"),
        sa.Column(
            "derived_at",
            UtcDateTime(),
            nullable=True,
            comment="when the last whole derivation ended; none, the ledger isn't complete",
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_basis")),
        comment="What derived rows rest on besides the facts",
    )
    op.create_table(
        "catalog",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("object_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False, comment="1 listed whole, 0 seen inside another object"),
        sa.Column("observed_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "object_id", "digest", name=op.f("pk_catalog")),
        comment="Prices, coupons and products in every version seen",
    )
    op.create_table(
        "channel_state",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_state")),
        comment="Channels that were found dead",
    )
    op.create_table(
        "cursor",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stream", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "stream", name=op.f("pk_cursor")),
        comment="Up to which instant a stream of an account is complete",
    )
    op.create_table(
        "customer_state",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column(
            "source", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1 before an event, 2 event, 3 listing"
        ),
        sa.Column("source_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "customer_id", "at", "source", "source_id", name=op.f("pk_customer_state")),
        comment="What a customer was at a moment, without personal data",
    )
    op.create_table(
        "event",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("created", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=True),
        sa.Column("subscription_id", sa.String(length=255), nullable=True),
        sa.Column("invoice_id", sa.String(length=255), nullable=True),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "event_id", name=op.f("pk_event")),
        comment="Events seen, so that a hole or a repetition can be told",
    )
    op.create_index(op.f("ix_event_account_created"), "event", ["account", "created"], unique=False)
    op.create_table(
        "exclusion",
        sa.Column("basis", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("mrr_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("since", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("basis", "customer", "seq", name=op.f("pk_exclusion")),
        comment="What is left out of MRR, from when to when, and why",
    )
    op.create_table(
        "finding",
        sa.Column("basis", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("basis", "customer", "seq", name=op.f("pk_finding")),
        comment="What a reader of the numbers must know about the data",
    )
    op.create_table(
        "invoice",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=True),
        sa.Column("subscription_id", sa.String(length=255), nullable=True),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("created", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("billing_reason", sa.String(length=64), nullable=True),
        sa.Column("amount_paid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("finalized_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("paid_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("voided_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("uncollectible_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "invoice_id", "status", name=op.f("pk_invoice")),
        comment="Heads of invoices, one row for each status they were seen in",
    )
    op.create_index(op.f("ix_invoice_account_customer_id"), "invoice", ["account", "customer_id"], unique=False)
    op.create_table(
        "invoice_line",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("line_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=True),
        sa.Column("subscription_id", sa.String(length=255), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("item_id", sa.String(length=255), nullable=True),
        sa.Column("price_id", sa.String(length=255), nullable=True),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="minor units"),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("period_start", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("period_end", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("proration", sa.Boolean(), nullable=False),
        sa.Column("inclusive_tax", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="minor units"),
        sa.Column("extra", sa.LargeBinary(), nullable=True, comment="discounts and credited lines, where there are any"),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "invoice_id", "line_id", name=op.f("pk_invoice_line")),
        comment="Lines of finalised invoices that belong to a subscription",
    )
    op.create_index(op.f("ix_invoice_line_account_customer_id"), "invoice_line", ["account", "customer_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False, comment="claimable only when no earlier stage of the run is open"),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cursor", sa.String(length=255), nullable=True),
        sa.Column("data", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("status", sa.String(length=16), nullable=False, comment="due, leased, done, failed, quarantined, canceled"),
        sa.Column(
            "token", sa.Integer(), nullable=False, comment="rises by one at each claim: what an older holder does is refused"
        ),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("owner", sa.String(length=128), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=255), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_job_dedupe_key")),
        comment="Work in pieces that can be lost and done again",
    )
    op.create_index(op.f("ix_job_run_id_stage"), "job", ["run_id", "stage"], unique=False)
    op.create_index(op.f("ix_job_status_next_attempt_at"), "job", ["status", "next_attempt_at"], unique=False)
    op.create_table(
        "member",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "customer_id", name=op.f("pk_member")),
        comment="Stripe customers that a metadata rule makes part of another customer",
    )
    op.create_index(op.f("ix_member_name"), "member", ["name"], unique=False)
    op.create_table(
        "movement",
        sa.Column("basis", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="order within the customer"),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="new, reactivation, expansion, contraction, churn"),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("before_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("after_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("delta_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("list_before_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("list_after_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("inferred", sa.Boolean(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, comment="JSON list of Stripe ids"),
        sa.PrimaryKeyConstraint("basis", "customer", "seq", name=op.f("pk_movement")),
        comment="What each customer's MRR did on each day",
    )
    op.create_index(op.f("ix_movement_basis_day"), "movement", ["basis", "day"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("segment", sa.String(length=512), nullable=False),
        sa.Column("window", sa.String(length=64), nullable=False),
        sa.Column("transition", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON: the message"),
        sa.Column("status", sa.String(length=16), nullable=False, comment="due, leased, sent, ambiguous, failed"),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "rule", "segment", "window", "transition", "channel", name=op.f("uq_outbox_rule_segment_window_transition_channel")
        ),
        comment="Messages to be sent, written with the change of state that causes them",
    )
    op.create_index(op.f("ix_outbox_status_next_attempt_at"), "outbox", ["status", "next_attempt_at"], unique=False)
    op.create_table(
        "payload",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("object_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="zlib"),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "object_id", "source_id", name=op.f("pk_payload")),
        comment="What Stripe sent, kept because events are forgotten after thirty days",
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("account", "kind", "object_id", name=op.f("uq_quarantine_account_kind_object_id")),
        comment="Objects that could not be read, kept out alone",
    )
    op.create_table(
        "rollup",
        sa.Column("basis", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("first", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("dimension", sa.String(length=128), autoincrement=False, nullable=False),
        sa.Column("segment", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column(
            "currency",
            sa.String(length=16),
            autoincrement=False,
            nullable=False,
            comment="a code, or all:CODE for the whole book expressed in it",
        ),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("opening", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expansion", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contraction", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("churn", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("closing_of_cohort", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("new", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reactivation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("closing", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fx", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opening_customers", sa.Integer(), nullable=False),
        sa.Column("closing_customers", sa.Integer(), nullable=False),
        sa.Column("retained_customers", sa.Integer(), nullable=False),
        sa.Column("new_logos", sa.Integer(), nullable=False),
        sa.Column("lost_logos", sa.Integer(), nullable=False),
        sa.Column("returned_logos", sa.Integer(), nullable=False),
        sa.Column("companions", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("incomplete", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column(
            "digest", sa.String(length=32), nullable=False, comment="of all figures: an unchanged figure makes no new version"
        ),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint(
            "basis", "kind", "first", "until", "dimension", "segment", "currency", "version", name=op.f("pk_rollup")
        ),
        comment="Figures by window, segment and currency, in append-only versions",
    )
    op.create_index(op.f("ix_rollup_basis_current_kind_first"), "rollup", ["basis", "current", "kind", "first"], unique=False)
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="sync, backfill, audit, derive, rollup, nightly, ..."),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False, comment="running, done, failed, canceled"),
        sa.Column(
            "exclusive_key",
            sa.String(length=64),
            nullable=True,
            comment="set while running: a second run with the same key is refused",
        ),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("params", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("result", sa.Text(), nullable=True, comment="JSON"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("exclusive_key", name=op.f("uq_run_exclusive_key")),
        comment="Each piece of work that somebody or something asked for",
    )
    op.create_table(
        "standing",
        sa.Column("basis", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(length=512), autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("net_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("list_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_risk_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scheduled_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("usage_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriptions", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(length=255), nullable=True),
        sa.Column("product", sa.String(length=255), nullable=True),
        sa.Column("interval", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("basis", "customer", "currency", "day", name=op.f("pk_standing")),
        comment="What a customer stands at from the closing of a day on, until its next row",
    )
    op.create_index(op.f("ix_standing_basis_day"), "standing", ["basis", "day"], unique=False)
    op.create_table(
        "subscription_state",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subscription_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column(
            "source", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1 before an event, 2 event, 3 listing"
        ),
        sa.Column("source_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("learnt_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "subscription_id", "at", "source", "source_id", name=op.f("pk_subscription_state")),
        comment="What a subscription was at a moment",
    )
    op.create_index(
        op.f("ix_subscription_state_account_customer_id"), "subscription_state", ["account", "customer_id"], unique=False
    )
    op.create_table(
        "touched",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touched")),
        comment="Customers with facts that nothing was derived from yet",
    )
    op.create_index(op.f("ix_touched_account_customer_id"), "touched", ["account", "customer_id"], unique=False)
    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
        comment="Workers with the last time they said that they get on",
    )
