"""What each subscription was worth at every moment, by the sandbox's own knowledge of what it did.

This is the oracle's half that prices; `truth` adds subscriptions up to customers and days. It follows the default policy of
the definitions and shares nothing with the product: no code, no reading of Stripe's answers. It sees the versions that the machine
wrote, with the cause that it had in mind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from integrations.sandbox.catalog import Catalog
from integrations.sandbox.pricing import Pricer
from integrations.sandbox.records import Discount, Item, Life, Subscription, SubscriptionState, in_force

COUNTING: Final = ("active", "past_due")
VOIDING: Final = ("void", "mark_uncollectible")
DISCOUNTS: Final = ("discount_start", "discount_change", "discount_end")


@dataclass(frozen=True, slots=True)
class Part:
    """What one item is worth a month, and what it is."""

    item: str
    price: str
    product: str
    interval: str
    net_micros: int


@dataclass(frozen=True, slots=True)
class Worth:
    """A subscription from `at` on. `counts` tells whether it is in MRR at all, also where that is 0 (a free plan)."""

    at: int
    subscription: str
    currency: str
    net_micros: int = 0
    list_micros: int = 0
    counts: bool = False
    at_risk: bool = False
    scheduled: bool = False
    cause: str = ""
    parts: tuple[Part, ...] = ()

    @property
    def labels(self) -> tuple[object, ...]:
        """Everything that a reader of the ledger sees of it."""
        return self.net_micros, self.list_micros, self.counts, self.at_risk, self.scheduled, self.parts


def counts(state: SubscriptionState) -> bool:
    """Whether a subscription in this state is in MRR."""
    return state.status in COUNTING and state.pause_behavior not in VOIDING


def never_new(life: Life, sub: Subscription, now: int) -> bool:
    """Whether the first invoice was voided and none was ever paid, as of `now`."""
    bills = [bill for bill in life.invoices if bill.subscription == sub.id and bill.created <= now]
    standing = [[step.status for step in bill.steps if step.at <= now] for bill in bills]
    return bool(standing) and standing[0][-1] == "void" and not any("paid" in each for each in standing)


class Valuer:
    """Values subscriptions of one catalogue, remembering what compositions come to."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._pricer = Pricer(catalog)

    def moments(self, life: Life, sub: Subscription, now: int) -> list[Worth]:
        """Every change of a subscription's worth up to `now`, at most one a second, in order."""
        return [] if never_new(life, sub, now) else self.changes(sub, list(self.steps(life, sub, now)))

    def changes(self, sub: Subscription, steps: Sequence[Worth]) -> list[Worth]:
        """Those of `steps`, in order of time, that change something: at most one a second, with the cause of the largest change."""
        out: list[Worth] = []
        before = Worth(0, sub.id, sub.currency)
        for number, step in enumerate(steps):
            if number + 1 < len(steps) and steps[number + 1].at == step.at:
                continue  # only what a second ends with has lasted
            if step.labels != before.labels:
                same = [each for each in steps if each.at == step.at]
                out.append(replace(step, cause=_cause(before, same)))
            before = step
        return out

    def steps(self, life: Life, sub: Subscription, now: int, since: int | None = None) -> Iterator[Worth]:
        """A worth for each version of the subscription and of its customer, in order of time, from `since` on."""
        told: list[tuple[int, int, SubscriptionState | None, str]] = []
        first = sub.versions[0].state
        begun = sub.start_date if first.status in COUNTING else sub.created
        for number, version in enumerate(sub.versions):
            # That it continues another one is seen only beside that other one: see `truth`.
            cause = "start" if version.cause == "migration" else version.cause
            told.append((version.at if number else begun, 0, version.state, cause))
        # A backdated subscription was in service before anybody discounted it.
        held_at_first = (*first.discounts, *(each for item in first.items for each in item.discounts))
        told += [(each.start, -1, None, "discount_start") for each in held_at_first if each.start > begun]
        previous: Discount | None = None
        for change in life.customer.versions:
            if change.state.discount != previous and change.at > begun:
                cause = "discount_end" if change.state.discount is None else "discount_change" if previous else "discount_start"
                told.append((change.at, 1, None, cause))
            previous = change.state.discount
        told.sort(key=lambda each: each[:2])
        state: SubscriptionState | None = None
        for at, _, changed, cause in told:
            state = changed or state
            if at <= now and state is not None and (since is None or at >= since):
                yield self.worth(sub, state, at, self.customer_discount(life, at), cause)

    def customer_discount(self, life: Life, at: int) -> Discount | None:
        """The discount that the customer itself holds at `at`."""
        customer = in_force(life.customer.versions, at)
        return None if customer is None else customer.state.discount

    def worth(self, sub: Subscription, state: SubscriptionState, at: int, held: Discount | None, cause: str = "") -> Worth:
        """What a subscription in `state` is worth at `at`; `held` is the customer's own discount."""
        if not counts(state):
            return Worth(at, sub.id, sub.currency, cause=cause)
        coupons = tuple(each.coupon for each in state.discounts if each.start <= at)
        if held is not None and all(self._is_once(each) for each in coupons):
            coupons = (held.coupon,)
        items = tuple((each.price, each.quantity, tuple(d.coupon for d in each.discounts if d.start <= at)) for each in state.items)
        amounts = self._pricer.monthly(items, coupons, sub.currency)
        licensed = [each for each in state.items if not self._catalog.prices[each.price].metered]
        parts = tuple(self._part(each, net) for each, (net, _) in zip(licensed, amounts, strict=True))
        at_risk = state.status == "past_due"
        net, listed = (sum(each[side] for each in amounts) for side in (0, 1))
        return Worth(at, sub.id, sub.currency, net, listed, True, at_risk, state.cancel_at is not None, cause, parts)

    def _part(self, item: Item, net: int) -> Part:
        price = self._catalog.prices[item.price]
        interval = price.interval or "" if price.interval_count == 1 else f"{price.interval_count} {price.interval}s"
        return Part(item.id, price.id, price.product, interval, net)

    def _is_once(self, coupon: str) -> bool:
        return self._catalog.coupons[coupon].duration == "once"


def _cause(before: Worth, same_second: list[Worth]) -> str:
    """The cause of the largest change within one second that goes its way."""
    delta = same_second[-1].net_micros - before.net_micros
    chosen, size = same_second[-1].cause, -1
    for step in same_second:
        own = step.net_micros - before.net_micros
        if own * delta >= 0 and abs(own) > size and step.labels != before.labels:
            chosen, size = step.cause, abs(own)
        before = step
    return chosen
