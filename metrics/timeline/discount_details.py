"""Giving what was named by id only what other sightings say of it.

Events list a subscription's discounts by id. What coupon one stands for and when it runs is said by a listing, an invoice, or the
event that announced it, each of which may come earlier or later: the description is looked for in all that is known of the customer.
So is which products a coupon is for, where Stripe never said so: the lines that a discount took something from show it. Nothing here
decides whether a discount counts. Which object of an id a line bills is told beside it (`metrics.timeline.lines.price_versions`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from metrics.assigned import replace
from metrics.evidence import (
    CustomerEvidence,
    CustomerState,
    Discount,
    Instant,
    InvoiceEvidence,
    InvoiceLine,
    Source,
    Subscription,
    SubscriptionState,
)
from metrics.pricing.catalog import Catalog
from metrics.pricing.discounts import months_later
from metrics.timeline.lines.price_versions import versioned
from metrics.timeline.states.lagging import WINDOW_SECONDS

T = TypeVar("T")


def described(member: CustomerEvidence, catalog: Catalog) -> CustomerEvidence:
    """The same evidence with each discount and price as any of it describes them; what nothing describes stays as it is."""
    return versioned(_with_discounts(member, catalog), catalog)


# --- discounts --------------------------------------------------------------------------------------------------------------


def _with_discounts(member: CustomerEvidence, catalog: Catalog) -> CustomerEvidence:
    sightings: dict[str, list[Discount]] = {}
    for discount in _sightings(member):
        held = sightings.setdefault(discount.id, [])
        if discount not in held:
            held.append(discount)
    if not sightings:
        return member
    best = {name: _best(held, sightings) for name, held in sightings.items()}
    unknown = [d for d in best.values() if (coupon := catalog.coupon_of(d)) is not None and not coupon.scope_told]
    scopes = _scopes(member, {d.id for d in unknown}, catalog) if unknown else {}
    ended = _taken_off(member.states)
    told: dict[Discount, Discount] = {}
    for name, held in sightings.items():
        for each in held:
            whole = _completed(each, best[name], catalog, scopes.get(name))
            if name in ended and (whole.end is None or whole.end > ended[name]):
                whole = replace(whole, end=ended[name])
            if whole != each:
                told[each] = whole
    return _replaced(member, told) if told else member


def _best(held: Sequence[Discount], sightings: Mapping[str, Sequence[Discount]]) -> Discount:
    """The first sighting that describes the coupon, else the first that names it, else the first."""
    described_whole = next((d for d in held if d.coupon_version), None)
    named = described_whole or next((d for d in held if d.coupon is not None), None)
    return named or _by_start(held[0], sightings) or held[0]


def _by_start(found: Discount, sightings: Mapping[str, Sequence[Discount]]) -> Discount | None:
    """What else lies on the same object and began in the same second as a discount without an id that says nothing of its coupon."""
    holder, silent, _ = found.id.rpartition(":None:")
    if not silent or not found.start:
        return None
    alike = (d for name, held in sightings.items() if name.startswith(f"{holder}:") for d in held)
    return next((d for d in alike if d.coupon is not None and d.start == found.start), None)


def _completed(each: Discount, best: Discount, catalog: Catalog, scope: tuple[tuple[str, ...], tuple[str, ...]] | None) -> Discount:
    out = each
    if each.coupon is None:
        out = best if not each.start else replace(best, start=each.start, end=best.end if each.end is None else each.end)
    elif not each.coupon_version and best.coupon == each.coupon and each.coupon in catalog.earlier_coupons:
        out = replace(each, coupon_version=best.coupon_version)
    coupon = catalog.coupon_of(out)
    if coupon is None:
        return out
    if out.end is None and coupon.duration == "repeating" and coupon.months and out.start > 0:
        out = replace(out, end=months_later(out.start, coupon.months))  # Stripe's own arithmetic, where its answer lacks the end
    if scope is not None and not coupon.scope_told:
        out = replace(out, shown_on=scope[0], shown_off=scope[1])
    return out


def _taken_off(states: Sequence[CustomerState]) -> dict[str, Instant]:
    """When an event took a discount off the customer, for those that no state shows again once every replica has caught up.

    Lines carry a customer's discount as if it were the subscription's, of which no such event tells.
    """
    before = {s.source_id: s.customer.discount for s in states if s.source == Source.EVENT_BEFORE}
    ended: dict[str, Instant] = {}
    for state in states:
        was, now = before.get(state.source_id), state.customer.discount
        if state.source == Source.EVENT and was is not None and state.customer.discount_told and (now is None or now.id != was.id):
            ended[was.id] = max(state.at, ended.get(was.id, state.at))
    for state in states if ended else ():
        shown = state.customer.discount
        if shown is not None and shown.id in ended and max((state.at, *state.seen)) > ended[shown.id] + WINDOW_SECONDS:
            del ended[shown.id]
    return ended


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


def _scopes(member: CustomerEvidence, wanted: set[str], catalog: Catalog) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """By discount the products from whose lines it took something, and those whose lines stood beside and were left whole."""
    on: dict[str, set[str]] = {name: set() for name in wanted}
    off: dict[str, set[str]] = {name: set() for name in wanted}
    for bill in (bill for s in member.subscriptions for bill in s.invoices if bill.head.status != "draft"):
        for name in wanted:
            taken = {line.id: sum(amount for d, amount in line.discounts if d.id == name) for line in bill.lines}
            billed = sum(line.amount for line in bill.lines if taken[line.id])
            for line in bill.lines:
                product = getattr(catalog.price_of(line), "product", "")
                if not product:
                    continue
                if taken[line.id]:
                    on[name].add(product)
                # A share too small for a cent proves nothing.
                elif billed and _is_whole(line) and abs(line.amount * sum(taken.values())) >= abs(billed):
                    off[name].add(product)
    return {name: (tuple(sorted(on[name])), tuple(sorted(off[name] - on[name]))) for name in wanted}


def _is_whole(line: InvoiceLine) -> bool:
    return not line.proration and line.amount > 0 and line.discounts_told and line.discount_amounts_told


def _replaced(member: CustomerEvidence, told: Mapping[Discount, Discount]) -> CustomerEvidence:
    def of(discounts: tuple[Discount, ...]) -> tuple[Discount, ...]:
        return _mapped(discounts, lambda d: told.get(d, d))

    def subscription(held: Subscription) -> Subscription:
        items = _mapped(held.items, lambda i: i if (own := of(i.discounts)) is i.discounts else replace(i, discounts=own))
        whole = of(held.discounts)
        same = items is held.items and whole is held.discounts
        return held if same else replace(held, items=items, discounts=whole)

    def state(held: SubscriptionState) -> SubscriptionState:
        now = subscription(held.subscription)
        return held if now is held.subscription else replace(held, subscription=now)

    def bill(held: InvoiceEvidence) -> InvoiceEvidence:
        lines = _mapped(held.lines, line)
        return held if lines is held.lines else replace(held, lines=lines)

    def line(held: InvoiceLine) -> InvoiceLine:
        found = _mapped(held.discounts, lambda pair: (told[pair[0]], pair[1]) if pair[0] in told else pair)
        return held if found is held.discounts else replace(held, discounts=found)

    def customer(held: CustomerState) -> CustomerState:
        one = held.customer
        now, of_others = told.get(one.discount, one.discount) if one.discount else None, of(one.described)
        same = now is one.discount and of_others is one.described
        return held if same else replace(held, customer=replace(one, discount=now, described=of_others))

    return replace(
        member,
        states=_mapped(member.states, customer),
        subscriptions=tuple(
            replace(each, states=_mapped(each.states, state), invoices=_mapped(each.invoices, bill))
            for each in member.subscriptions
        ),
    )


def _mapped(values: tuple[T, ...], change: Callable[[T], T]) -> tuple[T, ...]:
    """The changed values; the very same tuple where none changes."""
    out = tuple([change(value) for value in values])
    return values if all(a is b for a, b in zip(out, values, strict=True)) else out
