"""Why a subscription's MRR changed, read from the two states on either side of the change."""

from collections.abc import Mapping, Sequence
from typing import Final

from metrics.entries import ItemMRR, Step
from metrics.evidence import Subscription
from metrics.movement_kinds import Cause
from metrics.timeline.eligibility import Counting

INVOLUNTARY_REASONS = ("payment_failed", "payment_disputed")
POLICY_REASONS = ("canceled_by_retention_policy",)
_BACK: Final[Mapping[str, Cause]] = {
    "trial": "trial_converted",
    "paused": "resumed",
    "unpaid": "recovered",
    "past_due": "recovered",
}
"""Why a subscription counts again, by why it did not."""
_OUT: Final[Mapping[str, Cause]] = {"trial": "trial", "paused": "paused", "unpaid": "unpaid", "past_due": "past_due"}
"""Why one counts no more though nothing ended it, by what keeps it from counting."""
KNOWN_REASONS = ("cancellation_requested", *INVOLUNTARY_REASONS, *POLICY_REASONS)


def cause_of(
    last: Step | None,
    items: Sequence[ItemMRR],
    was: Counting | None,
    now: Counting,
    before: Subscription | None,
    after: Subscription,
    final: Subscription,
) -> Cause:
    """The cause of the step from `last` to `items`."""
    counted = last is not None and bool(last.items)
    if not counted:
        if was is None or was.reason is None:
            return "start"
        return _BACK.get(was.reason, "start")
    assert last is not None
    if not now.counts:
        if now.reason == "canceled":
            return _of_the_end(before, final)
        # Nothing is called a cancellation unless something says that it was canceled.
        return _OUT.get(now.reason or "", "status_unknown")
    if last.currency != after.currency:
        return "currency_switch"
    if last.items == tuple(items):  # MRR is as it was
        if last.at_risk != now.at_risk:
            return "at_risk" if now.at_risk else "paid"
        if last.scheduled != now.scheduled:
            return "end_scheduled" if now.scheduled else "end_withdrawn"
    return _between_items(last.items, items, before, after)


def _of_the_end(before: Subscription | None, final: Subscription) -> Cause:
    if final.cancel_reason in POLICY_REASONS:
        return "canceled_by_policy"
    return "canceled_involuntary" if involuntary(before, final) else "canceled_voluntary"


def involuntary(before: Subscription | None, final: Subscription) -> bool:
    """Whether a subscription ended without its customer's wish: Stripe's reason, else (or where nobody knows it) the status that it ended from."""
    if final.cancel_reason in KNOWN_REASONS:
        return final.cancel_reason in INVOLUNTARY_REASONS
    return before is not None and before.status in ("past_due", "unpaid")


def said_of_the_end(final: Subscription) -> str:
    """What Stripe says of why a subscription ended: its reason, and what the customer answered when asked."""
    told = (("Stripe's reason: ", final.cancel_reason), ("the customer's feedback: ", final.cancel_feedback))
    return ", ".join(f"{word}{value}" for word, value in told if value)


def _between_items(old: Sequence[ItemMRR], new: Sequence[ItemMRR], before: Subscription | None, after: Subscription) -> Cause:
    olds, news = {i.item: i for i in old}, {i.item: i for i in new}
    gone = [olds[k] for k in olds if k not in news]
    come = [news[k] for k in news if k not in olds]
    repriced = [(olds[k], news[k]) for k in olds if k in news and olds[k].price != news[k].price]
    if gone and come:
        return "plan"
    for a, b in repriced:
        if a.product != b.product or a.interval != b.interval:
            return "plan"
    if repriced:
        return "price"
    if come:
        return "trial_converted" if _on_their_trial(come, before) else "addon"
    if gone:
        return "trial" if _on_their_trial(gone, after) else "removed_product"
    if any(olds[k].quantity != news[k].quantity for k in olds if k in news):
        return "quantity"
    if before is not None and _fractions(before) != _fractions(after):
        return "quantity"
    rises = sum(i.net_micros for i in new) > sum(i.net_micros for i in old)
    if sum(i.list_micros for i in new) == sum(i.list_micros for i in old):
        had, has = _discount_ids(before), _discount_ids(after)
        if had - has and has - had:
            return "discount_change"
        return "discount_end" if rises else "discount_start"
    if before is not None and _versions(before) != _versions(after):
        return "price"  # made again under its id, and the item was moved to it
    return "tax" if [i.usage_micros for i in old] == [i.usage_micros for i in new] else "quantity"


def _on_their_trial(items: Sequence[ItemMRR], s: Subscription | None) -> bool:
    """Whether the items, which don't count in a state, are all there, each with a trial of its own: nothing was removed, nor is anything new."""
    there = {i.id: i for i in s.items} if s is not None else {}
    return all(i.item in there and there[i.item].trial_end is not None for i in items)


def _fractions(s: Subscription) -> dict[str, object]:
    return {i.id: i.quantity_decimal for i in s.items if i.quantity_decimal is not None}


def _versions(s: Subscription) -> list[tuple[str, str | None, str]]:
    return sorted((i.id, i.price, i.price_version) for i in s.items)


def _discount_ids(s: Subscription | None) -> set[str]:
    if s is None:
        return set()
    return {d.id for d in s.discounts} | {d.id for i in s.items for d in i.discounts}
