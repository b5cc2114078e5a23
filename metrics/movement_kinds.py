"""What a movement can be, and why MRR can change: the words alone, for whoever needs no more."""

from typing import Final, Literal, get_args

MovementKind = Literal["new", "reactivation", "expansion", "contraction", "churn"]
"""What a movement is to a customer's MRR."""
KINDS: Final[tuple[MovementKind, ...]] = get_args(MovementKind)
Cause = Literal[
    "start",
    "trial_converted",
    "plan",
    "quantity",
    "price",
    "addon",
    "removed_product",
    "discount_start",
    "discount_end",
    "discount_change",
    "paused",
    "resumed",
    "currency_switch",
    "canceled_voluntary",
    "canceled_involuntary",
    "canceled_by_policy",
    "trial",
    "status_unknown",
    "unpaid",
    "past_due",
    "recovered",
    "return",
    "migration",
    "tax",
    "usage",
    "at_risk",
    "paid",
    "end_scheduled",
    "end_withdrawn",
]
"""Why MRR changed."""
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
