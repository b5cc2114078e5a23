"""The documents of billings, comparisons, files and reports."""

from typing import Final

from metrics.columns import Column
from worker.cli.answers.figures import FIGURES
from worker.cli.answers.keys import DAYS, WINDOW, Key, known, like, many, named, old, one, own, own_money, record

_CLASS: Final = record("BilledClass", "Lines of one class", known("amount$ lines"))
_APART: Final = record("BilledApart", "Invoices that are in no sum", known("amount$"), own("invoices", "count", "how many"))
_MARK: Final = record(
    "BilledMark", "Charges beside subscriptions", known("mark lines"), like("amount$", "after the discounts on them")
)
_BILLED: Final = record(
    "Billed",
    "What was billed in one currency",
    known("currency"),
    DAYS,
    named("classes", _CLASS, "by class of charge"),
    own_money("total", "what Stripe says that invoices less credit notes come to"),
    named("apart", _APART, "drafts, voided and uncollectible"),
    known("outside_share?"),
    own("seen_share", "rate", "share that subscriptions explain", null=True),
    own_money("outside", "what lies outside subscriptions"),
    own_money("invoiced", "all lines before tax"),
    many("beside_subscriptions", _MARK, "what wrote the lines outside"),
)
_SUMS: Final = [
    *known("currency"),
    *own_money("of_subscriptions", "lines of subscriptions"),
    old("subscriptions", "of_subscriptions", "money"),
    old("subscriptions_micros", "of_subscriptions_micros", "micros"),
    *own_money("one_off", "one-off lines"),
    *own_money("outside", "lines outside subscriptions"),
    *own_money("billed", "all of them"),
    *known("lines outside_share?"),
]
_CUSTOMER: Final = record("BilledCustomer", "A customer in one currency", known("customer"), _SUMS)
_PRODUCT: Final = record(
    "BilledProduct",
    "A product in one currency",
    like("product", "the product; empty for none"),
    known("product_name?"),
    own("name", "text", "older name of product_name", null=True),
    _SUMS,
)
SHOW_BILLINGS: Final = record(
    "ShowBillings",
    "What was billed, by month and as a whole",
    DAYS,
    like("by", "class, customer or product"),
    known("incomplete"),
    many("months", _BILLED, "each month and currency"),
    many("currencies", _BILLED, "each currency as a whole"),
    own("untotalled_invoices", "count", "invoices that an older release read, whose totals aren't known"),
    own("customers_with_several_currencies", "texts", "customers that were billed in more than one currency"),
    many("largest_outside", _CUSTOMER, "customers with most outside subscriptions", optional=True),
    many("customers", _CUSTOMER, "by customer", optional=True),
    many("products", _PRODUCT, "by product", optional=True),
    own("more", "count", "how many more there are than --limit"),
)

_CHOICE: Final = record(
    "Choice",
    "A choice of the policies that differs",
    own("choice", "text", "the setting of [policy]"),
    Key(Column("ours", "text", "what the first one says")),
    Key(Column("theirs", "text", "what the other says")),
)
_TOTAL: Final = record(
    "CompareTotal", "A currency under both", known("currency ours$ theirs$ difference$"), like("customers", "how many differ")
)
_SHARE: Final = record(
    "CompareShare",
    "What a choice makes of it",
    own("choice", "text", "the setting of [policy]"),
    known("currency difference$"),
    like("customers", "how many differ by it"),
)
_BY_CHOICE: Final = record(
    "CustomerShare", "What a choice makes of a customer", own("choice", "text", "the setting of [policy]"), known("difference$")
)
_DIFFERS: Final = record(
    "CompareCustomer",
    "A customer that differs",
    known("customer currency ours$ theirs$ difference$"),
    many("rules", _BY_CHOICE, "adding up to the difference"),
)
_BOTH: Final = record(
    "CompareRetention",
    "Retention under both",
    WINDOW,
    one("ours", FIGURES, "under the first"),
    one("theirs", FIGURES, "under the other"),
)
COMPARE: Final = record(
    "Compare",
    "Two policies beside one another",
    known("day"),
    old("at", "day"),
    own("policies", "texts", "the first and the other"),
    many("rules", _CHOICE, "choices that differ"),
    many("totals", _TOTAL, "each currency"),
    many("shares", _SHARE, "each choice"),
    many("customers", _DIFFERS, "largest difference first"),
    many(
        "retention", _BOTH, "the last complete month and 12 months; none where there are several currencies and none to report in"
    ),
)

