"""Listings that are older than they look: a replica that lagged told what was before an event that is known already.

An event is the stronger evidence. A listing within an hour after one that says of everything that the event changed what was before it
is taken for the answer of such a replica and is left out, so that it doesn't take the change back. A later listing that still says so
stands: by then every replica has caught up, and the change was undone without an event. Everything else that a listing says stays.

Events come in the shape of an older version than listings do, which leaves things out: fractions of a unit, an item's own trial, what
discounts an item has. What one of two states leaves out can't tell them apart.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from metrics.assigned import replace
from metrics.evidence import Customer, CustomerState, Instant, Source, SubscriptionState

WINDOW_SECONDS: Final = 3_600
"""No replica lags longer."""

_CUT: Final = "items are cut"

Aspects = Mapping[object, object]
"""What a state says, aspect by aspect."""


class _Untold:
    """Stands in an aspect for what the state leaves out: it is as good as anything that another one says of it."""

    def __repr__(self) -> str:
        return "(not said)"


_UNTOLD: Final = _Untold()


def aspects_of(state: SubscriptionState) -> Aspects:
    """What a state says that an event could have changed, each item by itself."""
    s = state.subscription
    items: dict[object, object] = {
        ("item", i.id): (
            i.price,
            i.quantity,
            i.quantity_decimal if i.decimal_told or i.quantity_decimal is not None else _UNTOLD,
            frozenset(d.id for d in i.discounts) if i.discounts_complete else _UNTOLD,
            # An older event says nothing of trials of items; a listing that shows none has none.
            _UNTOLD if i.trial_end is None and state.source != Source.SNAPSHOT else i.trial_end,
        )
        for i in s.items
    }
    return items | {
        "status": s.status,
        "discounts": frozenset(d.id for d in s.discounts) if s.discounts_complete else _UNTOLD,
        "pause": s.pause,
        "cancel_at": s.cancel_at,
        "cancel_at_period_end": s.cancel_at_period_end,
        "trial_end": s.trial_end,
        "ended_at": s.ended_at,
        _CUT: not s.items_complete,
    }


def customer_aspects(c: Customer) -> Aspects:
    """The same of a customer; an event about its discount says nothing else."""
    discount: object = (c.discount.id if c.discount else None) if c.discount_told else _UNTOLD
    if c.created is None and not c.deleted:
        return {"discount": discount, "deleted": _UNTOLD, "metadata": _UNTOLD}
    return {"discount": discount, "deleted": c.deleted, "metadata": c.metadata if c.metadata_told else _UNTOLD}


def changed_between(before: Aspects, after: Aspects) -> frozenset[object]:
    """The aspects in which two states differ, as far as both say something of them; an item also where only one of them says all."""
    names = {*before, *after} - {_CUT}
    if before.get(_CUT) or after.get(_CUT):
        names = {name for name in names if not isinstance(name, tuple) or (name in before and name in after)}
    differ = {name for name in names if before.get(name) != after.get(name)}
    return frozenset(name for name in differ if isinstance(name, tuple) or not agree(before.get(name), after.get(name)))


def agree(one: object, other: object) -> bool:
    """Whether two states may mean the same by what each says in an aspect: they differ in nothing that both say."""
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return all(agree(a, b) for a, b in zip(one, other, strict=True))
    return one is _UNTOLD or other is _UNTOLD or one == other


def is_behind(said: Aspects, chain: Sequence[Aspects]) -> bool:
    """Whether a state says what one of `chain` (states in order, the last one in force) said before it was changed."""
    now = chain[-1]
    for before in chain[:-1]:
        changed = changed_between(before, now)
        if all(agree(said.get(name), before.get(name)) for name in changed) and any(
            not agree(said.get(name), now.get(name)) for name in changed
        ):
            return True
    return False


def without_lagging(ordered: Sequence[SubscriptionState]) -> tuple[list[SubscriptionState], list[SubscriptionState]]:
    """States in order without the listings that lagged, and those."""
    events = [s.at for s in ordered if s.source == Source.EVENT]
    if not events or all(s.source != Source.SNAPSHOT for s in ordered):
        return list(ordered), []
    kept: list[SubscriptionState] = []
    lagged: list[SubscriptionState] = []
    for state in ordered:
        moments = (state.at, *state.seen) if state.source == Source.SNAPSHOT else ()
        behind = [at for at in moments if _young(events, at) and is_behind(aspects_of(state), _chain(kept, at))]
        stands = [at for at in moments if at not in behind]
        if not behind:
            kept.append(state)
        elif stands:
            kept.append(replace(state, at=stands[0], seen=tuple(stands[1:])))
        else:
            lagged.append(state)
    return kept, lagged


def _young(events: Sequence[Instant], at: Instant) -> bool:
    """Whether an event is known of the time shortly before a moment."""
    place = bisect_right(events, at)
    return place > 0 and at - events[place - 1] < WINDOW_SECONDS


def _chain(kept: Sequence[SubscriptionState], at: Instant) -> list[Aspects]:
    """What events of the time shortly before a moment told, in order, after what was known before them."""
    recent = [s.source != Source.SNAPSHOT and s.at > at - WINDOW_SECONDS for s in kept]
    first = recent.index(True)
    told = [s for s, is_recent in zip(kept[first:], recent[first:], strict=True) if is_recent]
    while told[-1].source == Source.EVENT_BEFORE:  # without its event it says nothing of what is in force
        told.pop()
    return [aspects_of(s) for s in (*kept[max(0, first - 1) : first], *told)]


def customers_without_lagging(states: Sequence[CustomerState]) -> tuple[CustomerState, ...]:
    """States of a customer in order, without the listings that lagged; what only describes discounts of others stays as it is."""
    ordered = sorted(states, key=lambda s: (s.at, s.source, s.source_id))
    kept: list[CustomerState] = []
    for state in ordered:
        told = [s for s in kept if s.source != Source.SNAPSHOT and not s.customer.described and s.at > state.at - WINDOW_SECONDS]
        if state.source != Source.SNAPSHOT or not told:
            kept.append(state)
            continue
        before = [s for s in kept if not s.customer.described and s.at <= state.at - WINDOW_SECONDS][-1:]
        chain = [customer_aspects(s.customer) for s in (*before, *told)]
        if not is_behind(customer_aspects(state.customer), chain):
            kept.append(state)
    return tuple(kept)
