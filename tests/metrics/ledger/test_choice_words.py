"""Each choice of a policy has words, and no answer is shown as code."""

from dataclasses import fields

from metrics.ledger.choice_words import CHOICES, answer_words, choice_words, switch_words
from metrics.ledger.policy_bridge import AROUND, in_words
from metrics.policy import PRESETS, Policy


def test_every_choice_is_in_words() -> None:
    """None is missing, none is of a choice that there isn't."""
    assert {*(field.name for field in fields(Policy)), *AROUND} - {"name"} == set(CHOICES)
    assert "discounts that lower MRR" == choice_words("discounts")


def test_answers_of_the_presets_are_words() -> None:
    """As a person would say them: `yes`, `after 14 days`, `when it is asked for`."""
    for preset in PRESETS.values():
        for field in fields(Policy):
            if field.name != "name":
                said = answer_words(field.name, in_words(getattr(preset, field.name)))
                assert "_" not in said, (field.name, said)
                assert said not in ("true", "false"), field.name
    assert "after 14 days" == answer_words("past_due_out_after_days", "14")
    assert "when it is asked for" == answer_words("churn_at", "request")


def test_two_answers_stand_beside_what_they_answer() -> None:
    """As a comparison and a reconciliation say it."""
    assert "past due subscriptions leave MRR: never → after 14 days" == switch_words("past_due_out_after_days", "never", "14")
