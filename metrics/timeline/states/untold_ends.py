"""When a subscription ended whose answer says that it is over and not since when.

Stripe lets `ended_at` be null. What tells the end then, in this order: another answer that says it; the event that is the first to say that it is over, for that is the
one about its end (what a later change of an ended one says was before it is over already); the moment that it was scheduled for
(`cancel_at`); the moment at which somebody canceled it. A moment counts only where it lies after the last one at which the subscription was
alive, and not after the one at which it was seen to be over. Where none does, it was over when it was first seen to be. Only the first two are
certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from metrics.assigned import replace
from metrics.evidence import Finding, Instant, Source, Subscription, SubscriptionEvidence, SubscriptionState

OVER: Final = ("canceled", "incomplete_expired")


@dataclass(frozen=True, slots=True)
class UntoldEnd:
    """An end that had to be found: `at` is when, `seen` the moment at which it was first seen to be over; `at` is None where only that is known."""

    at: Instant | None
    seen: Instant


def with_untold_ends(states: Sequence[SubscriptionState]) -> tuple[list[SubscriptionState], UntoldEnd | None]:
    """The states, in order, each that is over with its end; and the end, where nothing told it for certain."""
    if all(state.subscription.ended_at is not None for state in states if state.subscription.status in OVER):
        return list(states), None
    told = [s.subscription.ended_at for s in states if s.subscription.status in OVER and s.subscription.ended_at is not None]
    first = next(n for n, state in enumerate(states) if state.subscription.status in OVER)
    if told:
        return _ended(states, told[-1]), None
    if states[first].source == Source.EVENT:
        return _ended(states, states[first].at), None
    seen = states[first].at
    alive = states[first - 1].at if first else states[first].subscription.created
    of_over = [state.subscription for state in states if state.subscription.status in OVER]
    at = next((m for m in (*_scheduled(of_over), *_canceled(of_over)) if alive < m <= seen), None)
    doubt = None if states[first].subscription.status == "incomplete_expired" else UntoldEnd(at, seen)
    return (list(states) if at is None else _ended(states, at)), doubt


def untold_end_findings(evidence: SubscriptionEvidence, end: UntoldEnd | None, customer: str) -> list[Finding]:
    """One, where the end is not certain."""
    if end is None:
        return []
    name = evidence.subscription
    dated = (
        "it is taken to have ended when it was seen to be over"
        if end.at is None
        else "its end is dated by when it was to be canceled"
    )
    detail = (
        f"Stripe says that {name} is canceled and not since when: {dated}, so that the churn may be booked too early or too late"
    )
    return [Finding(evidence.account, name, "end_untold", detail, customer, end.at if end.at is not None else end.seen)]


def _scheduled(over: Sequence[Subscription]) -> list[Instant]:
    return [s.cancel_at for s in over if s.cancel_at is not None]


def _canceled(over: Sequence[Subscription]) -> list[Instant]:
    return [s.canceled_at for s in over if s.canceled_at is not None]


def _ended(states: Sequence[SubscriptionState], at: Instant) -> list[SubscriptionState]:
    """Those that are over and say no end, with this one."""
    return [
        replace(state, subscription=replace(state.subscription, ended_at=at))
        if state.subscription.status in OVER and state.subscription.ended_at is None and at <= state.at
        else state
        for state in states
    ]
