"""The tables of facts: what Stripe said, append-only, each fact once on its natural key.

The keys of a customer's facts begin with its bucket and id: what belongs to a customer lies together, and the key is the only index
that reading customer by customer needs. Stripe never moves an object from one customer to another; where it is told all the same, what is
stored of it is put under its owner (`customers.moved`), which an index on subscriptions finds.
"""

from sqlalchemy import Index, Table, UniqueConstraint

from integrations.store.db.columns import (
    COPIED,
    STAYS,
    Big,
    Bytes,
    Day,
    Flag,
    Small,
    Time,
    Whole,
    Word,
    key,
    may,
    metadata,
    must,
    number,
)

_ACCOUNT = "the account (table account) that it belongs to"
_BUCKET = "hash of the customer's id, 0 to 1023: the unit in which work is shared out"
_CUSTOMER = "Stripe's id of the customer"
_SOURCE = "where it comes from: 1 before an event, 2 after it, 3 a listing"
_LEARNT = "when it was stored"
_SEEN = (
    "msgpack: further moments at which a listing said the same, with no other state in between, and which of them are kept for good"
)
_SEEN_UNTIL = "the last of them, epoch seconds; none: not seen after the moment itself"

account = Table(
    "account",
    metadata,
    number("what facts carry"),
    must("name", Word, "what the installation calls it", unique=True),
    must("stripe_id", Word, "acct_..."),
    must("livemode", Flag, "live or test; a database holds only one of them"),
    may("country", Word, "where the account is at home"),
    may("default_currency", Word, "what it is paid out in"),
    must("bound_at", Time, "when it was first seen"),
    UniqueConstraint("stripe_id", "livemode"),
    comment="Stripe accounts, each bound to a name and a mode at first sight",
    info=COPIED,
)

catalog = Table(
    "catalog",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("kind", Word, "price, coupon or product"),
    key("object_id", Word, "Stripe's id"),
    key("rank", Small, "1 listed whole, 0 seen inside another object, where Stripe leaves things out"),
    key("digest", Word, "digest of the body"),
    must("observed_at", Big, "when it was last listed so, epoch seconds; of what was seen inside others, when it was first"),
    must("body", Bytes, "msgpack of metrics.evidence"),
    must("learnt_at", Time, _LEARNT),
    comment="Prices, coupons and products in every version seen; the newest listed one holds, else one seen inside another object",
    info=COPIED,
)

customer_state = Table(
    "customer_state",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, _CUSTOMER),
    key("account", Whole, _ACCOUNT),
    key("at", Big, "the moment, epoch seconds"),
    key("source", Small, _SOURCE),
    key("source_id", Word, "the event's id, empty for a listing"),
    must("digest", Word, "digest of the body"),
    must("body", Bytes, "msgpack of metrics.evidence.Customer"),
    must("learnt_at", Time, _LEARNT),
    may("seen_until", Big, _SEEN_UNTIL),
    may("seen", Bytes, _SEEN),
    comment="What a customer was at a moment, without personal data",
    info=COPIED,
)

subscription_state = Table(
    "subscription_state",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, _CUSTOMER),
    key("account", Whole, _ACCOUNT),
    key("subscription_id", Word, "Stripe's id of the subscription"),
    key("at", Big, "the moment, epoch seconds"),
    key("source", Small, _SOURCE),
    key("source_id", Word, "the event's id, empty for a listing"),
    must("status", Word, "Stripe's status at that moment"),
    must("digest", Word, "digest of the body"),
    must("body", Bytes, "msgpack of metrics.evidence.Subscription"),
    must("learnt_at", Time, _LEARNT),
    may("seen_until", Big, _SEEN_UNTIL),
    may("seen", Bytes, _SEEN),
    Index("ix_subscription_state_subscription", "subscription_id", "account", "customer_id"),
    comment="What a subscription was at a moment",
    info=COPIED,
)

invoice = Table(
    "invoice",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, f"{_CUSTOMER}, empty if it has none"),
    key("account", Whole, _ACCOUNT),
    key("invoice_id", Word, "Stripe's id of the invoice"),
    key("status", Word, "draft, open, paid, void, uncollectible"),
    may("subscription_id", Word, "the subscription that it was made for"),
    must("created", Big, "epoch seconds"),
    must("currency", Word, "Stripe's code in lower case"),
    may("billing_reason", Word, "why Stripe made it"),
    must("amount_paid", Big, "minor units, the most that was seen in this status"),
    may("finalized_at", Big, "epoch seconds"),
    may("paid_at", Big, "epoch seconds"),
    may("voided_at", Big, "epoch seconds"),
    may("uncollectible_at", Big, "epoch seconds"),
    must("learnt_at", Time, _LEARNT),
    may("unread", Bytes, "msgpack of metrics.evidence.UnreadLine: lines that don't say enough to be told, where there are any"),
    may("other_lines", Whole, "how many of its lines are charges beside every subscription item, where there are any"),
    may("other_amount", Big, "what those come to, minor units"),
    may("total", Big, "what Stripe says that it comes to, minor units; none: read by an older release"),
    may("tax", Big, "all of its tax, minor units, where there is any"),
    may("inclusive_tax", Big, "the part of it that amounts contain"),
    may("discount", Big, "what discounts took off, minor units"),
    may("credits", Big, "billing credits used up, minor units"),
    may("shipping", Big, "what sending costs before tax, minor units"),
    comment="Heads of invoices, one row for each status they were seen in",
    info=COPIED,
)

