"""What is to come of a subscription by what Stripe says today: schedule phases, planned pauses, prebilling, updates that wait for payment.

Nothing here is a state that was. A part that isn't said stays unsaid (None), so that nobody takes it for "there is none".
"""

from collections.abc import Iterable

from integrations.stripe.decode.catalog import Seen, redeemed
from integrations.stripe.decode.errors import maybe, ref
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from metrics.evidence import (
    BillingSchedule,
    PlannedPause,
    Schedule,
    ScheduledDiscount,
    ScheduledItem,
    ScheduledPhase,
)


def schedule(value: str | subscription_schemas.Schedule | None, seen: Seen) -> Schedule | None:
    """What an expanded schedule says; None where there is only its id, which says nothing of what is to come."""
    if not isinstance(value, subscription_schemas.Schedule) or not value.id:
        return None
    return Schedule(
        id=value.id,
        status=value.status,
        end_behavior=value.end_behavior,
        phases=None if value.phases is None else tuple(_phase(p, seen) for p in value.phases if p.start_date is not None),
        pauses=None if value.pause_schedules is None else tuple(_pause(p) for p in value.pause_schedules),
    )


def _phase(shape: subscription_schemas.Phase, seen: Seen) -> ScheduledPhase:
    assert shape.start_date is not None, "phases without a beginning were left out"
    return ScheduledPhase(
        start=maybe(shape.start_date) or 0,  # type: ignore[arg-type]  # as asserted
        end=maybe(shape.end_date),
        currency=shape.currency.lower() if shape.currency else None,
        items=tuple(
            ScheduledItem(
                seen.price(i.price) if i.price is not None else seen.plan(i.plan), i.quantity, _discounts(i.discounts or (), seen)
            )
            for i in shape.items or ()
        ),
        discounts=_discounts(shape.discounts or _single(shape.coupon), seen),
        trial=bool(shape.trial),
        trial_end=maybe(shape.trial_end),
    )


def _discounts(found: Iterable[subscription_schemas.PhaseDiscount], seen: Seen) -> tuple[ScheduledDiscount, ...]:
    """Each is kept, also one that names neither its coupon nor a discount: then its terms are unknown."""
    return tuple(
        ScheduledDiscount(
            seen.coupon(redeemed(d.coupon, None, d.promotion_code)),
            ref(d.discount),
            maybe(d.discount_end.timestamp) if d.discount_end else None,
        )
        for d in found
    )


def _single(coupon: str | catalog_schemas.Coupon | None) -> Iterable[subscription_schemas.PhaseDiscount]:
    return () if coupon is None else (subscription_schemas.PhaseDiscount(coupon),)


def _pause(shape: subscription_schemas.PauseSchedule) -> PlannedPause:
    pause, resume = shape.pause, shape.resume
    return PlannedPause(
        pause_at=maybe(pause.pause_at) if pause else None,
        resume_at=maybe(resume.resume_at) if resume else None,
        pause_status=pause.status.type if pause and pause.status else None,
        resume_status=resume.status.type if resume and resume.status else None,
    )


def billing(found: Iterable[subscription_schemas.BillingSchedule], seen: Seen) -> tuple[BillingSchedule, ...]:
    """How far ahead of their periods items are billed."""
    out = []
    for shape in found:
        until = shape.bill_until
        at = None if until is None else until.computed_timestamp if until.computed_timestamp is not None else until.timestamp
        prices = None if shape.applies_to is None else tuple(p for p in (seen.price(a.price) for a in shape.applies_to) if p)
        out.append(BillingSchedule(shape.key or "", maybe(at), prices or None))
    return tuple(out)
