"""Objects that a lagging replica told older than an event: noticed when they are read, and read again until they have caught up.

What such a reading may not take back is decided where history is made (`metrics.timeline.states.lagging`). Here is only told which objects to read
again (`worker.ingest.recheck` does it): after two minutes, after ten, and once more when no replica lags any longer, so that what is said then
stands.
"""

from collections.abc import Sequence
from typing import Final

from integrations.stripe.page import StripePage
from metrics.evidence import CustomerState, EventFact, SubscriptionState
from metrics.timeline.states.event_order import in_order
from metrics.timeline.states.lagging import WINDOW_SECONDS, customers_without_lagging, without_lagging

DELAYS_SECONDS: Final = (120.0, 600.0, WINDOW_SECONDS + 300.0)
"""How long to wait before each further reading; after the last one what was read stands."""

_REACHED: Final = {
    "invoice.finalized": ("open", "paid", "void", "uncollectible"),
    "invoice.paid": ("paid",),
    "invoice.voided": ("void",),
    "invoice.marked_uncollectible": ("uncollectible", "paid", "void"),
}
"""The statuses that an invoice can have after an event."""


def behind(
    kind: str, event: EventFact, told: StripePage, states: Sequence[SubscriptionState], customers: Sequence[CustomerState]
) -> bool:
    """Whether what was read of an object (`told`) is older than `event` says; `states` (or `customers`) is what is known of it besides."""
    if told.observed_at - event.created >= WINDOW_SECONDS:
        return False
    if any(each.reason == "gone" for each in told.rejected):
        return not event.type.endswith(".deleted")
    if kind == "subscription":
        return bool(without_lagging(in_order((*states, *told.subscriptions)))[1])
    if kind == "customer":
        kept = customers_without_lagging((*customers, *told.customers))
        return any(each not in kept for each in told.customers)
    return not has_reached(event.type, told)


def has_reached(event_type: str, told: StripePage) -> bool:
    """Whether an invoice as read has a status that it can have after an event of that type."""
    wanted = _REACHED.get(event_type)
    return wanted is None or all(each.head.status in wanted for each in told.invoices)
