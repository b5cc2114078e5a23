"""What of a life is known: evidence is drawn from it the way the product meets it.

All events; events from some day on with a listing before; listings and invoices alone; a hole in the middle. What is drawn never
contradicts the life, but may tell less than all of it.
"""

from collections import Counter
from dataclasses import replace

from metrics.evidence import (
    Instant,
    InvoiceEvidence,
    InvoiceLine,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
    UnreadLine,
)
from tests.oracle.billed import Life
from tests.oracle.catalog import CATALOG, NOW

WAYS = ("events", "tail", "recent", "listing", "bare", "hole", "mixed")


def events(life: Life, since: int = 0, until: int = 1 << 60) -> list[SubscriptionState]:
    """The events of [since, until): each with the state before it, but for the one that made the subscription."""
    out = []
    for n, (at, s) in enumerate(life.states):
        if not since <= at < until:
            continue
        name = f"evt_{s.id}_{(n * 7919) % 1000:03d}"  # ids in no order, as Stripe's are
        if n:
            out.append(SubscriptionState(Instant(at), Source.EVENT_BEFORE, name, life.states[n - 1][1]))
        out.append(SubscriptionState(Instant(at), Source.EVENT, name, s))
    return out


def listed(life: Life, at: int) -> list[SubscriptionState]:
    """The subscription as listed at a moment, if it was there."""
    s = life.at(at)
    return [SubscriptionState(Instant(at), Source.SNAPSHOT, "", s)] if s is not None else []


def evidence(life: Life, way: str, cut: int, width: int) -> SubscriptionEvidence | None:
    """What is known of a life. Ways: events; tail (a listing at `cut` and the events since); recent (events from `cut` on); listing; bare (a listing, no invoice); hole; mixed."""
    invoices = tuple(life.invoices)
    final = listed(life, NOW - 1)
    match way:
        case "events":
            states, invoices = events(life), ()
        case "tail":
            states = [*listed(life, cut), *events(life, cut), *final]
        case "recent":
            states = [*events(life, cut), *final]
        case "listing":
            states = final
        case "bare":
            states, invoices = final, ()
        case "hole":
            states = [*events(life, until=cut), *listed(life, cut + width), *events(life, cut + width), *final]
        case _:
            states = [*events(life), *listed(life, cut), *final]
    name = life.states[0][1].id
    return SubscriptionEvidence(1, name, tuple(states), invoices) if states else None


def muted(evidence: SubscriptionEvidence, which: int) -> SubscriptionEvidence:
    """The same, with every so many-th line of a licensed price without its price, or without its quantity."""

    crowded = crowded_seconds(evidence)

    def mute(line: InvoiceLine) -> InvoiceLine:
        number = int(line.id.rsplit("_", 1)[1])
        if (
            number % which
            or line.period_start in crowded
            or CATALOG.prices[line.price or ""].usage == "metered"
            or not line.discounts_told
        ):
            return line
        return replace(line, price=None) if number % 2 else replace(line, quantity=None, quantity_decimal=None)

    invoices = tuple(replace(i, lines=tuple(map(mute, i.lines))) for i in evidence.invoices)
    return replace(evidence, invoices=invoices)


def crowded_seconds(evidence: SubscriptionEvidence) -> set[int]:
    """The seconds of several changes: if the line of one of them said nothing, nobody could tell what became of the item."""
    changes = Counter((line.period_start, line.gives_back) for bill in evidence.invoices for line in bill.lines if line.proration)
    return {second for (second, _), number in changes.items() if number > 1}


def undated(evidence: SubscriptionEvidence) -> SubscriptionEvidence:
    """The same in events of an older version, which don't say since when a subscription is paused, nor of trials of items; listings do."""

    def old(s: Subscription) -> Subscription:
        return replace(s, paused_at=None, items=tuple(replace(i, trial_start=None, trial_end=None) for i in s.items))

    states = (s if s.source == Source.SNAPSHOT else replace(s, subscription=old(s.subscription)) for s in evidence.states)
    return replace(evidence, states=tuple(states))


def with_untold_discounts(evidence: SubscriptionEvidence, which: int) -> SubscriptionEvidence:
    """The same, with every so many-th event saying nothing of which discounts items have."""

    def silent(state: SubscriptionState) -> SubscriptionState:
        if state.source == Source.SNAPSHOT or int(state.source_id.rsplit("_", 1)[1]) % which:
            return state
        items = tuple(replace(i, discounts=(), discounts_complete=False) for i in state.subscription.items)
        return replace(state, subscription=replace(state.subscription, items=items))

    return replace(evidence, states=tuple(map(silent, evidence.states)))


def without_ends(evidence: SubscriptionEvidence, where: str) -> SubscriptionEvidence:
    """The same, with `events`, `listings` or all answers saying that it is over and not since when."""

    def silent(state: SubscriptionState) -> SubscriptionState:
        if where in ("all", "listings" if state.source == Source.SNAPSHOT else "events"):
            return replace(state, subscription=replace(state.subscription, ended_at=None))
        return state

    return replace(evidence, states=tuple(map(silent, evidence.states)))


def without_parents(evidence: SubscriptionEvidence, which: int) -> SubscriptionEvidence:
    """The same, with every so many-th line without its parent, which is all that names its item; every other of them has no price either."""

    def number(line: InvoiceLine) -> int:
        return int(line.id.rsplit("_", 1)[1])

    def unread(line: InvoiceLine) -> UnreadLine:
        price = line.price if number(line) // which % 2 else None
        told = (line.amount, line.currency, None, price, line.period_start, line.period_end)
        return UnreadLine(line.id, "line_without_parent", "parent is missing", *told)

    crowded = crowded_seconds(evidence)

    def split(bill: InvoiceEvidence) -> InvoiceEvidence:
        orphans = {line.id for line in bill.lines if number(line) % which == 0 and line.period_start not in crowded}
        kept = tuple(line for line in bill.lines if line.id not in orphans)
        lost = tuple(unread(line) for line in bill.lines if line.id in orphans)
        return replace(bill, lines=kept, unread=lost)

    return replace(evidence, invoices=tuple(map(split, evidence.invoices)))


def with_cut_lists(evidence: SubscriptionEvidence, shown: int) -> SubscriptionEvidence:
    """The same, with no more than so many items in anything that an event shows, as Stripe shows no more than ten."""

    def first(state: SubscriptionState) -> SubscriptionState:
        s = state.subscription
        if state.source == Source.SNAPSHOT or len(s.items) <= shown:
            return state
        return replace(state, subscription=replace(s, items=s.items[:shown], items_complete=False))

    return replace(evidence, states=tuple(map(first, evidence.states)))
