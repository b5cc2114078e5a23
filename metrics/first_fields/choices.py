"""The first choices of a policy, and the first fields of what a ledger rests on beside it."""

from typing import Final

POLICY: Final = (
    "discounts",
    "churn_at",
    "past_due_out_after_days",
    "paused_counts",
    "netting",
    "grace_days",
    "same_month_left_out",
    "weeks",
    "days",
    "metered",
    "reactivation",
    "reactivation_days",
    "reactivation_in_net_flow",
    "start_at_booking",
    "tax_inclusive_gross",
    "grr_by",
)
"""The first choices of a policy. Its name is no choice."""

INTERNAL_RULE: Final = ("key", "values")
BASIS: Final = ("policy", "timezone", "merge_key", "internal", "migration_key")