invoice_line = Table(
    "invoice_line",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, f"{_CUSTOMER}, empty if it has none"),
    key("account", Whole, _ACCOUNT),
    key("invoice_id", Word, "Stripe's id of the invoice, empty for a proration that waits for one"),
    key("line_id", Word, "Stripe's id of the line, or of the invoice item that waits"),
    must("subscription_id", Word, "the subscription that it belongs to"),
    may("item_id", Word, "the subscription item"),
    may("price_id", Word, "the price or plan"),
    may("quantity", Big, "how many"),
    must("amount", Big, "minor units; negative for a credit"),
    must("currency", Word, "Stripe's code in lower case"),
    must("period_start", Big, "epoch seconds"),
    must("period_end", Big, "epoch seconds"),
    must("proration", Flag, "whether it corrects a part of a period"),
    must("inclusive_tax", Big, "minor units of tax inside the amount"),
    may("extra", Bytes, "msgpack of discounts, credited lines and what the line leaves unsaid, where there is any"),
    must("learnt_at", Time, _LEARNT),
    comment="Lines of finalised invoices that belong to a subscription",
    info=COPIED,
)

other_line = Table(
    "other_line",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, f"{_CUSTOMER}, empty if it has none"),
    key("account", Whole, _ACCOUNT),
    key("invoice_id", Word, "Stripe's id of the invoice"),
    key("line_id", Word, "Stripe's id of the line"),
    must("kind", Word, "one_off or outside; empty for a line that doesn't say enough to be told"),
    must("mark", Word, "by which mark it is known: manual, metronome, contract, quote, pricing_plan, one_off"),
    may("price_id", Word, "the price, where it names one"),
    may("product_id", Word, "the product, where it names one"),
    may("amount", Big, "minor units, before discounts; none: not said"),
    must("discount", Big, "what discounts took off, minor units"),
    must("inclusive_tax", Big, "minor units of tax inside the amount"),
    must("learnt_at", Time, _LEARNT),
    comment="Lines of finalised invoices that no subscription item has: no evidence of MRR, but billed",
    info=COPIED,
)

credit_note = Table(
    "credit_note",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, f"{_CUSTOMER}, empty if it has none"),
    key("account", Whole, _ACCOUNT),
    key("note_id", Word, "Stripe's id of the credit note"),
    may("invoice_id", Word, "the invoice of which it takes something back"),
    must("status", Word, "issued or void"),
    must("created", Big, "epoch seconds"),
    must("currency", Word, "Stripe's code in lower case"),
    may("total", Big, "what it takes back, minor units"),
    may("tax", Big, "the tax in that, where there is any"),
    may("inclusive_tax", Big, "the part of it that amounts contain"),
    may("discount", Big, "what discounts had taken off, minor units"),
    may("credits", Big, "billing credits given back, minor units"),
    may("shipping", Big, "what sending costs before tax, minor units"),
    may("voided_at", Big, "epoch seconds"),
    must("learnt_at", Time, _LEARNT),
    comment="Credit notes, as they were last heard to be",
    info=COPIED,
)

credit_note_line = Table(
    "credit_note_line",
    metadata,
    key("bucket", Small, _BUCKET),
    key("customer_id", Word, f"{_CUSTOMER}, empty if it has none"),
    key("account", Whole, _ACCOUNT),
    key("note_id", Word, "Stripe's id of the credit note"),
    key("line_id", Word, "Stripe's id of the line"),
    may("invoice_line_id", Word, "the invoice line that it takes back, where it names one"),
    must("amount", Big, "minor units, before discounts"),
    must("discount", Big, "what discounts had taken off, minor units"),
    must("inclusive_tax", Big, "minor units of tax inside the amount"),
    must("learnt_at", Time, _LEARNT),
    comment="Lines of credit notes",
    info=COPIED,
)

billing_news = Table(
    "billing_news",
    metadata,
    number("marks are removed by it, so that one made meanwhile stays", Big),
    must("account", Whole, _ACCOUNT),
    must("day", Whole, "days since 1970-01-01 in UTC"),
    comment="Days with invoices or credit notes that the figures of what is billed don't know of yet",
    info=STAYS,
    sqlite_autoincrement=True,
)

