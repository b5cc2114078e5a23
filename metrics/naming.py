"""Giving discounts that Stripe named by id only what other sightings say of them.

Events list a subscription's discounts by id. What coupon one stands for and when it runs is said by a listing, an invoice, or the
event that announced it, each of which may come earlier or later: the description is looked for in all that is known of the customer.
Nothing here decides whether a discount counts.
"""

from collections.abc import Iterator
from dataclasses import replace

from metrics.evidence import CustomerEvidence, Discount, Subscription, SubscriptionEvidence, SubscriptionState


def described(member: CustomerEvidence) -> CustomerEvidence:
    """The same evidence with each discount known by id described as any of it describes it; one that nothing describes stays as it is."""
    wanting = {d.id for s in member.subscriptions for state in s.states for d in _held(state.subscription) if d.coupon is None}
    if not wanting:
        return member
    known: dict[str, Discount] = {}
    for discount in _sightings(member):
        if discount.coupon is not None and discount.id in wanting:
            known.setdefault(discount.id, discount)
    if not known:
        return member
    return replace(member, subscriptions=tuple(_with(evidence, known) for evidence in member.subscriptions))


def _sightings(member: CustomerEvidence) -> Iterator[Discount]:
    """Every sight of a discount in an order that doesn't depend on when it was learnt: listings and events, then invoices."""
    states = sorted((state for s in member.subscriptions for state in s.states), key=lambda s: (s.at, s.source, s.source_id))
    for state in states:
        yield from _held(state.subscription)
    for told in sorted(member.states, key=lambda s: (s.at, s.source, s.source_id)):
        yield from told.customer.described
        if told.customer.discount is not None:
            yield told.customer.discount
    bills = sorted((bill for s in member.subscriptions for bill in s.invoices), key=lambda b: (b.head.created, b.head.id))
    for bill in bills:
        for line in bill.lines:
            for discount, _ in line.discounts:
                yield discount


def _held(subscription: Subscription) -> Iterator[Discount]:
    yield from subscription.discounts
    for item in subscription.items:
        yield from item.discounts


def _with(evidence: SubscriptionEvidence, known: dict[str, Discount]) -> SubscriptionEvidence:
    return replace(evidence, states=tuple(_state_with(state, known) for state in evidence.states))


def _state_with(state: SubscriptionState, known: dict[str, Discount]) -> SubscriptionState:
    held = state.subscription
    if all(d.coupon is not None or d.id not in known for d in _held(held)):
        return state
    items = tuple(replace(item, discounts=_named(item.discounts, known)) for item in held.items)
    return replace(state, subscription=replace(held, items=items, discounts=_named(held.discounts, known)))


def _named(discounts: tuple[Discount, ...], known: dict[str, Discount]) -> tuple[Discount, ...]:
    return tuple(known.get(d.id, d) if d.coupon is None else d for d in discounts)
