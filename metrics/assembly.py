"""Laying the three kinds of evidence over one another, the strongest first.

The state in an event holds until the next one, a listing from its moment (and for what it dates itself), and invoice lines fill the
time that neither covers. What comes out is one list of known states in order; whether they count and what they are worth is decided
elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from metrics.counting import first_unpaid_cycle
from metrics.evidence import (
    Catalog,
    Finding,
    Instant,
    InvoiceEvidence,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
)
from metrics.history import NEVER, Known, Point, fill, points
from metrics.ordering import material
from metrics.policy import Policy
from metrics.timed import lines_of

HOUR = 3_600


def assemble(
    states: Sequence[SubscriptionState], invoices: Sequence[InvoiceEvidence], catalog: Catalog, policy: Policy
) -> list[Known]:
    """The known states in order of time, each true until the next: strong ones as they are, gaps filled from invoice lines."""
    last = states[-1].subscription
    items = list({i.id: i for s in states for i in s.subscription.items}.values())
    line_points = points(invoices, catalog, items)
    out: list[Known] = []
    strong: Known | None = None
    laid = ""  # the event whose state before was the last one
    doubtful = False
    for state in states:
        chained = state.source == Source.EVENT and laid == state.source_id  # nothing can be missing between
        # Any difference, be it of a period only, shows that something happened in between; then invoice lines may know of more.
        if chained or strong is None or strong.subscription != state.subscription:
            out += _across(strong, state, line_points, invoices, policy, chained=chained, doubtful=doubtful)
        elif state.source == Source.EVENT:
            out.append(Known(state.at, state.subscription, (state.source_id,)))
        laid, doubtful = "", False
        if state.source == Source.EVENT_BEFORE:
            laid = state.source_id
            doubtful = strong is not None and bool(out) and _shapes(out[-1].subscription) != _shapes(state.subscription)
        # What the state before an event says has been so for as long as what was last heard of.
        since = out[-1].at if state.source == Source.EVENT_BEFORE and out else state.at
        strong = Known(since, state.subscription, ())
    out += _after_last(out, line_points, last)
    out.sort(key=lambda k: k.at)
    return out


def _across(
    strong: Known | None,
    state: SubscriptionState,
    line_points: Sequence[Point],
    invoices: Sequence[InvoiceEvidence],
    policy: Policy,
    *,
    chained: bool,
    doubtful: bool,
) -> list[Known]:
    """What is known from the last strong state on up to and with this one: lines in between, and what this one dates itself."""
    s = state.subscription
    ids = (state.source_id,) if state.source_id else (s.id,)
    note = "a part of it left no dated trace: it was so before this event, and not when last heard of" if doubtful else ""
    seen = Known(state.at, s, ids, doubtful, note)
    if chained and s.ended_at is None and strong is not None and strong.subscription.status != "trialing":
        return [seen]  # by far the most: nothing to fill and nothing dated by itself
    if strong is None:
        filled = _before_first(state, line_points, policy)
    else:
        filled = [] if chained else _between(strong, state, line_points)
    first = filled[0] if strong is None and filled else strong
    out = list(filled)
    for moment, changes in marks(first, state, invoices, chained=chained):
        held = next((k for k in reversed(out) if k.at <= moment), strong)
        assert held is not None, "nothing is dated before what was known first"
        out = [k if k.at < moment else replace(k, subscription=replace(k.subscription, **changes)) for k in out]
        if all(k.at != moment for k in out):
            out.append(Known(moment, replace(held.subscription, **changes), ids))
            out.sort(key=lambda k: k.at)
    before = out[-1] if out else strong
    if state.source == Source.EVENT_BEFORE and before is not None:
        return out  # the event itself comes in the same second
    if state.source == Source.SNAPSHOT and before is not None and material(before.subscription) == material(s):
        return out
    out = [k for k in out if k.at != state.at]
    if state.source == Source.SNAPSHOT:
        if before is None:
            return [Known(s.start, s, ids)]
        return [*out, Known(state.at, s, ids, True, "seen when listed: the change itself left no dated trace")]
    return [*out, seen]


def _shapes(s: Subscription) -> list[tuple[str, str | None, int | None]]:
    return sorted((i.id, i.price, i.quantity) for i in s.items)


def _before_first(state: SubscriptionState, line_points: Sequence[Point], policy: Policy) -> list[Known]:
    """What was before the first strong state: the lines, else the state itself carried back to its own start."""
    s = state.subscription
    if s.status in ("incomplete", "incomplete_expired"):
        return []
    start = Instant(max(s.start, s.created) if policy.start_at_booking else s.start)
    upto = s.ended_at if s.ended_at is not None and s.ended_at <= state.at else state.at
    if start >= upto:
        return []
    alive = replace(s, status="active", pause=None, ended_at=None, cancel_at=None, cancel_at_period_end=False)
    filled = fill(None, alive, upto, line_points, start=start)
    if filled:
        return filled
    if state.source == Source.EVENT and state.at <= s.created + 60:
        return [Known(start, alive, (state.source_id,))]  # the creation itself, which dates the start of service
    return [
        Known(start, alive, (s.id,), True, "no invoice or event of this time: the first known state is carried back to the start")
    ]


def _between(prev: Known, state: SubscriptionState, line_points: Sequence[Point]) -> list[Known]:
    """What invoice lines know of the time between two strong states that don't agree."""
    s = state.subscription
    upto = s.ended_at if s.ended_at is not None and prev.at < s.ended_at < state.at else state.at
    return fill(prev, s, upto, line_points, start=prev.at)


