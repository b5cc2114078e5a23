"""The tables of the ledger, each row under the basis (policy, time zone, rules) that it was derived with.

All of it can be thrown away and derived again. Keys begin with basis and bucket, so that a bucket of customers is one stretch of the
table: it is replaced, read and summed up as one.
"""

from sqlalchemy import CheckConstraint, Index, Table

from integrations.store.db.columns import Big, Day, Flag, Small, Time, Whole, Word, key, may, metadata, must
from metrics.dimensions import CARRIED

_BASIS = "version of what it rests on (table basis)"
_BUCKET = "hash of the customer's name, 0 to 1023"
_CUSTOMER = "the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several"
_CURRENCY = "Stripe's code in lower case"
_SEQ = "order within the customer"

basis = Table(
    "basis",
    metadata,
    key("version", Word, "digest of every choice"),
    must("policy", Word, "name of the policy"),
    must("body", Word, "JSON of every choice"),
    may("derived_at", Time, "when the last whole derivation ended; none: the ledger isn't complete"),
    may("derived_until", Big, "the moment up to which it was derived, epoch seconds"),
    must("current", Flag, "whether it is the one of its policy that is kept up to date, or was asked for last"),
    comment="What derived rows rest on besides the facts",
)

movement = Table(
    "movement",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, _BUCKET),
    key("customer", Word, _CUSTOMER),
    key("seq", Whole, _SEQ),
    must("day", Day, "reporting day"),
    must("currency", Word, _CURRENCY),
    must("kind", Word, "new, reactivation, expansion, contraction, churn"),
    must("cause", Word, "why: plan, quantity, canceled_voluntary, ..."),
    must("before_micros", Big, "MRR before the day"),
    must("after_micros", Big, "MRR at the day's closing"),
    must("delta_micros", Big, "what it adds to MRR; negative for contraction and churn"),
    must("list_before_micros", Big, "the same without discounts"),
    must("list_after_micros", Big, "the same without discounts"),
    must("inferred", Flag, "dated at the first evidence of it, since nothing dates it exactly"),
    must("evidence", Word, "JSON list of Stripe ids"),
    CheckConstraint("before_micros + delta_micros = after_micros", name="adds_up"),
    Index(None, "basis", "day"),
    comment="What each customer's MRR did on each day",
)

standing = Table(
    "standing",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, _BUCKET),
    key("customer", Word, _CUSTOMER),
    key("currency", Word, _CURRENCY),
    key("day", Day, "reporting day at whose closing it begins to hold"),
    must("account", Whole, "the account (table account)"),
    must("net_micros", Big, "MRR after discounts"),
    must("list_micros", Big, "MRR without discounts"),
    must("at_risk_micros", Big, "the part that is past due"),
    must("scheduled_micros", Big, "the part whose end has been asked for"),
    must("usage_micros", Big, "metered, beside MRR"),
    must("subscriptions", Whole, "subscriptions that count"),
    *(may(name, Word, words) for name, words in CARRIED.items()),
    comment="What a customer stands at from the closing of a day on, until its next row in that currency",
)
Index(
    "ix_standing_scheduled",
    *(standing.c[name] for name in ("basis", "bucket", "customer", "currency", "day")),
    info={"where": "scheduled_micros > 0"},  # as the migration has it: few rows of a large table
)

attribute = Table(
    "attribute",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, _BUCKET),
    key("customer", Word, _CUSTOMER),
    key("key", Word, "country, or metadata.KEY"),
    key("day", Day, "from this reporting day on; the earliest holds before it too"),
    may("value", Word, "what it was, none when it was taken away"),
    comment="What a customer was by country and metadata, for segments",
)

exclusion = Table(
    "exclusion",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, _BUCKET),
    key("customer", Word, _CUSTOMER),
    key("seq", Whole, _SEQ),
    must("object_id", Word, "Stripe's id of what is left out"),
    must("reason", Word, "trial, metered, paused, test_clock, internal, ..."),
    must("currency", Word, _CURRENCY),
    may("mrr_micros", Big, "what it would be worth a month, if that is known"),
    must("since", Big, "from this moment, epoch seconds"),
    may("until", Big, "to this one; none: still"),
    comment="What is left out of MRR, from when to when, and why",
)

finding = Table(
    "finding",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, _BUCKET),
    key("customer", Word, _CUSTOMER),
    key("seq", Whole, _SEQ),
    must("account", Whole, "the account (table account)"),
    must("object_id", Word, "Stripe's id of what it is about"),
    must("reason", Word, "a stable word: gap, unknown_price, ..."),
    must("severity", Word, "notice, warning, error"),
    may("at", Big, "what it is dated to, epoch seconds"),
    must("detail", Word, "a sentence: what was done about it"),
    comment="What a reader of the numbers must know about the data",
)

wake = Table(
    "wake",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, _BUCKET),
    key("customer", Word, _CUSTOMER),
    must("at", Big, "derive again once this moment has passed, epoch seconds"),
    Index(None, "basis", "at"),
    comment="Customers whose MRR changes by the mere passing of time, such as a discount that ends",
)
