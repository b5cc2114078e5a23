"""What can be known of a subscription by somebody who looks for the first time now.

Events reach back thirty days; before that there are invoices, and what an object dates itself. Of any moment before the events this asks
what the invoices say of it: of each item the line that began last, of each discount whether a later line went without it. The difference
between this ledger and the true one is what a product that comes late can't know, and must say so.
"""

from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from msgspec.structs import replace

from integrations.sandbox.api_versions import generation
from integrations.sandbox.oracle.ledger import Truth, told
from integrations.sandbox.oracle.moments import OUT, Lived, Prices, Worth, never_new
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.records import Discount, Invoice, Item, Life, Line, Subscription, SubscriptionState, in_force

KEPT: Final = 30 * DAY
_FAR: Final = 1 << 40
_UNBILLED: Final = 1 << 30
"""The number of the invoice that is still to come."""


def first_look(business: Business, now: int, timezone: str = "UTC") -> Iterator[Truth]:
    """What a first look at `now` can know of each customer, one at a time."""
    prices = Prices(business.catalog)
    for _, life in business.lives(now):
        views = [Late(prices, business, life, sub, now) for sub in life.subscriptions]
        yield told(life.customer.id, views, now, timezone)


class _Said(NamedTuple):
    """What one invoice says of one item from `start` on: what it is (None: given up), and what it was before, if a credit names it."""

    start: int
    item: str
    bill: int
    now: Item | None
    was: Item | None
    cycle: bool


