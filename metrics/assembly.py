"""Laying the three kinds of evidence over one another, the strongest first.

The state in an event holds until the next one, a listing from its moment (and for what it dates itself), and invoice lines fill the
time that neither covers. What comes out is one list of known states in order; whether they count and what they are worth is decided
elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace

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


def assemble(
    states: Sequence[SubscriptionState], invoices: Sequence[InvoiceEvidence], catalog: Catalog, policy: Policy
) -> list[Known]:
    """The known states in order of time, each true until the next: strong ones as they are, gaps filled from invoice lines."""
    last = states[-1].subscription
    items = list({i.id: i for s in states for i in s.subscription.items}.values())
    line_points = points(invoices, catalog, items)
    out: list[Known] = []
    for state in states:
        s = state.subscription
        ids = (state.source_id,) if state.source_id else (s.id,)
        if not out:
            out += _before_first(state, line_points, policy)
        elif material(out[-1].subscription) != material(s):
            out += _between(out[-1], state, line_points)
            if state.source == Source.EVENT_BEFORE:
                continue
        if state.source == Source.EVENT_BEFORE and out:
            continue
        if out and material(out[-1].subscription) == material(s):
            if state.source == Source.EVENT:
                out.append(Known(state.at, s, ids))
            continue
        inferred = state.source == Source.SNAPSHOT and bool(out)
        at = _dated_by_itself(out[-1] if out else None, state, invoices)
        note = "seen when listed: the change itself left no dated trace" if inferred and at == state.at else ""
        if state.source == Source.SNAPSHOT and not out:
            at = s.start
        out.append(Known(at, s, ids, inferred and at == state.at, note))
    out += _after_last(out, line_points, last)
    out.sort(key=lambda k: k.at)
    return out


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


def _dated_by_itself(prev: Known | None, state: SubscriptionState, invoices: Sequence[InvoiceEvidence]) -> Instant:
    """The moment that a listed state gives for what differs in it, where it dates that itself; else the moment of listing."""
    s = state.subscription
    low = prev.at if prev else s.start
    if s.ended_at is not None and s.ended_at <= state.at:
        return Instant(max(s.ended_at, low))
    if prev is not None and prev.subscription.status == "trialing" and s.trial_end is not None and low < s.trial_end <= state.at:
        return s.trial_end
    if state.source != Source.SNAPSHOT:
        return state.at
    if s.status == "paused" and s.paused_at is not None and low <= s.paused_at <= state.at:
        return s.paused_at
    if s.status in ("unpaid", "past_due") and (prev is None or prev.subscription.status != s.status):
        first, following = first_unpaid_cycle(invoices)
        dated = first if s.status == "past_due" else following
        if dated is not None and low <= dated <= state.at:
            return dated
    return state.at


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
