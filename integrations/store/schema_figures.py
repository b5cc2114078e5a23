"""The tables of figures: rollups in append-only versions, day totals and month-end snapshots."""

from sqlalchemy import Index, Table, text

from integrations.store.columns import Big, Day, Flag, Small, Time, Whole, Word, key, may, metadata, must

_BASIS = "version of what it rests on (table basis)"
_BOOK = "a code in lower case, or all:CODE for the whole book expressed in it"
_FLOW = "micros, movements of the whole book in the window"
_COHORT = "micros, of the opening cohort by end points"

rollup = Table(
    "rollup",
    metadata,
    key("basis", Word, _BASIS),
    key("kind", Word, "month, quarter, year, trailing_3, trailing_12, month_to_date"),
    key("first", Day, "the window's first day"),
    key("until", Day, "the day after its last"),
    key("dimension", Word, "plan, country, metadata.KEY, two with a comma, ...; empty for the whole"),
    key("segment", Word, "the value at the opening; empty for the whole"),
    key("currency", Word, _BOOK),
    key("version", Whole, "rises by one whenever the figures change"),
    must("opening", Big, "micros, MRR of the cohort at the opening"),
    must("expansion", Big, _COHORT),
    must("contraction", Big, _COHORT),
    must("churn", Big, _COHORT),
    must("closing_of_cohort", Big, _COHORT),
    must("new", Big, _FLOW),
    must("reactivation", Big, _FLOW),
    must("closing", Big, "micros, MRR of the whole book at the closing"),
    must("fx", Big, "micros, what exchange rates did to the standing book"),
    must("opening_customers", Whole, "customers with MRR at the opening"),
    must("closing_customers", Whole, "customers with MRR at the closing"),
    must("retained_customers", Whole, "of the opening's customers, those with MRR at the closing"),
    must("new_logos", Whole, "customers that came for the first time"),
    must("lost_logos", Whole, "customers that left"),
    must("returned_logos", Whole, "customers that came back"),
    must("companions", Word, "JSON of further figures"),
    must("incomplete", Flag, "the window had not ended, or its data was not complete"),
    may("reason", Word, "why rates are null: opening_zero, gap; nothing_left for a segment that is no more"),
    must("digest", Word, "of all figures: unchanged ones make no new version"),
    must("current", Flag, "whether it is the newest version"),
    must("learnt_at", Time, "when these figures were found"),
    may("run_id", Whole, "the run that found them"),
    comment="Figures by window, segment and currency, in append-only versions",
)
Index(
    "uq_rollup_current",
    *(rollup.c[name] for name in ("basis", "kind", "first", "until", "dimension", "segment", "currency")),
    unique=True,
    postgresql_where=text('"current"'),
    sqlite_where=text('"current"'),
)

day_total = Table(
    "day_total",
    metadata,
    key("basis", Word, _BASIS),
    key("dimension", Word, "empty for the whole"),
    key("segment", Word, "empty for the whole"),
    key("currency", Word, _BOOK),
    key("day", Day, "at this reporting day's closing"),
    must("net_micros", Big, "MRR after discounts"),
    must("list_micros", Big, "MRR without discounts"),
    must("at_risk_micros", Big, "the part that is past due"),
    must("scheduled_micros", Big, "the part whose end has been asked for"),
    must("usage_micros", Big, "metered, beside MRR"),
    must("subscriptions", Whole, "subscriptions that count"),
    must("customers", Whole, "customers with MRR"),
    comment="MRR of every day, as a whole and by segment",
)

snapshot = Table(
    "snapshot",
    metadata,
    key("basis", Word, _BASIS),
    key("day", Day, "the month's last day"),
    key("bucket", Small, "hash of the customer's name, 0 to 1023"),
    key("customer", Word, "the customer's name in the ledger"),
    key("currency", Word, "Stripe's code in lower case"),
    must("account", Whole, "the account (table account)"),
    must("net_micros", Big, "MRR after discounts"),
    must("list_micros", Big, "MRR without discounts"),
    must("at_risk_micros", Big, "the part that is past due"),
    must("scheduled_micros", Big, "the part whose end has been asked for"),
    must("usage_micros", Big, "metered, beside MRR"),
    must("subscriptions", Whole, "subscriptions that count"),
    may("plan", Word, "price of the largest item"),
    may("product", Word, "product of the largest item"),
    may("interval", Word, "billing interval of the largest item"),
    comment="MRR per customer at the closing of each month",
)
