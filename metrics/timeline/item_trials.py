"""An item's own trial (a trial offer), by its own dates.

Newer answers alone tell them, and a listing may tell them when the trial is over. They bound when it is in force, so they can be laid over
whatever is known of the item before: an event of an older version that says nothing of a trial, or invoice lines.
"""

from collections.abc import Mapping, Sequence

from metrics.assigned import replace
from metrics.evidence import Instant, Item, Subscription, SubscriptionState

Trials = Mapping[str, tuple[Instant, Instant]]
"""From when until when each item is on a trial of its own."""


def trials_of(subscription: Subscription) -> Trials:
    """Those that the state tells with both dates."""
    return {i.id: (i.trial_start, i.trial_end) for i in subscription.items if i.trial_start is not None and i.trial_end is not None}


def with_trials(subscription: Subscription, trials: Trials) -> Subscription:
    """The state with the trials of those of its items that say nothing of one."""
    if all(i.trial_end is not None or i.id not in trials for i in subscription.items):
        return subscription
    return replace(subscription, items=tuple(_on_trial(i, trials) for i in subscription.items))


def with_told_trials(states: Sequence[SubscriptionState]) -> Sequence[SubscriptionState]:
    """The states, in order, each with the trials that a later one is the next to tell of its items."""
    if not any(i.trial_start is not None for state in states for i in state.subscription.items):
        return states
    told: dict[str, tuple[Instant, Instant]] = {}
    out: list[SubscriptionState] = []
    for state in reversed(states):
        s = with_trials(state.subscription, told)
        told |= trials_of(s)
        out.append(state if s is state.subscription else replace(state, subscription=s))
    return out[::-1]


def _on_trial(item: Item, trials: Trials) -> Item:
    if item.trial_end is not None or item.id not in trials:
        return item
    start, end = trials[item.id]
    return replace(item, trial_start=start, trial_end=end)
