"""What a subscription's schedule plans: phases and pauses that have not begun, priced as the subscription itself would be.

A plan is no evidence of what was or is, and may be changed until it begins: nothing here touches MRR. It is what is known of the future.
"""

from collections.abc import Callable, Sequence

from metrics.assigned import replace
from metrics.entries import PlannedStep
from metrics.evidence import Discount, Instant, Item, Schedule, ScheduledDiscount, ScheduledPhase, Subscription, SubscriptionState

OVER = ("canceled", "completed", "released")
"""Statuses of a schedule that plans nothing any more."""
PENDING = (None, "scheduled")


def planned(
    states: Sequence[SubscriptionState], now: Instant, worth: Callable[[Subscription, Instant], int]
) -> tuple[PlannedStep, ...]:
    """What is planned after `now` by the schedule that was told last, in order of time. `worth` prices a subscription at a moment.

    Events name a schedule by its id alone, so the newest state that tells one speaks, as long as the subscription still has it.
    """
    last = states[-1].subscription
    plan = next((s.subscription.plan for s in reversed(states) if s.subscription.plan is not None), None)
    if plan is None or plan.id != last.schedule or plan.status in OVER or last.ended_at is not None:
        return ()
    phases = [p for p in sorted(plan.phases or (), key=lambda p: p.start) if p.start > now]
    steps: list[PlannedStep] = []
    for phase in phases:
        then = _in_phase(last, plan, phase)
        free_until = phase.end if phase.trial else phase.trial_end
        if free_until is not None and free_until > phase.start:
            steps.append(PlannedStep(phase.start, 0, "phase"))
            if not phase.trial:
                steps.append(PlannedStep(free_until, worth(then, free_until), "phase"))
        else:
            steps.append(PlannedStep(phase.start, worth(then, phase.start), "phase"))
    for pause in plan.pauses or ():
        if pause.pause_at is not None and pause.pause_at > now and pause.pause_status in PENDING:
            steps.append(PlannedStep(pause.pause_at, 0, "pause"))
        if pause.resume_at is not None and pause.resume_at > now and pause.resume_status in PENDING:
            phase_then = next((p for p in reversed(phases) if p.start <= pause.resume_at), None)
            then = last if phase_then is None else _in_phase(last, plan, phase_then)
            going_on = replace(then, status="active", pause=None)
            steps.append(PlannedStep(pause.resume_at, worth(going_on, pause.resume_at), "resume"))
    return tuple(sorted(steps, key=lambda step: (step.at, step.kind)))


def _in_phase(s: Subscription, plan: Schedule, phase: ScheduledPhase) -> Subscription:
    """The subscription as a phase will have it; items keep their ids where the price stays, so that their share of tax does."""
    held = {i.price: i.id for i in s.items}
    known = {d.id: d for d in (*s.discounts, *(d for i in s.items for d in i.discounts))}
    items = tuple(
        Item(held.get(i.price, f"{plan.id}:{n}"), i.price, i.quantity, _discounts(i.discounts, known, phase.start, plan))
        for n, i in enumerate(phase.items)
    )
    discounts = _discounts(phase.discounts, known, phase.start, plan)
    return replace(s, currency=phase.currency or s.currency, items=items, discounts=discounts)


def _discounts(
    some: Sequence[ScheduledDiscount], known: dict[str, Discount], start: Instant, plan: Schedule
) -> tuple[Discount, ...]:
    """What a phase brings; a discount that nothing describes is one of unknown terms."""
    out = []
    for each in some:
        if each.discount is not None and each.discount in known:
            out.append(known[each.discount])
        elif each.coupon is not None:
            out.append(Discount(f"{each.coupon}:{start}", each.coupon, start, each.end))
        else:
            out.append(Discount(each.discount or plan.id, None, start, each.end))
    return tuple(out)
