"""The states of a subscription as the engine reads them: every moment of a listing that counts, and lists that were cut made whole.

What isn't said isn't known: a list that was cut proves that what is on it was there, and nothing about what isn't. Such a state is
completed with what was known before it. Nothing here looks at invoices but for the moments of their lines.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from metrics.assigned import replace
from metrics.evidence import Discount, Instant, InvoiceEvidence, Item, Source, Subscription, SubscriptionState

HOUR = 3_600


def sightings(states: Iterable[SubscriptionState], invoices: Iterable[InvoiceEvidence]) -> list[SubscriptionState]:
    """The states with each item once, and beside them the listings that said the same again after an invoice line had said otherwise.

    A listing is evidence at its moment also when it says what an older one said; without a line in between it adds nothing.
    """
    out: list[SubscriptionState] = []
    starts: list[Instant] | None = None
    for state in states:
        s = state.subscription
        items = tuple({i.id: i for i in s.items}.values()) if len(s.items) > 1 else s.items
        if len(items) != len(s.items):
            s = replace(s, items=items)
        out.append(state if s is state.subscription and not state.seen else replace(state, subscription=s, seen=()))
        if not state.seen:
            continue
        if starts is None:
            starts = sorted({line.period_start for invoice in invoices for line in invoice.lines})
        following = {bisect_right(state.seen, start) for start in starts if start > state.at}
        moments = [state.seen[n] for n in sorted(following) if n < len(state.seen)]
        out += [SubscriptionState(at, Source.SNAPSHOT, "", s) for at in moments]
    return [state for n, state in enumerate(out) if not _trial_is_over(state, out[n + 1 :])]


def _trial_is_over(state: SubscriptionState, following: Sequence[SubscriptionState]) -> bool:
    """Whether a listing shows a trial that was over already, which Stripe ends some time after its date: what comes next says how."""
    s = state.subscription
    late = s.trial_end is not None and s.trial_end <= state.at <= s.trial_end + HOUR
    if state.source != Source.SNAPSHOT or s.status != "trialing" or not late:
        return False
    return any(x.subscription.status != "trialing" and x.subscription.trial_end == s.trial_end for x in following)


def is_cut(s: Subscription) -> bool:
    """Whether something that belongs to the state may be missing from it."""
    return not (s.items_complete and s.discounts_complete and all(i.discounts_complete for i in s.items))


def completed(s: Subscription, known: Subscription | None, at: Instant) -> Subscription:
    """`s`, true at `at`, with what was known of it and is not on a list that was cut: items as they were, discounts that have not run out."""
    if known is None or not is_cut(s):
        return s
    before = {i.id: i for i in known.items}
    items = {i.id: _whole(i, before.get(i.id), at) for i in s.items}
    if not s.items_complete:  # in the order in which they were known, so that nothing seems to have changed when nothing did
        items = {name: items.get(name, item) for name, item in before.items()} | items
    discounts = s.discounts if s.discounts_complete else _joined(s.discounts, known.discounts, at)
    return replace(s, items=tuple(items.values()), items_complete=True, discounts=discounts, discounts_complete=True)


def _whole(item: Item, known: Item | None, at: Instant) -> Item:
    if item.discounts_complete:
        return item
    held = known.discounts if known is not None else ()
    return replace(item, discounts=_joined(item.discounts, held, at), discounts_complete=True)


def _joined(told: Sequence[Discount], known: Sequence[Discount], at: Instant) -> tuple[Discount, ...]:
    still = {d.id: d for d in known if d.end is None or d.end > at}
    return tuple((still | {d.id: d for d in told}).values())


def told(s: Subscription) -> Subscription:
    """What a state says of the subscription itself, without what only some sources tell: two that agree in it leave no doubt between them."""
    plain = replace(s, plan=None, managed_payments=None, customer_account=None, items_complete=True, discounts_complete=True)
    if any(i.billed_until is not None or not i.discounts_complete for i in s.items):
        plain = replace(plain, items=tuple(replace(i, billed_until=None, discounts_complete=True) for i in s.items))
    return plain
