"""Credits that stand alone, of an item that is still there: half of a proration pair, whose other half nobody told.

A credit without an answer says that its item was removed. An item that was removed never comes back under its id, so one that is seen
later was not: the line that said what it became is missing (it lost its subscription, or was never handed over). Half of a pair changes
nothing until something else shows the new state; it says what was before it, where nothing else does.
"""

from collections.abc import Iterable, Sequence

from metrics.assigned import replace
from metrics.evidence import InvoiceEvidence, SubscriptionState
from metrics.timeline.lines.points import Point, Points, Unread


def without_halves(lines: Points, invoices: Iterable[InvoiceEvidence], states: Sequence[SubscriptionState]) -> Points:
    """The points with such credits as silent ones, each among the lines that say too little. `states` are in order of time."""
    answered = {(p.item, p.at) for p in lines.points if p.kind != "credit"}
    alone = [
        p
        for p in lines.points
        if p.kind == "credit" and not p.silent and (p.item, p.at) not in answered and _is_seen_after(p, lines.points, states)
    ]
    if not alone:
        return lines
    told = {line.id: line for invoice in invoices for line in invoice.lines}
    halves = {id(p) for p in alone}
    unread = [
        Unread(line.id, p.invoice, p.at, "other half", line.amount, line.currency)
        for p in alone
        for line in (told[name] for name in p.ids)
    ]
    return Points([replace(p, silent=True, half=True) if id(p) in halves else p for p in lines.points], [*lines.unread, *unread])


def _is_seen_after(credit: Point, points: Iterable[Point], states: Sequence[SubscriptionState]) -> bool:
    """Whether a line, or a state of the subscription while it went on, shows the item after the credit was made."""
    if any(p.item == credit.item and p.kind != "credit" and p.at > credit.at and p.invoiced >= credit.invoiced for p in points):
        return True
    since = max(credit.at, credit.invoiced)
    return any(
        state.at > since and state.subscription.ended_at is None and any(i.id == credit.item for i in state.subscription.items)
        for state in states
    )
