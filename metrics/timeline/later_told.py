"""What lines and cut lists don't show of an item, laid over the known states from the next state that tells it with its dates.

An item's own trial and an item's own discounts date themselves, so they may be known of the time before somebody told of them.
"""

from collections.abc import Sequence

from metrics.assigned import replace
from metrics.evidence import Discount, Instant, Source, Subscription, SubscriptionState
from metrics.timeline.lines.invoice_history import ABSENT, KnownState
from metrics.timeline.lines.points import Point
from metrics.timeline.states.told_elsewhere import trials_of, with_trials


def with_later_trials(known: list[KnownState], states: Sequence[SubscriptionState]) -> list[KnownState]:
    """The known states with the items' own trials that a later state is the next to tell: lines and cut lists show items without them."""
    if not any(i.trial_start is not None for state in states for i in state.subscription.items):
        return known
    told: dict[str, tuple[Instant, Instant]] = {}
    left = list(states)
    out: list[KnownState] = []
    for k in reversed(known):
        while left and left[-1].at >= k.at:
            told |= trials_of(left.pop().subscription)
        s = with_trials(k.subscription, told)
        out.append(k if s is k.subscription else replace(k, subscription=s))
    return out[::-1]


def with_later_discounts(known: list[KnownState], states: Sequence[SubscriptionState], points: Sequence[Point]) -> list[KnownState]:
    """The known states with the discounts of items that cut lists don't show, where the next state to tell of such an item dates them itself.

    A discount that a line in between lacks is as it was: it was not there for all of that time.
    """
    if all(state.subscription.items_complete for state in states):
        return known
    for number, state in enumerate(states):
        for item in state.subscription.items:
            if not (item.discounts and item.discounts_complete):
                continue
            last = number - 1
            while last >= 0 and _hides(states[last].subscription, item.id):
                last -= 1
            if last == number - 1:
                continue
            since = states[last].at if last >= 0 else ABSENT
            itself = last >= 0 and states[last].source == Source.EVENT_BEFORE  # what comes in its very second is news
            begun = [d for d in item.discounts if d.start > since or (itself and d.start == since)]
            begun = [d for d in begun if not _lacked(d, item.id, state.at, points)]
            if begun:
                known = [_with_discounts(k, item.id, begun) if since <= k.at < state.at else k for k in known]
    return known


def _hides(s: Subscription, item: str) -> bool:
    """Whether a state says nothing of an item's discounts: its list was cut before the item, or leaves them out."""
    shown = next((i for i in s.items if i.id == item), None)
    return not s.items_complete if shown is None else not shown.discounts_complete


def _lacked(discount: Discount, item: str, until: Instant, points: Sequence[Point]) -> bool:
    return any(
        p.item == item
        and p.kind == "cycle"
        and p.discounts_told
        and discount.start < p.said_at < until
        and all(d.id != discount.id for d in p.discounts)
        for p in points
    )


def _with_discounts(known: KnownState, item: str, begun: Sequence[Discount]) -> KnownState:
    items = tuple(
        replace(i, discounts=tuple({d.id: d for d in (*i.discounts, *begun)}.values())) if i.id == item else i
        for i in known.subscription.items
    )
    return replace(known, subscription=replace(known.subscription, items=items))