def _after_last(out: Sequence[Known], line_points: Sequence[Point], last: Subscription) -> list[Known]:
    """Cycle lines newer than every state: a change that neither an event nor a listing has shown yet."""
    if not out or last.ended_at is not None:
        return []
    prev = max(out, key=lambda k: k.at)
    filled = fill(prev, prev.subscription, NEVER, line_points, start=prev.at)
    keep = []
    current = prev.subscription
    for known in filled:
        shape = [(i.price, i.quantity) for i in known.subscription.items]
        if shape != [(i.price, i.quantity) for i in current.items]:
            keep.append(known)
            current = known.subscription
    return keep


def marks(
    first: Known | None, state: SubscriptionState, invoices: Sequence[InvoiceEvidence], *, chained: bool
) -> list[tuple[Instant, dict[str, Any]]]:
    """What a state dates itself, though it was seen later: from which moment on which of its fields held.

    The end of a trial that went on, the start of a pause, the request to cancel, the end; unpaid and past due by the invoices. What it
    consisted of is not among them: a change that the end overtook is never seen. `first` is what was known before.
    """
    s, upto = state.subscription, state.at
    if first is None:
        return []
    was, low = first.subscription, first.at
    out: list[tuple[Instant, dict[str, Any]]] = []
    status: tuple[Instant, dict[str, Any]] | None = None
    if not chained and s.status != was.status and was.status != "incomplete":  # that a first payment failed dates nothing after it
        at = _status_from(state, invoices)
        if at is not None and low <= at <= upto:
            status = at, {"status": s.status, "pause": s.pause, "paused_at": s.paused_at}
    if was.status == "trialing" and s.status != "trialing" and s.trial_end is not None and low < s.trial_end <= upto:
        over = s.ended_at if s.ended_at is not None else status[0] if status else None
        went_on = s.status in ("active", "past_due") if chained or over is None else over > s.trial_end + HOUR
        if went_on:
            now = s.status if s.status in ("active", "past_due") and status is None else "active"
            out.append((s.trial_end, {"status": now, "trial_start": s.trial_start, "trial_end": s.trial_end}))
    if status is not None:
        out.append(status)
    if (
        not chained
        and (s.cancel_at_period_end or s.cancel_at is not None)
        and s.canceled_at is not None
        and low <= s.canceled_at <= upto
    ):
        fields = ("cancel_at_period_end", "cancel_at", "canceled_at", "cancel_reason", "cancel_feedback")
        out.append((s.canceled_at, {name: getattr(s, name) for name in fields}))
    out.sort(key=lambda mark: mark[0])
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
        out.append((Instant(max(s.ended_at, low)), {name: getattr(s, name) for name in over_with}))
    return out


def _status_from(state: SubscriptionState, invoices: Sequence[InvoiceEvidence]) -> Instant | None:
    s = state.subscription
    if s.status == "paused":
        return s.paused_at
    if s.status in ("unpaid", "past_due") and state.source != Source.EVENT:
        first, following = first_unpaid_cycle(invoices)
        return first if s.status == "past_due" else following
    return None


def never_paid(invoices: Sequence[InvoiceEvidence], last: Subscription) -> bool:
    """Whether the first invoice was voided and no invoice was ever paid."""
    real = sorted((i.head for i in invoices if i.head.status != "draft"), key=lambda h: (h.created, h.id))
    if not real or real[0].status != "void":
        return False
    first_of_life = real[0].billing_reason == "subscription_create" or real[0].created <= last.created + 86_400
    return first_of_life and not any(h.status == "paid" for h in real)


def history_findings(evidence: SubscriptionEvidence, last: Subscription, states: Sequence[SubscriptionState]) -> list[Finding]:
    """What the invoices show that can't be known better: holes between cycles, and voids that may have been pauses."""
    out: list[Finding] = []
    heads = sorted((i for i in evidence.invoices if i.head.status != "draft"), key=lambda i: (i.head.created, i.head.id))
    covered_from = min((s.at for s in states if s.source != Source.SNAPSHOT), default=NEVER)
    last_paid = max((i.head.created for i in heads if i.head.status == "paid"), default=0)
    out += [
        Finding(
            evidence.account,
            i.head.id,
            "voided_cycle_invoice",
            f"invoice of {last.id} is {i.head.status}: collection may have been paused; MRR is held",
            last.customer,
            i.head.created,
        )
        for i in heads[1:]
        if i.head.status in ("void", "uncollectible") and i.head.created < min(covered_from, last_paid)
    ]
    ends: dict[str, Instant] = {}
    for line in lines_of(evidence.invoices):
        if line.proration or line.item is None:
            continue
        until = ends.get(line.item)
        if until is not None and line.period_start > until + 86_400 and line.period_start < covered_from:
            out.append(
                Finding(
                    evidence.account,
                    last.id,
                    "gap",
                    f"no invoice of {last.id} covers {line.item} between two cycles: a pause or a void; MRR is held, not churned",
                    last.customer,
                    until,
                    "warning",
                )
            )
        ends[line.item] = max(line.period_end, until or line.period_end)
    return out