class Late:
    """A subscription as far as it shows. Nothing here says why it changed: invoices don't."""

    def __init__(self, prices: Prices, business: Business, life: Life, sub: Subscription, now: int) -> None:
        self.subscription, self.currency = sub.id, sub.currency
        self._prices, self._sub, self._life, self._now = prices, sub, life, now
        self._lived = Lived(prices, life, sub, now)
        self._nothing = never_new(life, sub, now)
        known = [version for version in sub.versions if version.at <= now]
        told_by_event = [n for n, version in enumerate(known) if version.at >= now - KEPT]
        first = told_by_event[0] if told_by_event else len(known)
        self._whole = first == 0
        self._by_events = bool(told_by_event)
        self.upto = known[first].at if told_by_event else now
        """From here on it is known as it was."""
        # The event of an end says nothing of the state before; every other one does.
        over = told_by_event != [] and known[first].state.status == "canceled"
        told_first = max(0, first if over else first - 1)
        strong = known[told_first].state
        held_still = all(version.state.status == "paused" for version in known[told_first:])
        if told_by_event and not generation(business.api_version).endive and not held_still:
            strong = replace(strong, held_at=None)  # only newer events date a pause, and the listing one that lasts
        self._strong = strong
        self._end = min(self.upto, strong.ended_at or _FAR)
        own = [bill for bill in life.invoices if bill.subscription == sub.id and bill.created <= now]
        self._drawn = sorted(own, key=lambda bill: bill.place)
        self._bills = [bill for bill in own if _standing(bill, now) != "draft"]
        said = [said for n, bill in enumerate(self._bills) for said in _told_by(prices.catalog, n, bill) if said.start < self._end]
        said += [each for each in _waiting(life, sub, now) if each.start < self._end]
        said.sort(key=lambda said: (said.start, said.bill))
        self._said = [each for each in said if not self._never_came(each, said)]
        self._unreadable = {line.start for bill in self._bills for line in bill.lines if line.blank}
        self._starts = [said.start for said in self._said]
        self._items_after = cache(self._items_when)
        self._unpaid_since = self._paused_since()

    # --- what it was at a moment ----------------------------------------------------------------------------------------------------

    def worth(self, at: int) -> Worth:
        """By what shows of that moment."""
        if self._nothing:
            return OUT
        if self._whole or (self._by_events and at >= self.upto):
            return self._lived.worth(at)
        if at >= min(self.upto, self._strong.ended_at or _FAR):
            return self._prices.worth(self.currency, self._strong, at, self._customers(at))
        if at < self._sub.start_date or self._strong.status in ("incomplete", "incomplete_expired"):
            return OUT
        return self._prices.worth(self.currency, self._past(at), at, self._customers(at))

    def edges(self) -> set[int]:
        """Everything that any invoice, event or date of the subscription's own is dated with."""
        strong = self._strong
        dates = (strong.trial_start, strong.trial_end, strong.canceled_at, strong.ended_at, strong.held_at)
        found = {self._sub.start_date, self.upto, self._now, *self._lived.edges(), *(at for at in dates if at is not None)}
        for bill in self._drawn:
            found |= {bill.created, *(line.start for line in bill.lines), *(line.end for line in bill.lines)}
        for discount in self._discounts():
            found |= {discount.start, *(() if discount.end is None else (discount.end,))}
        found |= {said.start for said in self._said}
        for version in self._life.customer.versions:
            if version.state.discount is not None:
                found.add(version.state.discount.start)
        return found

    def cause(self, at: int) -> str:
        """Not known."""
        return self._lived.cause(at) if self._whole or at >= self.upto else ""

    def _past(self, at: int) -> SubscriptionState:
        strong = self._strong
        on = [each for each in self._discounts() if self._holds(each, at)]
        items = tuple(
            replace(each, discounts=tuple(d for d in on if d.level == "item" and d.holder == each.id))
            for each in self._items_after(bisect_right(self._starts, at))
        )
        asked = strong.canceled_at is not None and strong.canceled_at <= at
        return replace(
            strong,
            status=self._status(at),
            items=items,
            discounts=tuple(each for each in on if each.level != "item"),
            pause_behavior=strong.pause_behavior if self._unpaid_since <= at else None,
            cancel_at=_FAR if asked else None,
            ended_at=None,
        )

    def _status(self, at: int) -> str:
        """On trial by the dates of the trial; as it is now from where that began, by its own date or by invoices; else active."""
        strong = self._strong
        if strong.trial_start is not None and strong.trial_end is not None and strong.trial_start <= at < strong.trial_end:
            return "trialing"
        if strong.status == "paused" and strong.held_at is not None:
            return "paused" if at >= strong.held_at else "active"
        if strong.status not in ("past_due", "unpaid"):
            return "active"
        standings = [_standing(bill, self._now) for bill in self._drawn]
        since_paid = max((n + 1 for n, standing in enumerate(standings) if standing == "paid"), default=0)
        failing = [n for n in range(since_paid, len(standings)) if standings[n] in ("open", "uncollectible")]
        place = min(failing, default=len(standings)) + (strong.status == "unpaid")
        return strong.status if place < len(standings) and self._drawn[place].created <= at else "active"

    def _paused_since(self) -> int:
        """When a pause of collection that is older than the events shows first: the cycle that none after it was paid."""
        unpaid: list[int] = []
        for bill in self._bills:
            cycles = [line.start for line in bill.lines if line.kind == "cycle"]
            if _standing(bill, self._now) in ("void", "uncollectible"):
                unpaid += cycles[:1]
            elif cycles:
                unpaid = []
        return min(unpaid, default=_FAR)

    def _customers(self, at: int) -> Discount | None:
        """The customer's own discount: known from its own start, if it was held when events begin; by its events after that."""
        known = [version for version in self._life.customer.versions if version.at <= self._now]
        recent = [n for n, version in enumerate(known) if version.at >= self._now - KEPT]
        held = known[max(0, (recent[0] if recent else len(known)) - 1)].state.discount
        now = in_force(tuple(known[n] for n in recent), at)
        if now is not None and not (recent[0] == 0 and now is known[0]):
            return now.state.discount
        return held if held is not None and held.start <= at else None

    # --- what the invoices say ------------------------------------------------------------------------------------------------------

    def _items_when(self, count: int) -> tuple[Item, ...]:
        """The items after the first `count` things said; before anything was said, as the first of it says that they were."""
        if not self._said:
            return self._strong.items
        opening = [said for said in self._said if said.start == self._starts[0]]
        before = {said.item: said.was for said in opening if said.was is not None}
        later = self._starts[0] > self._sub.start_date
        if count == 0 and later and before:
            return tuple(before.values())
        said_by_then = self._said[: count or len(opening)]
        at = said_by_then[-1].start
        latest = {said.item: said for said in said_by_then}
        kept: dict[str, Item] = dict(before) if later else {}
        ordered = sorted(latest, key=lambda name: next(n for n, said in enumerate(said_by_then) if said.item == name))
        for name in ordered:
            said = latest[name]
            if said.now is None or self._left_out(said, said_by_then, at):
                kept.pop(name, None)
            else:
                kept[name] = said.now
        return tuple(kept.values())

    def _never_came(self, said: _Said, others: list[_Said]) -> bool:
        """Whether it is a proration on an invoice that was voided unpaid, and nothing later bears it out."""
        if said.bill == _UNBILLED:
            return False
        bill = self._bills[said.bill]
        unpaid = all(step.status != "paid" for step in bill.steps if step.at <= self._now)
        if said.cycle or _standing(bill, self._now) != "void" or not unpaid:
            return False
        later = next((o.now for o in others if o.item == said.item and o.start > said.start), _last_of(said.item, self._strong))
        return _terms(later) != _terms(said.now)

    def _left_out(self, said: _Said, others: list[_Said], at: int) -> bool:
        """Whether a cycle after the item's last one was over billed others and not it, on lines that could all be read."""
        assert said.now is not None
        return any(
            other.cycle and said.start < other.start <= at and other.start >= said.now.end and other.start not in self._unreadable
            for other in others
        )

    def _discounts(self) -> list[Discount]:
        found = {each.id: each for each in self._on_strong()}
        for bill in self._bills:
            for line in bill.lines:
                if line.item is not None and line.start < self._end:
                    for discount, _ in line.discounts:
                        found.setdefault(discount.id, discount)
        return sorted(found.values(), key=lambda each: (each.start, each.id))

    def _on_strong(self) -> Iterator[Discount]:
        yield from self._strong.discounts
        for item in self._strong.items:
            yield from item.discounts

    def _holds(self, discount: Discount, at: int) -> bool:
        """Whether a discount was on at `at`: it had begun, had not ended, and no cycle since went without it."""
        if not discount.start <= at < (discount.end or _FAR):
            return False
        if any(each.id == discount.id for each in self._on_strong()):
            return True
        return not any(
            self._goes_without(line, discount)
            for bill in self._bills
            for line in bill.lines
            if discount.start < line.start <= at and line.start < self._end
        )

    def _goes_without(self, line: Line, discount: Discount) -> bool:
        if line.kind != "cycle" or line.amount == 0 or line.item is None or line.price is None:
            return False
        scope = self._prices.catalog.coupons[discount.coupon].products
        concerned = discount.holder == line.item if discount.level == "item" else True
        if scope and self._prices.catalog.prices[line.price].product not in scope:
            concerned = False
        return concerned and all(each.id != discount.id for each, _ in line.discounts)