customer_account = Table(
    "customer_account",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("stripe_account", Word, "acct_..., by which Stripe names a customer in newer objects"),
    may("customer_id", Word, f"{_CUSTOMER}, empty until anything says which one it is"),
    comment="Which customer an account stands for, so that one customer named in two ways is one",
    info=COPIED,
)

event = Table(
    "event",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("event_id", Word, "evt_..."),
    must("type", Word, "Stripe's type, such as customer.subscription.updated"),
    must("created", Big, "epoch seconds"),
    must("object_id", Word, "the object that it is about"),
    may("customer_id", Word, _CUSTOMER),
    may("subscription_id", Word, "the subscription that it concerns"),
    may("invoice_id", Word, "the invoice that it concerns"),
    must("learnt_at", Time, _LEARNT),
    Index(None, "account", "created"),
    comment="Events seen, so that a hole or a repetition can be told",
    info=COPIED,
)

payload = Table(
    "payload",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("kind", Word, "subscription or event"),
    key("object_id", Word, "Stripe's id of the object"),
    key("at", Big, "the moment of the listing or of the event, epoch seconds"),
    key("source_id", Word, "the event's id, empty for a listing"),
    must(
        "body",
        Bytes,
        "the JSON that Stripe sent, compressed: by zstd with the dictionary sent.dict, by zlib where an older release kept it",
    ),
    must("learnt_at", Time, _LEARNT),
    comment="What Stripe sent, kept because events are forgotten after thirty days",
    info=STAYS,
)

rate = Table(
    "rate",
    metadata,
    key("unit", Word, "one of this currency"),
    key("currency", Word, "bought so much of this one"),
    key("day", Day, "on this day"),
    must("rate", Word, "an exact decimal"),
    must("source", Word, "where it comes from: ecb, or the name of a file"),
    must("learnt_at", Time, _LEARNT),
    comment="Exchange rates; a day without one takes the last before it",
    info=COPIED,
)

member = Table(
    "member",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("customer_id", Word, _CUSTOMER),
    must("name", Word, "the customer's name in the ledger", index=True),
    must("bucket", Small, "the bucket of that name"),
    comment="Stripe customers that a metadata rule makes part of another customer",
    info=COPIED,
)

touched = Table(
    "touched",
    metadata,
    number("marks are removed by it, so that one made meanwhile stays", Big),
    must("account", Whole, _ACCOUNT),
    must("customer_id", Word, _CUSTOMER),
    comment="Customers with facts that nothing was derived from yet",
    info=STAYS,
    sqlite_autoincrement=True,  # as on PostgreSQL: a number is not given out again when its row is gone
)
Index("ix_touched_customer", touched.c.account, touched.c.customer_id)

unconfirmed = Table(
    "unconfirmed",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("customer_id", Word, _CUSTOMER),
    must("at", Big, "the latest beginning of a period among those lines, epoch seconds"),
    comment="Customers with invoice lines newer than the last listing: one that says what an older one said is news for them",
    info=COPIED,
)

recheck = Table(
    "recheck",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("kind", Word, "subscription, customer or invoice"),
    key("object_id", Word, "Stripe's id"),
    must("event_id", Word, "the event that the object contradicted when it was read after it"),
    must("tries", Small, "how often it was read since"),
    must("due_at", Time, "not to be read before, by the database's clock"),
    must("first_seen", Time, "when it was first noticed"),
    comment="Objects that were read older than an event says that they are, to be read again",
    info=STAYS,
)

quarantine = Table(
    "quarantine",
    metadata,
    number("order in which they were met"),
    must("account", Whole, _ACCOUNT),
    must("kind", Word, "what sort of object it is"),
    must("object_id", Word, "Stripe's id"),
    must("reason", Word, "a stable word"),
    must("detail", Word, "a sentence, without personal data"),
    must("first_seen", Time, "when it was first kept out"),
    must("last_seen", Time, "when it was last kept out"),
    UniqueConstraint("account", "kind", "object_id"),
    comment="Objects that could not be read, kept out alone",
    info=STAYS,
)

person = Table(
    "person",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("customer_id", Word, _CUSTOMER),
    may("name", Word, "as Stripe has it"),
    may("email", Word, "as Stripe has it"),
    must("observed_at", Big, "when it was so, epoch seconds"),
    comment="The only personal data; filled only where the settings say so",
    info=STAYS,
)

forgotten = Table(
    "forgotten",
    metadata,
    key("account", Whole, _ACCOUNT),
    key("customer_id", Word, _CUSTOMER),
    must("at", Time, "when it was asked for"),
    must("metadata", Flag, "whether no metadata may be stored either"),
    comment="Customers of whom no name and no payload may be stored again",
    info=COPIED,
)
