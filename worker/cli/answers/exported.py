"""The columns of the files that `nrr export` writes."""

from collections.abc import Mapping
from typing import Final

from metrics.columns import COLUMNS
from metrics.retention.figures import AMOUNTS
from worker.cli.answers.figures import BESIDE_MOVEMENT, BOUNDS, RATES_OF_FIGURES
from worker.cli.answers.keys import ACCOUNT, Key, Record, known, like, old, own, record

_IN_MICROS: Final = ("opening", "expansion", "contraction", "churn", "closing_of_cohort", "new", "reactivation", "closing", "fx")

MOVEMENTS: Final = record(
    "movements",
    "What each customer's MRR did on each day",
    known("customer"),
    old("date", "day"),
    known("day currency kind cause"),
    old("before_micros", "mrr_before_micros"),
    old("after_micros", "mrr_after_micros"),
    old("delta_micros", "change_micros"),
    old("list_before_micros", "list_mrr_before_micros"),
    old("list_after_micros", "list_mrr_after_micros"),
    known("inferred evidence mrr_before_micros mrr_after_micros change_micros list_mrr_before_micros list_mrr_after_micros"),
    known("mrr_before mrr_after change list_mrr_before list_mrr_after"),
    BESIDE_MOVEMENT,
)
SNAPSHOTS: Final = record(
    "snapshots",
    "MRR of each customer at the closing of each month",
    like("day", "the month's last day"),
    known("customer currency"),
    ACCOUNT[0],
    old("net_micros", "mrr_micros"),
    old("list_micros", "list_mrr_micros"),
    known("at_risk_micros"),
    old("scheduled_micros", "scheduled_churn_micros"),
    old("usage_micros", "usage_mrr_micros"),
    known("subscriptions plan? product? interval? mrr_micros list_mrr_micros scheduled_churn_micros usage_mrr_micros"),
    known("mrr list_mrr scheduled_churn usage_mrr at_risk plan_name? product_name?"),
    ACCOUNT[1],
)
ROLLUPS: Final = record(
    "rollups",
    "Every stored figure: a row for each window, currency and segment",
    known("policy"),
    old("kind", "window_kind"),
    old("first", "first_day"),
    Key(COLUMNS["last_day"].renamed("until", "the day after last_day"), instead="last_day"),
    known("dimension segment currency"),
    [Key(COLUMNS[name]) for name in _IN_MICROS],
    known("opening_customers closing_customers retained_customers new_logos lost_logos returned_logos"),
    own("companions", "text", "further sums, as JSON"),
    known("incomplete reason? version"),
    RATES_OF_FIGURES,
    BOUNDS,
    known("effective_customers? level first_day last_day window_kind whole_book"),
    [Key(COLUMNS[f"{name}_micros"]) for name in _IN_MICROS],
    [Key(COLUMNS[f"{name}{unit}"], null=True) for unit in ("_micros", "") for name in AMOUNTS],
    known("segment_name"),
)
BILLINGS: Final = record(
    "billings",
    "What was billed, by month, customer, class, mark and product",
    known("month"),
    ACCOUNT[0],
    like("customer", "Stripe's id of the customer"),
    known("currency class mark"),
    like("product", "the product of lines, where it is known"),
    known("lines"),
    old("micros", "amount_micros"),
    known("discount_micros amount_micros amount discount product_name"),
    ACCOUNT[1],
)
EXPORTS: Final[Mapping[str, Record]] = {each.name: each for each in (MOVEMENTS, SNAPSHOTS, ROLLUPS, BILLINGS)}