def _standing(bill: Invoice, now: int) -> str:
    return [step.status for step in bill.steps if step.at <= now][-1]


def _last_of(item: str, state: SubscriptionState) -> Item | None:
    return next((each for each in state.items if each.id == item), None)


def _terms(item: Item | None) -> tuple[str, int] | None:
    return None if item is None else (item.price, item.quantity)


def _waiting(life: Life, sub: Subscription, now: int) -> Iterator[_Said]:
    """What prorations say that no invoice has yet: they come after everything that is billed."""
    groups: dict[tuple[int, str], list[Line]] = {}
    for held in life.invoice_items:
        over = min(held.invoiced_at or _FAR, held.removed_at or _FAR)
        if held.subscription == sub.id and held.created <= now < over and held.line.item is not None:
            groups.setdefault((held.line.start, held.line.item), []).append(held.line)
    for (at, name), lines in groups.items():
        back, debits = ([line for line in lines if line.kind == kind] for kind in ("credit", "debit"))
        yield _Said(
            at, name, _UNBILLED, _item(name, debits[-1:]) if debits else None, _item(name, back[:1]) if back else None, cycle=False
        )


def _told_by(catalog: Catalog, number: int, bill: Invoice) -> Iterator[_Said]:
    """What an invoice says of each item at each moment, in one thing: a line that leaves something out says nothing."""
    groups: dict[tuple[int, str], list[Line]] = {}
    for line in bill.lines:
        if line.item is not None and line.price is not None and not catalog.prices[line.price].metered and not line.blank:
            groups.setdefault((line.start, line.item), []).append(line)
    for (at, name), lines in groups.items():
        back, debits, cycles = ([line for line in lines if line.kind == kind] for kind in ("credit", "debit", "cycle"))
        here: Item | None = None
        if debits:
            here = _item(name, debits[-1:])
        elif cycles:
            here = _item(name, [line for line in cycles if line.price == cycles[0].price])
        yield _Said(at, name, number, here, _item(name, back[:1]) if back else None, bool(cycles))


def _item(name: str, lines: list[Line]) -> Item:
    """The item behind its lines, of which there may be one for each tier and flat amount."""
    one = lines[0]
    return Item(name, one.price or "", sum(line.quantity for line in lines), one.start, one.start, one.end, one.start, 1)
