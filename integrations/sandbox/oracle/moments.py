"""What a subscription was at any one moment, and what it was worth then.

A view answers a single question, `worth(at)`, by looking it up anew each time: it keeps no state that one moment hands on to the next,
so a mistake at one moment stays there. `Lived` knows what was really done; what somebody who comes late can know is in `first_look`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from integrations.sandbox.oracle.pricing import Piece, micros_of
from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.records import Discount, Life, Subscription, SubscriptionState, in_force

IN_MRR: Final = ("active", "past_due")
NOTHING_BILLED: Final = ("void", "mark_uncollectible")


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
    """A subscription at a moment. `counts` tells whether it is in MRR at all, also where that is 0 (a free plan)."""

    net_micros: int = 0
    list_micros: int = 0
    counts: bool = False
    at_risk: bool = False
    scheduled: bool = False
    parts: tuple[Part, ...] = ()


OUT: Final = Worth()


class View(Protocol):
    """One subscription as somebody sees it."""

    subscription: str
    currency: str

    def worth(self, at: int) -> Worth:
        """What it is worth at `at`."""

    def edges(self) -> set[int]:
        """Every moment at which that may change; any others may be among them."""

    def cause(self, at: int) -> str:
        """Why it changed at `at`."""


class Prices:
    """Values what items there are, remembering the answers: a business has far fewer of them than moments."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._micros = cache(lambda currency, pieces, whole: micros_of(catalog, currency, pieces, whole))

    def worth(self, currency: str, state: SubscriptionState, at: int, on_customer: Discount | None) -> Worth:
        """A subscription in `state` at `at`; the customer's own discount counts only where the subscription has none that lasts."""
        if state.status not in IN_MRR or state.pause_behavior in NOTHING_BILLED:
            return OUT
        prices = self.catalog.prices
        items = [item for item in state.items if not prices[item.price].metered]
        pieces = tuple(Piece(item.price, item.quantity, self._lasting(item.discounts, at)) for item in items)
        whole = self._lasting(state.discounts, at) or (() if on_customer is None else self._lasting((on_customer,), at))
        amounts = self._micros(currency, pieces, whole)
        parts = []
        for item, (net, _) in zip(items, amounts, strict=True):
            price = prices[item.price]
            each = price.interval or ""
            interval = each if price.interval_count == 1 else f"{price.interval_count} {each}s"
            parts.append(Part(item.id, price.id, price.product, interval, net))
        return Worth(
            sum(net for net, _ in amounts),
            sum(gross for _, gross in amounts),
            True,
            state.status == "past_due",
            state.cancel_at is not None,
            tuple(parts),
        )

    def _lasting(self, discounts: tuple[Discount, ...], at: int) -> tuple[str, ...]:
        return tuple(
            each.coupon
            for each in discounts
            if each.start <= at and (each.end is None or at < each.end) and self.catalog.coupons[each.coupon].duration != "once"
        )


def never_new(life: Life, sub: Subscription, now: int) -> bool:
    """Whether the first invoice was voided and none was ever paid, as of `now`."""
    bills = [bill for bill in life.invoices if bill.subscription == sub.id and bill.created <= now]
    histories = [[step.status for step in bill.steps if step.at <= now] for bill in bills]
    return histories != [] and histories[0][-1] == "void" and all("paid" not in each for each in histories)


class Lived:
    """A subscription as it was. It begins with the service, be that before it was booked."""

    def __init__(self, prices: Prices, life: Life, sub: Subscription, now: int) -> None:
        self.subscription, self.currency = sub.id, sub.currency
        self._prices, self._life, self._sub = prices, life, sub
        first = sub.versions[0].state
        self._begun = sub.start_date if first.status in IN_MRR else sub.created
        self._nothing = never_new(life, sub, now)
        self._first = (*first.discounts, *(each for item in first.items for each in item.discounts))

    def worth(self, at: int) -> Worth:
        """By the last version that was written by then."""
        if self._nothing or at < self._begun:
            return OUT
        version = in_force(self._sub.versions, at)
        state = self._sub.versions[0].state if version is None else version.state
        return self._prices.worth(self.currency, state, at, self._on_customer(at))

    def _on_customer(self, at: int) -> Discount | None:
        version = in_force(self._life.customer.versions, at)
        return None if version is None else version.state.discount

    def edges(self) -> set[int]:
        """Versions of the subscription and of its customer, and discounts that a backdated service begins before."""
        return {
            self._begun,
            *(version.at for version in self._sub.versions),
            *(version.at for version in self._life.customer.versions),
            *(each.start for each in self._first),
        }

    def cause(self, at: int) -> str:
        """Of everything done in that second, the word for what went furthest in the way that the whole second went."""
        before, after = self.worth(at - 1), self.worth(at)
        delta = after.net_micros - before.net_micros
        done = [(cause, worth.net_micros - was.net_micros) for cause, was, worth in self._within(at, before) if was != worth]
        along = [(cause, own) for cause, own in done if own * delta >= 0]
        if not along:
            return done[-1][0] if done else ""
        furthest = max(abs(own) for _, own in along)
        return next(cause for cause, own in along if abs(own) == furthest)

    def _within(self, at: int, before: Worth) -> Iterator[tuple[str, Worth, Worth]]:
        """Each thing done in one second, with what the subscription was worth before and after it."""
        begun = at == self._begun
        said: list[tuple[str, SubscriptionState]] = []
        earlier = in_force(self._sub.versions, at - 1) or self._sub.versions[0]
        if any(each.start == at > self._begun for each in self._first):
            said.append(("discount_start", earlier.state))
        for number, version in enumerate(self._sub.versions):
            if (begun and number == 0) or (version.at == at and number > 0):
                # That it continues another one is seen only beside that other one: see `ledger`.
                said.append(("start" if version.cause == "migration" else version.cause, version.state))
        if not said:
            said.append((self._of_customer(at), earlier.state))
        for cause, state in said:
            after = self._prices.worth(self.currency, state, at, self._on_customer(at))
            yield cause, before, after
            before = after

    def _of_customer(self, at: int) -> str:
        was, now = self._on_customer(at - 1), self._on_customer(at)
        return "discount_end" if now is None else "discount_start" if was is None else "discount_change"
