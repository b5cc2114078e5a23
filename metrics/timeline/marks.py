"""What a state of a subscription dates itself, though it was seen later.

The end of a trial that went on, a pause, the request to cancel, the end; what has no date of its own is dated by the invoices. What a
subscription consisted of is not among them, nor whether it counts: see `metrics.timeline.lines.invoice_history` and `metrics.timeline.eligibility`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metrics.evidence import Instant, InvoiceEvidence, Source, Subscription, SubscriptionState
from metrics.timeline.eligibility import first_unpaid_cycle, is_voiding
from metrics.timeline.lines.invoice_history import KnownState

HOUR = 3_600


@dataclass(frozen=True, slots=True)
class Mark:
    """From `at` on some fields of a subscription were so; `inferred` says why that moment is not certain."""

    at: Instant
    fields: dict[str, Any]
    inferred: str = ""


def marks(first: KnownState | None, state: SubscriptionState, invoices: Sequence[InvoiceEvidence], *, chained: bool) -> list[Mark]:
    """What a state dates itself, though it was seen later: from which moment on which of its fields held.

    The end of a trial that went on, the start of a pause, the request to cancel, the end; unpaid, past due and a pause of collection by
    the invoices. What it consisted of is not among them: a change that the end overtook is never seen. `first` is what was known before.
    """
    s, upto = state.subscription, state.at
    if first is None:
        return []
    was, low = first.subscription, first.at
    out: list[Mark] = []
    status: Mark | None = None
    if not chained and s.status != was.status and was.status != "incomplete":  # that a first payment failed dates nothing after it
        at = _status_from(state, invoices)
        if at is not None and low <= at <= upto:
            status = Mark(at, {"status": s.status, "pause": s.pause, "paused_at": s.paused_at})
    if was.status == "trialing" and s.status != "trialing" and s.trial_end is not None:
        over = s.ended_at if s.ended_at is not None else status.at if status else None
        went_on = s.status in ("active", "past_due") if chained or over is None else over > s.trial_end + HOUR
        if went_on and low < s.trial_end <= upto:
            now = s.status if s.status in ("active", "past_due") and status is None else "active"
            out.append(Mark(s.trial_end, {"status": now, "trial_start": s.trial_start, "trial_end": s.trial_end}))
    if not chained and s.trial_start is not None and low < s.trial_start <= upto and s.trial_start != was.trial_start:
        out += _trial_between(s, status.at if status else s.ended_at, upto)
    if status is not None:
        out.append(status)
    if not chained and is_voiding(s) and not is_voiding(was):
        at = _collection_paused_from(low, upto, invoices)
        if at is not None:
            out.append(Mark(at, {"pause": s.pause}, "collection was paused: dated by the first cycle that was not collected"))
    if (
        not chained
        and (s.cancel_at_period_end or s.cancel_at is not None)
        and s.canceled_at is not None
        and low <= s.canceled_at <= upto
    ):
        fields = ("cancel_at_period_end", "cancel_at", "canceled_at", "cancel_reason", "cancel_feedback")
        out.append(Mark(s.canceled_at, {name: getattr(s, name) for name in fields}))
    out.sort(key=lambda mark: mark.at)
    if s.ended_at is not None and s.ended_at <= upto:
        over_with = (
            "status",
            "ended_at",
            "canceled_at",
            "cancel_at",
            "cancel_at_period_end",
            "cancel_reason",
            "cancel_feedback",
            "pause",
        )
        out.append(Mark(Instant(max(s.ended_at, low)), {name: getattr(s, name) for name in over_with}))
    return out


def _trial_between(s: Subscription, over: Instant | None, upto: Instant) -> list[Mark]:
    """A trial that began after what was last heard of, a free month say; it ended by its own date if it went on."""
    dates = {"trial_start": s.trial_start, "trial_end": s.trial_end}
    assert s.trial_start is not None, "asked about a trial that has a start"
    out = [Mark(s.trial_start, {"status": "trialing", **dates})]
    if s.status != "trialing" and s.trial_end is not None and s.trial_end <= upto and (over is None or over > s.trial_end + HOUR):
        now = s.status if s.status in ("active", "past_due") and over is None else "active"
        out.append(Mark(s.trial_end, {"status": now, **dates}))
    return out


def _collection_paused_from(low: Instant, upto: Instant, invoices: Sequence[InvoiceEvidence]) -> Instant | None:
    """When the first of the cycles began that were voided or given up, with none paid after it up to `upto`."""
    cycles = [
        (min(line.period_start for line in i.lines if not line.proration), i.head)
        for i in invoices
        if i.head.status not in ("draft", "pending") and any(not line.proration for line in i.lines)
    ]
    found: Instant | None = None
    for at, head in sorted((c for c in cycles if c[0] <= upto), key=lambda c: (c[0], c[1].created, c[1].id)):
        if head.status not in ("void", "uncollectible"):
            found = None if head.status == "paid" else found
        elif found is None and head.billing_reason != "subscription_create":
            found = at
    return found if found is not None and low <= found else None


def _status_from(state: SubscriptionState, invoices: Sequence[InvoiceEvidence]) -> Instant | None:
    s = state.subscription
    if s.status == "paused":
        return s.paused_at
    if s.status in ("unpaid", "past_due") and state.source != Source.EVENT:
        first, following = first_unpaid_cycle(invoices)
        return first if s.status == "past_due" else following
    return None