_RULE: Final = [
    *like("rule", "what explains it"),
    own("kind", "text", "choice, timing, rate, rounding, missing … or unexplained"),
    own("words", "text", "the same in a sentence"),
]
_NEAR: Final = record(
    "Nearness", "How near a policy is", known("policy"), own("differing", "count", "months of customers that differ")
)
_DAY_TOTAL: Final = record("ReconciledTotal", "A day and currency on both sides", known("day currency ours$ theirs$ difference$"))
_RULE_SUM: Final = record(
    "ReconciledRule",
    "What a rule explains",
    _RULE,
    known("currency difference$"),
    own_money("absolute", "the same without signs"),
    known("differences"),
    like("customers", "how many customers"),
)
_RULE_SHARE: Final = record("RuleShare", "What a rule explains of one difference", _RULE, known("difference$"))
_NAMED: Final = record(
    "ReconciledDifference",
    "A customer's day that differs",
    known("customer"),
    own("their_key", "text", "what the file calls the customer", null=True),
    known("day currency ours$ theirs$ difference$"),
    many("shares", _RULE_SHARE, "adding up to the difference"),
)
RECONCILE: Final = record(
    "Reconcile",
    "Another tool's MRR beside ours",
    own("file", "text", "the file"),
    own("read_as", "texts", "how it was read"),
    own("notes", "texts", "what to know about it"),
    known("policy"),
    many("nearness", _NEAR, "policies, the nearest first"),
    DAYS,
    own("compared", "count", "months of customers compared"),
    known("customers"),
    own("explained_share", "rate", "of all that differs"),
    own("unexplained_share", "rate", "of MRR"),
    many("totals", _DAY_TOTAL, "each day and currency"),
    many("rules", _RULE_SUM, "each rule"),
    many("differences", _NAMED, "each customer's day"),
)

EXPORT: Final = record(
    "Export",
    "A file that was written",
    like("what", "movements, snapshots, rollups, billings or workbook"),
    own("format", "text", "csv, jsonl or parquet", optional=True),
    own("file", "text", "the file, or the folder of parts"),
    own("parts", "count", "by bucket: how many parts the folder has", optional=True),
    own("rows", "count", "how many rows", optional=True),
    own("bytes", "count", "its size", optional=True),
    like("currency", "of the workbook", optional=True),
    like("whole_book", "true: the workbook is of the whole book", optional=True),
    [Key(key.column, optional=True, instead=key.instead) for key in DAYS],
    like("customers", "customers in the workbook", optional=True),
    like("movements", "movements in the workbook", optional=True),
    like("incomplete", "the workbook's last month isn't over", optional=True),
)
REPORT: Final = record(
    "Report",
    "A page that was written",
    own("period", "text", "the period, as it is typed"),
    own("out", "text", "the file"),
    own("bytes", "count", "its size"),
    known("policy"),
)
_MADE: Final = [
    own("number", "count", "the report's number"),
    *like("what", "page or workbook"),
    *WINDOW,
    own("currency", "text", "the currency, `all:` before that of the whole book"),
    *known("policy basis"),
    own("file", "text", "the file"),
    own("bytes", "count", "its size"),
    own("sha256", "text", "its digest"),
    own("known_at", "instant", "as what was known at"),
    *known("made_at run"),
    Key(Column("options", "object", "what it was made with")),
]
_MADE_ROW: Final = record("MadeReport", "A report that was made", _MADE)
_FAILED: Final = record(
    "FailedReport",
    "A report that could not be made",
    like("what", "page or workbook"),
    WINDOW,
    own("why", "text", "why not"),
    Key(Column("since", "instant", "since when", "UTC")),
    own("tried_at", "instant", "when it was tried last"),
)
REPORTS_SHOW: Final = record(
    "ReportsShow",
    "Reports made on schedule",
    many("reports", _MADE_ROW, "newest first"),
    many("failed", _FAILED, "those that could not be made"),
)
REPORTS_AGAIN: Final = record(
    "ReportsAgain", "A report made again", _MADE, own("out", "text", "the new file"), own("same", "flag", "the same to the byte")
)

_CHANGED: Final = record(
    "KnownDifferently",
    "A figure that was known differently",
    WINDOW,
    known("dimension? segment? currency whole_book"),
    one("before", FIGURES, "as it was known; null where it is new", null=True),
    one("after", FIGURES, "as it is known since; null where it is gone", null=True),
    named("differences_micros", "micros", "what changed, by name"),
    known("learnt_at?"),
    like("run", "the run that found it", null=True),
)
_BEHIND: Final = record(
    "Behind",
    "A customer behind it",
    known("month customer currency opening_before$ opening_after$ closing_before$ closing_after$"),
    named("flows_before", "micros", "its movements of the month as they were held to be, by kind"),
    named("flows_after", "micros", "as they are now known"),
    known("run learnt_at"),
)
RUNS_DIFF: Final = record(
    "RunsDiff",
    "What two runs knew differently",
    Key(Column("since", "instant", "when the earlier one ended", "UTC")),
    own("until", "instant", "when the later one ended"),
    many("changed", _CHANGED, "figures"),
    many("behind", _BEHIND, "customers behind changes of closed months"),
)
