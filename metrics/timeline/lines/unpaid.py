"""Changes that were billed and not paid: an upgrade that waits for its payment, or whose invoice was voided.

Such a change is none unless something later bears it out: a cycle, an event or a listing that shows the new state. Then it is dated by
its own lines, as any change is. An open invoice's change waits where the subscription says so (`pending_update`), and where it is seen next as
it was before. What an uncollectible invoice bills was had and not paid: it counts, unless it waited when it was open.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from metrics.evidence import Instant, Invoice, InvoiceEvidence, Source, SubscriptionState
from metrics.timeline.lines.points import Point, Shape, shape


@dataclass(frozen=True, slots=True)
class Verdict:
    """The points that count, and by invoice whether the change that it billed is one; invoices without a doubt are not named."""

    points: list[Point]
    changed: dict[str, bool] = field(default_factory=dict)


def is_void_unpaid(head: Invoice) -> bool:
    """Whether an invoice was voided without anything ever being paid on it."""
    return head.status == "void" and head.paid_at is None and not head.amount_paid


def borne_out(points: list[Point], invoices: Sequence[InvoiceEvidence], states: Sequence[SubscriptionState]) -> Verdict:
    """`points` without the changes of unpaid invoices that nothing later bears out. `states` are in order of time."""
    heads = {i.head.id: i.head for i in invoices}
    waiting = any(s.subscription.pending_update is not None for s in states)
    if not waiting and not any(is_void_unpaid(head) or _opened(head) for head in heads.values()):
        return Verdict(points)
    doubtful: dict[tuple[Instant, Instant, str, str], list[Point]] = defaultdict(list)
    kept: list[Point] = []
    for p in points:
        head = heads.get(p.invoice)
        may_wait = head is not None and (
            (waiting and _waits(p, head, states)) or (_opened(head) and _contradicted(p, head, points, states))
        )
        if head is not None and _is_change(p, head) and (is_void_unpaid(head) or may_wait):
            doubtful[p.at, p.invoiced, p.invoice, p.item].append(p)
        else:
            kept.append(p)
    changed: dict[str, bool] = {}
    for (_, _, invoice, _), own in sorted(doubtful.items(), reverse=True):  # a later change may bear out the one before it
        holds = _holds(own, kept, states)
        changed[invoice] = changed.get(invoice, False) or holds
        if holds:
            kept += own
    left = {id(p) for p in kept}
    return Verdict([p for p in points if id(p) in left], changed)


def _is_change(point: Point, head: Invoice) -> bool:
    return point.kind != "cycle" or head.billing_reason == "subscription_update"


def _waits(point: Point, head: Invoice, states: Sequence[SubscriptionState]) -> bool:
    if head.status in ("paid", "void", "draft"):
        return False
    seen = next((s for s in states if _after(s, point.at)), None)
    return seen is not None and seen.subscription.pending_update is not None


def _opened(head: Invoice) -> bool:
    """Whether nothing was paid on an invoice that is open, or was until it was given up."""
    given_up = head.status == "uncollectible" and head.uncollectible_at is not None and head.paid_at is None
    return (head.status == "open" or given_up) and not head.amount_paid


def _contradicted(point: Point, head: Invoice, points: Sequence[Point], states: Sequence[SubscriptionState]) -> bool:
    """Whether the state that speaks of the item next shows it as it was before the change, while the invoice was open, though nothing says that it waits.

    A subscription that an unpaid invoice's change has reached shows it; one that doesn't is waiting for the payment. What is seen after
    the invoice was given up shows no such thing.
    """
    seen = _in_states(point, states)
    if (
        seen is not None
        and head.status == "uncollectible"
        and head.uncollectible_at is not None
        and seen[0] >= head.uncollectible_at
    ):
        return False
    mates = [p for p in points if p.invoice == point.invoice and p.item == point.item and p.at == point.at]
    old = [shape(p) for p in mates if p.kind == "credit" and not p.silent]
    return seen is not None and (seen[1] in old if old else seen[1] is None and all(p.kind != "credit" for p in mates))


def _after(state: SubscriptionState, at: Instant) -> bool:
    return state.at > at or (state.at == at and state.source != Source.EVENT_BEFORE)


def _holds(own: Sequence[Point], kept: Sequence[Point], states: Sequence[SubscriptionState]) -> bool:
    """Whether what is seen next of the item is what the change made of it."""
    old = next((shape(p) for p in reversed(own) if p.kind == "credit" and not p.silent), None)
    taken_back = [shape(p) for p in own if p.kind == "credit"]
    news = [shape(p) for p in own if p.kind != "credit"]
    new = next((s for s in reversed(news) if s not in taken_back), news[-1] if news else None)
    found = [x for x in (_in_states(own[0], states), _in_points(own, kept)) if x is not None]
    if not found:
        return False
    _, seen = min(found, key=lambda x: x[0])
    if seen == new:
        return True
    return None not in (seen, new, old) and new[0] != old[0] and seen[0] == new[0]  # type: ignore[index]  # none of them is None


def _in_states(point: Point, states: Sequence[SubscriptionState]) -> tuple[Instant, Shape | None] | None:
    """When a state first speaks of the item after the point, and as what: None where it is not there any more."""
    for state in states:
        if not _after(state, point.at):
            continue
        item = next((i for i in state.subscription.items if i.id == point.item), None)
        if item is not None:
            return state.at, shape(item)
        if state.subscription.items_complete:
            return state.at, None
    return None


def _in_points(own: Sequence[Point], kept: Sequence[Point]) -> tuple[Instant, Shape | None] | None:
    """Likewise of the lines that count: a cycle or a credit says what the item was, a cycle without it that it was gone."""
    at, item, until = own[0].at, own[0].item, max(p.until for p in own)
    named = [
        (p.at, shape(p))
        for p in kept
        if p.item == item
        and not (p.silent or p.ahead)
        and p.kind != "debit"
        and (p.at > at or (p.at == at and p.invoiced > own[0].invoiced))
    ]
    billed = {p.invoice for p in kept if p.item == item}
    without = [
        (p.at, None)
        for p in kept
        if p.kind == "cycle" and p.at >= until and not (p.partial or p.ahead) and p.item != item and p.invoice not in billed
    ]
    found: list[tuple[Instant, Shape | None]] = [*named, *without]
    return min(found, key=lambda x: x[0], default=None)
