"""States in the order in which they were true.

Stripe dates events by whole seconds and promises no order within one, so events of the same second are chained: each one's state
before must be the last one's state after. The order is a function of the set of states alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from metrics.assigned import replace
from metrics.evidence import Instant, Source, Subscription, SubscriptionState

_SEARCHED = 6
"""So many events of one second are tried in every order; past that the first that fits is taken."""


def material(s: Subscription) -> tuple[object, ...]:
    """What a state says that could change MRR or its label; two states that agree in it leave no doubt between them."""
    return (
        s.status,
        s.currency,
        tuple(
            (i.id, i.price, i.price_version, i.quantity, i.quantity_decimal, tuple((d.id, d.end) for d in i.discounts), i.trial_end)
            for i in s.items
        ),
        tuple((d.id, d.end) for d in s.discounts),
        s.pause,
        s.cancel_at,
        s.cancel_at_period_end,
        s.trial_end,
        s.ended_at,
    )


def _agree(one: Subscription, other: Subscription) -> bool:
    """Whether two states are one, as far as both say what could change MRR: an item that doesn't say its discounts contradicts none."""
    silent = {i.id for s in (one, other) for i in s.items if not i.discounts_complete}
    return material(_without_discounts(one, silent)) == material(_without_discounts(other, silent))


def _without_discounts(s: Subscription, items: set[str]) -> Subscription:
    return replace(s, items=tuple(replace(i, discounts=()) if i.id in items else i for i in s.items)) if items else s


def in_order(states: Iterable[SubscriptionState]) -> list[SubscriptionState]:
    """States by time; within one second events are chained so that each one's before is the last one's after, listings last.

    An EVENT_BEFORE comes right before the EVENT with the same id. Ties that no chain settles go by id.
    """
    unique = _each_once(states)
    out: list[SubscriptionState] = []
    index = 0
    while index < len(unique):
        at = unique[index].at
        group = []
        while index < len(unique) and unique[index].at == at:
            group.append(unique[index])
            index += 1
        several = group[0].source_id != group[-1].source_id  # they are in order
        out += _chained(group, out[-1].subscription if out else None) if several else group
    return out


def _each_once(states: Iterable[SubscriptionState]) -> list[SubscriptionState]:
    out: list[SubscriptionState] = []
    for _, same in groupby(sorted(states, key=_place), key=_place):
        first, *others = same
        out += sorted({first, *others}, key=repr) if others else [first]
    return out


def _place(state: SubscriptionState) -> tuple[Instant, str, Source]:
    return state.at, state.source_id, state.source


def _chained(group: list[SubscriptionState], current: Subscription | None) -> list[SubscriptionState]:
    befores = {s.source_id: s for s in group if s.source == Source.EVENT_BEFORE}
    afters = {s.source_id: s for s in group if s.source == Source.EVENT}
    out: list[SubscriptionState] = []
    left = sorted(afters)
    whole = _chain(left, current, befores, afters) if len(left) <= _SEARCHED else None
    if whole is not None:
        for i in whole:
            out += [befores[i], afters[i]] if i in befores else [afters[i]]
        left = []
    while left:
        created = [i for i in left if i not in befores and afters[i].subscription.ended_at is None]
        fitting = [i for i in left if i in befores and current is not None and _agree(befores[i].subscription, current)]
        # A deletion closes the second; a creation opens it.
        open_ones = [i for i in left if afters[i].subscription.ended_at is None]
        nexts = (created if current is None else []) or fitting or created or open_ones or left
        chosen = nexts[0]
        if not fitting and chosen not in created and open_ones:
            chosen = _head_of_chain(open_ones, befores, afters)
        left.remove(chosen)
        if chosen in befores:
            out.append(befores[chosen])
        out.append(afters[chosen])
        current = afters[chosen].subscription
    out += [s for s in group if s.source == Source.EVENT_BEFORE and s.source_id not in afters]
    return out + [s for s in group if s.source == Source.SNAPSHOT]


def _chain(
    left: Sequence[str],
    current: Subscription | None,
    befores: Mapping[str, SubscriptionState],
    afters: Mapping[str, SubscriptionState],
) -> list[str] | None:
    """An order of all events of a second in which each follows from the one before; None if there is none.

    The first event that fits is not always the right one: one that changes nothing here (a label, a schedule) fits beside the one
    that does, and only taking it first leaves a place for both.
    """
    if not left:
        return []
    for i in left:
        after = afters[i].subscription
        if i in befores:
            fits = current is not None and _agree(befores[i].subscription, current)
        elif after.ended_at is not None:
            fits = len(left) == 1
        else:
            fits = current is None or material(after) == material(current)
        if fits:
            rest = _chain([other for other in left if other != i], after, befores, afters)
            if rest is not None:
                return [i, *rest]
    return None


def _head_of_chain(ids: Sequence[str], befores: Mapping[str, SubscriptionState], afters: Mapping[str, SubscriptionState]) -> str:
    """The event whose before no other event of the second explains: the chain starts there."""
    ends = {material(afters[i].subscription): i for i in ids}
    for i in ids:
        if i in befores and ends.get(material(befores[i].subscription), i) == i:
            return i
    return ids[0]
