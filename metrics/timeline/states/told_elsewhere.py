"""What newer answers tell, laid over older ones that are silent about it.

Events come in the shape of an older version than listings and invoices do: they don't say since when a subscription is paused, nor that an
item is on a trial of its own or has discounts of its own, and cut a fraction of a unit off. What is told before or after of the same pause, item or quantity holds for
them too. What was told of another one says nothing: a pause that went on in between, a quantity that was a different one meanwhile.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from metrics.assigned import replace
from metrics.evidence import Discount, Instant, InvoiceEvidence, InvoiceLine, Item, Source, Subscription, SubscriptionState


def with_what_is_told_elsewhere(
    states: Sequence[SubscriptionState], invoices: tuple[InvoiceEvidence, ...]
) -> tuple[list[SubscriptionState], tuple[InvoiceEvidence, ...]]:
    """The states, in order, and the invoices, each with what others tell of it: fractions of a unit, dates of pauses, items' own trials.

    Afterwards every quantity of a state counts as told (`decimal_told`): one of which nobody tells a fraction is whole.
    """
    measured, billed = _with_fractions(states, invoices)
    return _with_own_discounts(_with_trials(_with_dated_pauses(measured))), billed


# --- an item's own trial ------------------------------------------------------------------------------------------------------

Trials = Mapping[str, tuple[Instant, Instant]]
"""From when until when each item is on a trial of its own. Its dates bound when it is in force: it can be laid over whatever is known of the item before."""


def trials_of(subscription: Subscription) -> Trials:
    """Those that the state tells with both dates."""
    return {i.id: (i.trial_start, i.trial_end) for i in subscription.items if i.trial_start is not None and i.trial_end is not None}


def with_trials(subscription: Subscription, trials: Trials) -> Subscription:
    """The state with the trials of those of its items that say nothing of one."""
    if all(i.trial_end is not None or i.id not in trials for i in subscription.items):
        return subscription
    return replace(subscription, items=tuple(_on_trial(i, trials) for i in subscription.items))


def _on_trial(item: Item, trials: Trials) -> Item:
    if item.trial_end is not None or item.id not in trials:
        return item
    start, end = trials[item.id]
    return replace(item, trial_start=start, trial_end=end)


def _with_trials(states: Sequence[SubscriptionState]) -> list[SubscriptionState]:
    """Each state with the trials that a later one is the next to tell of its items."""
    if not any(i.trial_start is not None for state in states for i in state.subscription.items):
        return list(states)
    told: dict[str, tuple[Instant, Instant]] = {}
    out: list[SubscriptionState] = []
    for state in reversed(states):
        s = with_trials(state.subscription, told)
        told |= trials_of(s)
        out.append(state if s is state.subscription else replace(state, subscription=s))
    return out[::-1]


# --- an item's own discounts --------------------------------------------------------------------------------------------------


def _with_own_discounts(states: Sequence[SubscriptionState]) -> list[SubscriptionState]:
    """Each state that leaves out what discounts its items have with those that the next one to tell has begun since the last one that told.

    Their dates bound when they are in force. What was told before stays known anyway: it is completed where states are laid over one another.
    """
    if all(i.discounts_complete for state in states for i in state.subscription.items):
        return list(states)
    earlier: dict[str, list[Instant]] = defaultdict(list)
    """When it was told what discounts each item has."""
    for state in states:
        for i in state.subscription.items:
            if i.discounts_complete:
                earlier[i.id].append(state.at)
    told: dict[str, tuple[Discount, ...]] = {}
    out: list[SubscriptionState] = []
    for state in reversed(states):
        s = state.subscription
        items: list[Item] = []
        for i in s.items:
            if i.discounts_complete:
                earlier[i.id].pop()
            since = earlier[i.id][-1] if earlier[i.id] else None
            items.append(i if i.discounts_complete else _discounted(i, told.get(i.id, ()), since))
        out.append(state if tuple(items) == s.items else replace(state, subscription=replace(s, items=tuple(items))))
        told |= {i.id: i.discounts for i in s.items if i.discounts_complete}
    return out[::-1]


def _discounted(item: Item, told: tuple[Discount, ...], since: Instant | None) -> Item:
    known = {d.id for d in item.discounts}
    begun = tuple(d for d in told if d.id not in known and (since is None or d.start > since))
    return replace(item, discounts=(*item.discounts, *begun)) if begun else item


# --- since when a subscription is paused --------------------------------------------------------------------------------------


def _with_dated_pauses(states: Sequence[SubscriptionState]) -> list[SubscriptionState]:
    """Each state of a pause that doesn't say since when with what a later one of the same unbroken pause says."""
    out = list(states)
    if not any(state.subscription.paused_at is not None for state in states):
        return out
    since: Instant | None = None
    for n in range(len(out) - 1, -1, -1):
        s = out[n].subscription
        if s.status != "paused":
            since = None
        elif s.paused_at is not None:
            since = s.paused_at
        elif since is not None and since <= out[n].at:
            out[n] = replace(out[n], subscription=replace(s, paused_at=since))
    return out


# --- fractions of a unit ------------------------------------------------------------------------------------------------------

