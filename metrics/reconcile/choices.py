"""Every other answer to every question of policy, one at a time: what a difference is tried against.

A choice is tried for a customer only where it can matter: without a discount none of the answers about discounts moves anything. What is
asked of the evidence for that errs on the side of trying.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final, get_args, get_type_hints

from metrics.entries import CustomerLedger
from metrics.evidence import CustomerGroup, SubscriptionState
from metrics.ledger.basis import Basis
from metrics.ledger.policy_bridge import SAME_MRR, in_words
from metrics.policy import PRESETS, Policy
from metrics.reconcile.rules import Rule

PAST_DUE_DAYS: Final = (None, 0, 14, 7, 21, 30, 60)
GRACE_DAYS: Final = (0, 1, 3, 7)


@dataclass(frozen=True, slots=True)
class Switch:
    """One choice answered otherwise."""

    rule: Rule
    choice: str
    answer: Any

    def applied(self, basis: Basis) -> Basis:
        """The basis with this choice answered so."""
        if self.choice == "internal":
            return replace(basis, internal=())
        return replace(basis, policy=replace(basis.policy, **{self.choice: self.answer}))


def switches(basis: Basis) -> tuple[Switch, ...]:
    """All single choices that can change anybody's MRR, answered otherwise than `basis` does, in the order of the policy's fields."""
    return tuple(_switches(basis))


def _switches(basis: Basis) -> Iterator[Switch]:
    hints = get_type_hints(Policy)
    for field in fields(Policy):
        if field.name in SAME_MRR:
            continue
        ours = getattr(basis.policy, field.name)
        for answer in _answers(field.name, hints[field.name]):
            if answer != ours or type(answer) is not type(ours):
                yield Switch(Rule("policy", field.name, in_words(ours), in_words(answer)), field.name, answer)
    if basis.internal:
        yield Switch(Rule("policy", "internal", "left out", "counted"), "internal", ())


def _answers(name: str, hint: Any) -> tuple[Any, ...]:
    if name == "past_due_out_after_days":
        return PAST_DUE_DAYS
    if name == "grace_days":
        return GRACE_DAYS
    answers = (True, False) if hint is bool else get_args(hint)
    # Of answers that explain the same, one that some system is known to give is the likelier.
    given = {getattr(policy, name) for policy in PRESETS.values()}
    return tuple(sorted(answers, key=lambda answer: answer not in given))


def may_matter(choice: str, group: CustomerGroup, ledger: CustomerLedger) -> bool:
    """Whether another answer to `choice` could change this customer's MRR, whose ledger under some answer is `ledger`."""
    match choice:
        case "discounts":
            return _has_discounts(group)
        case "churn_at":
            return any(s.cancel_at or s.cancel_at_period_end or s.canceled_at or s.ended_at for s in _subscriptions(group))
        case "past_due_out_after_days":
            return any(s.status == "past_due" for s in _subscriptions(group))
        case "paused_counts":
            return any(s.pause or s.paused_at or s.plan or s.status == "paused" for s in _subscriptions(group)) or any(
                i.head.voided_at or i.head.uncollectible_at or i.head.status in ("void", "uncollectible") for i in _invoices(group)
            )
        case "grace_days" | "same_month_left_out" | "netting":
            return sum(len(m.subscriptions) for m in group.members) > 1 or any(
                may_matter(way_out, group, ledger) for way_out in ("churn_at", "paused_counts", "past_due_out_after_days")
            )
        case "weeks" | "days":
            interval = choice.removesuffix("s")
            return any(interval in (item.interval or "") for t in ledger.timelines for step in t.steps for item in step.items)
        case "metered":
            return any(s.usage_micros for s in ledger.standings) or any(e.reason == "metered" for e in ledger.exclusions)
        case "start_at_booking":
            return any(s.start != s.created for s in _subscriptions(group))
        case "internal":
            return any(e.reason == "internal" for e in ledger.exclusions)
    return True


def _subscriptions(group: CustomerGroup) -> Iterator[Any]:
    return (state.subscription for m in group.members for s in m.subscriptions for state in s.states)


def _invoices(group: CustomerGroup) -> Iterator[Any]:
    return (invoice for m in group.members for s in m.subscriptions for invoice in s.invoices)


def _has_discounts(group: CustomerGroup) -> bool:
    def carries(state: SubscriptionState) -> bool:
        s = state.subscription
        return bool(s.discounts) or not s.discounts_complete or any(i.discounts or not i.discounts_complete for i in s.items)

    return (
        any(c.customer.discount or c.customer.described for m in group.members for c in m.states)
        or any(carries(state) for m in group.members for s in m.subscriptions for state in s.states)
        or any(line.discounts or not line.discounts_told for invoice in _invoices(group) for line in invoice.lines)
    )
