"""What may happen in the life of a simulated customer, each kind of happening by its feature: frequent ones first, rarer ones below."""

from collections.abc import Callable
from typing import Final

from integrations.sandbox.simulator.episodes import rare, usual
from integrations.sandbox.simulator.story import Story

_CALM: Final = frozenset(
    {
        "cancellations",
        "scheduled_cancellations",
        "payment_failures",
        "pauses",
        "manual_invoices",
        "deleted_customers",
    }
)
"""What happens to customers whose prices include a tax, unless `taxed_discounts` lets them have more."""


def episode(story: Story, at: int) -> int | None:
    """One thing happens at about `at`; returns when it is over, or None when the customer is gone for good."""
    kinds: list[tuple[str, float, Callable[[Story, int], int | None]]] = [
        ("cancellations", 1.3, usual.cancel),
        ("scheduled_cancellations", 1.2, usual.cancel_later),
        ("payment_failures", 1.6, usual.fail),
        ("seats", 3.0, usual.seats),
        ("upgrades", 1.5, usual.move_plan),
        ("downgrades", 0.8, usual.move_plan),
        ("addons", 1.4, usual.addon),
        ("interval_swaps", 0.9, usual.swap_interval),
        ("price_edits", 0.8, usual.edit_price),
        ("late_coupons", 0.8, usual.late_coupon),
        ("pauses", 0.7, usual.pause),
        ("holds", 0.5, usual.hold),
        ("swaps", 0.6, usual.recreate),
        ("several_subscriptions", 0.5, usual.second),
        ("manual_invoices", 0.3, usual.manual),
        ("schedules", 0.3, usual.scheduled_change),
        ("metered", 0.3, usual.metered),
        ("mixed_intervals", 0.25, usual.mixed),
        ("metadata_changes", 0.5, usual.metadata),
        ("deleted_customers", 0.2, usual.delete),
        ("many_items", 0.6, rare.many_items),
        ("offers", 1.0, rare.offer),
        ("free_months", 0.6, rare.free_month),
        ("policy_ends", 0.3, rare.end_by_policy),
        ("unknown_statuses", 0.4, rare.unknown_status),
        ("remade", 0.6, rare.remade),
        ("scoped_coupons", 0.6, rare.scoped),
        ("prebilling", 0.4, rare.prebilled),
        ("planned_pauses", 0.4, rare.planned_pause),
        ("taxed_discounts", 1.5, rare.taxed_discount),
        ("currency_switches", 0.4, rare.switch_currency),
        ("lagging", 1.0, rare.lagging),
    ]
    calm = _CALM | ({"taxed_discounts"} & story.features)
    enabled = [
        (weight, act)
        for name, weight, act in kinds
        if name in story.features and (name in calm if story.taxed else name != "taxed_discounts")
    ]
    if not enabled:
        return None
    roll = story.rng.random() * sum(weight for weight, _ in enabled)
    for weight, act in enabled:
        roll -= weight
        if roll < 0:
            return act(story, at)
    return enabled[-1][1](story, at)
