"""The choices of a policy in words: what is asked, and what an answer says. For reading only; settings and JSON have the choices' own names."""

from collections.abc import Mapping
from typing import Final

CHOICES: Final[Mapping[str, str]] = {
    "discounts": "discounts that lower MRR",
    "churn_at": "churn is booked",
    "past_due_out_after_days": "past due subscriptions leave MRR",
    "paused_counts": "paused subscriptions count",
    "netting": "changes of one day are one movement",
    "grace_days": "days within which a churn can be undone",
    "same_month_left_out": "who comes and goes within a month is left out",
    "weeks": "a week is so much of a month",
    "days": "a day is so much of a month",
    "metered": "usage is part of MRR",
    "reactivation": "a reactivation is",
    "reactivation_days": "days after which a return is new",
    "reactivation_in_net_flow": "returns count in the net flow rate",
    "start_at_booking": "a backdated subscription counts from its booking",
    "tax_inclusive_gross": "tax in the price is part of MRR",
    "grr_by": "GRR is taken by",
    "timezone": "days are cut in the time zone",
    "internal": "customers of the company's own",
    "migration_key": "the metadata key of migrations",
}
_ANSWERS: Final[Mapping[tuple[str, str], str]] = {
    ("discounts", "none"): "none",
    ("discounts", "forever"): "those for ever",
    ("discounts", "forever_repeating"): "those for ever or for months",
    ("discounts", "all"): "all, once too",
    ("churn_at", "end"): "when the subscription ends",
    ("churn_at", "request"): "when it is asked for",
    ("churn_at", "paid_period_end"): "when the last paid period ends",
    ("past_due_out_after_days", "never"): "never",
    ("past_due_out_after_days", "0"): "at once",
}


def choice_words(choice: str) -> str:
    """What a choice asks; its own name where nobody put it into words."""
    return CHOICES.get(choice, choice.replace("_", " "))


def switch_words(choice: str, ours: str, theirs: str) -> str:
    """What a choice asks, with two answers to it as settings spell them.

    >>> switch_words("past_due_out_after_days", "never", "14")
    'past due subscriptions leave MRR: never → after 14 days'
    """
    return f"{choice_words(choice)}: {answer_words(choice, ours)} → {answer_words(choice, theirs)}"


def answer_words(choice: str, answer: str) -> str:
    """An answer to a choice, from the text that settings spell it with."""
    if (choice, answer) in _ANSWERS:
        return _ANSWERS[choice, answer]
    if choice == "past_due_out_after_days":
        return f"after {answer} days"
    return {"true": "yes", "false": "no"}.get(answer, answer.replace("_", " "))
