"""The tables of figures: rollups in append-only versions, day totals and month-end snapshots."""

from sqlalchemy import Index, Table, UniqueConstraint

from integrations.store.db.columns import Big, Bytes, Day, Flag, Small, Time, Whole, Word, key, may, metadata, must, number
from metrics.dimensions import CARRIED

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
    may(
        "products", Word, "JSON: sums over the cohort of opening², opening × end and end², squares of micros; null in older figures"
    ),
    comment="Figures by window, segment and currency, in append-only versions",
)
Index(
    "uq_rollup_current",
    *(rollup.c[name] for name in ("basis", "kind", "first", "until", "dimension", "segment", "currency")),
    unique=True,
    info={
        "where": '"current"'
    },  # as the migration has it; said as an option of a dialect, every start would load all of PostgreSQL's drivers
)

segment_name = Table(
    "segment_name",
    metadata,
    key("dimension", Word, "plan, product or account"),
    key("segment", Word, "what figures carry: Stripe's id, or the account's number"),
    must("name", Word, "what people call it"),
    comment="Words for segments that are ids, as they were when figures were last made",
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
    *(may(name, Word, words) for name, words in CARRIED.items()),
    comment="MRR per customer at the closing of each month",
)

rollup_part = Table(
    "rollup_part",
    metadata,
    key("basis", Word, _BASIS),
    key("run_id", Whole, "the run that adds them up; 0 for the sum that the current figures were made of"),
    key("part", Whole, "which shard of the customers; -1 says only that the run is adding up"),
    key("name", Word, "which of the sums"),
    must("body", Bytes, "the sums as an Arrow stream"),
    comment="What shards of the customers add up to, on the way to figures",
)

former = Table(
    "former",
    metadata,
    key("basis", Word, _BASIS),
    key("bucket", Small, "hash of the customer's name, 0 to 1023"),
    key("customer", Word, "the customer's name in the ledger"),
    must("times", Whole, "how often it was derived again meanwhile"),
    must("batch", Whole, "where its rows are (table former_rows)", index=True),
    comment="Customers that were derived again since the current figures were made",
)

former_rows = Table(
    "former_rows",
    metadata,
    number("by which table former points here"),
    must("basis", Word, _BASIS),
    must("body", Bytes, "the ledger that these customers had when the current figures were made, as Arrow streams"),
    comment="What customers' ledgers were when the current figures were made",
)

restatement = Table(
    "restatement",
    metadata,
    key("basis", Word, _BASIS),
    key("run_id", Whole, "the run that found it"),
    key("month", Day, "first day of a month that was closed already"),
    key("customer", Word, "the customer's name in the ledger"),
    key("currency", Word, "Stripe's code in lower case"),
    must("opening_before", Big, "micros, MRR at the month's opening as it was held to be"),
    must("opening_after", Big, "micros, the same as it is now known"),
    must("closing_before", Big, "micros, MRR at the month's closing as it was held to be"),
    must("closing_after", Big, "micros, the same as it is now known"),
    must("flows_before", Word, "JSON: micros by kind of movement within the month, as they were held to be"),
    must("flows_after", Word, "JSON: the same as they are now known"),
    must("learnt_at", Time, "when it was found"),
    comment="Customers behind a change of closed months, one row for each month that later news changed",
)

adjustment = Table(
    "adjustment",
    metadata,
    key("basis", Word, _BASIS),
    key("kind", Word, "month, quarter, year, trailing_3, trailing_12"),
    key("first", Day, "the frozen window's first day"),
    key("until", Day, "the day after its last"),
    key("dimension", Word, "as in table rollup"),
    key("segment", Word, "as in table rollup"),
    key("currency", Word, _BOOK),
    key("seq", Whole, "rises by one with each adjustment of these figures"),
    must("opening", Big, "micros by which the opening differs from the frozen one"),
    must("closing", Big, "micros by which the closing differs from the frozen one"),
    must("figures", Word, "JSON of all figures as they are now known"),
    must("digest", Word, "of these figures"),
    must("booked", Day, "first day of the month in which it was learnt and is booked"),
    must("learnt_at", Time, "when it was found"),
    may("run_id", Whole, "the run that found it"),
    comment="Where months are frozen: what later news would have changed in them, booked in the month of the news",
)

signal = Table(
    "signal",
    metadata,
    key("basis", Word, _BASIS),
    key("day", Day, "as of this reporting day"),
    key(
        "name",
        Word,
        "discounts_ending, trials_ending, scheduled_churn, renewals, scheduled_expansion, scheduled_contraction, planned_pauses",
    ),
    key("within_days", Whole, "within so many days"),
    key("currency", Word, "Stripe's code in lower case"),
    must("micros", Big, "how much MRR it is about"),
    must("customers", Whole, "how many customers it is about"),
    comment="What is coming by dates that are known already",
)

report_made = Table(
    "report_made",
    metadata,
    number("by which people speak of it"),
    must("basis", Word, _BASIS),
    must("policy", Word, "the name of its policy"),
    must("what", Word, "page, workbook"),
    must("kind", Word, "month, quarter: what it is of"),
    must("first", Day, "the period's first day"),
    must("until", Day, "the day after its last"),
    must("currency", Word, "usd, or all:usd for the whole book"),
    must("path", Word, "where the file was put"),
    must("bytes", Big, "how large it was"),
    must("digest", Word, "SHA-256 of the file"),
    must("known_at", Time, "the figures are those that were known then"),
    must("options", Word, "JSON: how it was made"),
    must("made_at", Time, "when it was made"),
    may("run_id", Whole, "the run that made it"),
    may("body", Bytes, "a workbook's content without names, from which it is made again"),
    UniqueConstraint("basis", "what", "kind", "first", "currency"),
    comment="Reports that were made by themselves, one row for each period and file",
    sqlite_autoincrement=True,
)

billing = Table(
    "billing",
    metadata,
    key("month", Day, "first day of the month, in the reporting time zone"),
    key("account", Whole, "the account (table account) that it belongs to"),
    key("currency", Word, "Stripe's code in lower case"),
    key("class", Word, "subscription, proration, usage, one_off, outside, untold, shipping, discount, credits, tax, ..."),
    key("mark", Word, "of lines beside subscriptions: manual, metronome, contract, quote, pricing_plan, one_off; else empty"),
    key("product", Word, "the product of lines, where it is known; else empty"),
    must("lines", Whole, "how many lines, or invoices where it is of no line"),
    must("micros", Big, "what they come to; negative for what lowers a total"),
    must("discount_micros", Big, "what discounts took off these very lines"),
    comment="What was billed: the classes of each month and currency add up to the totals of Stripe's invoices less its credit notes",
)