_CREDITED, _BEFORE, _BILLED, _SEEN, _LISTED = range(5)
"""On one second: what a credit gives back and what an event says was before it, then what is billed from now on, and what is."""
_RANKS: Final = {Source.EVENT_BEFORE: _BEFORE, Source.EVENT: _SEEN, Source.SNAPSHOT: _LISTED}

_Place = tuple[int, int]
"""Of a state (its number, the item's in it), or of a line: (-1 less the invoice's number, the line's in it)."""


@dataclass(slots=True)
class _Sighting:
    """An item with a price and a whole quantity at a moment, and the exact quantity (None: it is the whole one) where it is `told`."""

    at: Instant
    rank: int
    place: _Place
    whole: tuple[str | None, int | None]
    exact: Decimal | None
    told: bool
    speaks: bool = True
    """False for what may never have been so: it is told, and tells nothing."""


def _with_fractions(
    states: Sequence[SubscriptionState], invoices: tuple[InvoiceEvidence, ...]
) -> tuple[list[SubscriptionState], tuple[InvoiceEvidence, ...]]:
    """Each quantity that was told cut to a whole number with the fraction that was told of it before, else of it next.

    It is told of the same quantity as long as the item's price and whole number are the same: once they were others, what was told is of
    another one.
    """
    silent = any(not i.decimal_told for state in states for i in state.subscription.items)
    if not silent and all(line.decimal_told for invoice in invoices for line in invoice.lines):
        return list(states), invoices
    exact: dict[_Place, Decimal] = {}
    sightings: dict[str, list[_Sighting]] = defaultdict(list)
    if any(i.quantity_decimal is not None for i in _measurable(states, invoices)):
        for item, each in (*_seen(states), *_billed(invoices)):
            sightings[item].append(each)
    for held in sightings.values():
        if all(each.exact is None for each in held):
            continue
        held.sort(key=lambda each: (each.at, each.rank))  # stable: states of one moment are in order
        _tell_onward(held)
        _tell_onward(held[::-1])
        exact |= {each.place: each.exact for each in held if each.exact is not None}
    measured = [_settled(state, n, exact) for n, state in enumerate(states)]
    return measured, tuple(_measured(invoice, n, exact) for n, invoice in enumerate(invoices)) if exact else invoices


def _measurable(states: Sequence[SubscriptionState], invoices: Sequence[InvoiceEvidence]) -> Iterator[Item | InvoiceLine]:
    for state in states:
        yield from state.subscription.items
    for invoice in invoices:
        yield from invoice.lines


def _tell_onward(sightings: Iterable[_Sighting]) -> None:
    """Let each sighting that tells an exact quantity tell it to those after it, up to the first that was of another whole one."""
    last: _Sighting | None = None
    for each in sightings:
        if not each.told and last is not None and last.whole == each.whole:
            each.exact, each.told = last.exact, True
        if each.speaks:
            last = each if each.told else None


def _seen(states: Sequence[SubscriptionState]) -> Iterator[tuple[str, _Sighting]]:
    for n, state in enumerate(states):
        for m, i in enumerate(state.subscription.items):
            whole = (i.price, i.quantity)
            yield i.id, _Sighting(state.at, _RANKS[state.source], (n, m), whole, i.quantity_decimal, i.decimal_told)


def _billed(invoices: Sequence[InvoiceEvidence]) -> Iterator[tuple[str, _Sighting]]:
    """What lines say of items where one line says all: several of one item and moment are tiers, or steps of one second.

    What was billed and not paid may never have been, and what is billed ahead was not so yet.
    """
    for n, invoice in enumerate(invoices):
        if invoice.head.status == "draft":
            continue
        number = Counter(_of(line) for line in invoice.lines)
        for m, line in enumerate(invoice.lines):
            if line.item is None or line.price is None or line.quantity is None or number[_of(line)] > 1:
                continue
            rank = _CREDITED if line.gives_back else _BILLED
            speaks = invoice.head.status == "paid" and line.period_start <= invoice.head.created
            whole = (line.price, line.quantity)
            place = (-1 - n, m)
            yield (
                line.item,
                _Sighting(line.period_start, rank, place, whole, line.quantity_decimal, line.decimal_told, speaks),
            )


def _of(line: InvoiceLine) -> tuple[str | None, Instant, bool]:
    return line.item, line.period_start, line.gives_back


def _settled(state: SubscriptionState, number: int, exact: Mapping[_Place, Decimal]) -> SubscriptionState:
    s = state.subscription
    if all(i.decimal_told for i in s.items):
        return state
    items = tuple(
        i if i.decimal_told else replace(i, quantity_decimal=exact.get((number, m)), decimal_told=True)
        for m, i in enumerate(s.items)
    )
    return replace(state, subscription=replace(s, items=items))


def _measured(invoice: InvoiceEvidence, number: int, exact: Mapping[_Place, Decimal]) -> InvoiceEvidence:
    if all(line.decimal_told or (-1 - number, m) not in exact for m, line in enumerate(invoice.lines)):
        return invoice
    lines = tuple(
        line if line.decimal_told else replace(line, quantity_decimal=exact.get((-1 - number, m)))
        for m, line in enumerate(invoice.lines)
    )
    return replace(invoice, lines=lines)
