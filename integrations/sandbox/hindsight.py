"""What can be known of a subscription by somebody who looks for the first time now.

Events reach back thirty days; before that there are only invoices and what an object dates itself. The sandbox knows which trace each
thing that it did has left, so it can say what is to be seen of it: changes prorated are dated to the second, others show at the next
cycle, pauses don't show at all. The rules are the documented ones; the difference between this ledger and the true one is what a
product that comes late can't know, and must say so. Nothing is shared with the product but those rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from integrations.sandbox.business import Business
from integrations.sandbox.catalog import Catalog
from integrations.sandbox.cycles import DAY
from integrations.sandbox.generations import generation
from integrations.sandbox.records import Discount, Invoice, Item, Life, Line, Subscription, SubscriptionState
from integrations.sandbox.truth import Truth, told
from integrations.sandbox.worth import Valuer, Worth, never_new

KEPT: Final = 30 * DAY
_NEVER: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the lines of one moment say of one item: what it is from then on, None if it is given up; `was` is what a credit names."""

    item: str
    now: Item | None
    was: Item | None
    cycle: bool


def hindsight(business: Business, now: int, timezone: str = "UTC") -> Iterator[Truth]:
    """What a first look at `now` can know of each customer, one at a time."""
    valuer = Valuer(business.catalog)
    for _, life in business.lives(now):
        lines = [seen(valuer, business, life, sub, now) for sub in life.subscriptions]
        yield told(life.customer.id, lines, timezone)


def seen(valuer: Valuer, business: Business, life: Life, sub: Subscription, now: int) -> list[Worth]:
    """A subscription's worth as far as it shows."""
    if never_new(life, sub, now):
        return []
    known = [version for version in sub.versions if version.at <= now]
    first = next((n for n, version in enumerate(known) if version.at >= now - KEPT), len(known))
    if first == 0:
        return valuer.moments(life, sub, now)
    upto = known[first].at if first < len(known) else now
    # The event of an end says nothing of the state before; every other one does.
    over = first < len(known) and known[first].state.status == "canceled"
    strong = known[first if over else first - 1].state
    if first < len(known) and not generation(business.api_version).endive:
        strong = replace(strong, held_at=None)  # only newer events date a pause
    drawn = [bill for bill in life.invoices if bill.subscription == sub.id and bill.created <= now]
    bills = [bill for bill in drawn if _standing(bill, now) != "draft"]
    marks = _marks(
        strong, [(bill.created, _standing(bill, now)) for bill in sorted(drawn, key=lambda each: each.place)], sub.start_date
    )
    held = _on_customer(life, now)
    steps = [
        valuer.worth(sub, state, at, _at(held, at))
        for at, state in _before(business.catalog, sub, strong, upto, bills, marks, [since for since, _ in held])
    ]
    rest = valuer.steps(life, sub, now, since=upto) if first < len(known) else [_listed(valuer, life, sub, strong, now)]
    return valuer.changes(sub, [*steps, *rest])


def _standing(bill: Invoice, now: int) -> str:
    return [step.status for step in bill.steps if step.at <= now][-1]


def _listed(valuer: Valuer, life: Life, sub: Subscription, state: SubscriptionState, now: int) -> Worth:
    return valuer.worth(sub, state, now if state.ended_at is None else state.ended_at, valuer.customer_discount(life, now))


def _on_customer(life: Life, now: int) -> list[tuple[int, Discount | None]]:
    """The customer's own discount as far as it shows: the first one that is known counts from its own start."""
    known = [version for version in life.customer.versions if version.at <= now]
    first = next((n for n, version in enumerate(known) if version.at >= now - KEPT), len(known))
    strong = known[max(0, first - 1)].state.discount
    out: list[tuple[int, Discount | None]] = [(strong.start, strong)] if strong is not None else []
    for version in known[first:]:
        if version.state.discount != (out[-1][1] if out else None):
            out.append((version.at, version.state.discount))
    return out


def _at(held: list[tuple[int, Discount | None]], at: int) -> Discount | None:
    return next((discount for since, discount in reversed(held) if since <= at), None)


def _before(
    catalog: Catalog, sub: Subscription, strong: SubscriptionState, upto: int, bills: list[Invoice], marks: list[tuple[int, str]],
    more: list[int],
) -> list[tuple[int, SubscriptionState]]:  # fmt: skip
    """The states before the first strong one, each with the moment from which it shows."""
    start, end = sub.start_date, min(upto, strong.ended_at or _NEVER)
    if strong.status in ("incomplete", "incomplete_expired") or start >= end:
        return []
    items = _items(catalog, sub, strong, start, end, bills)
    spans = _spans(strong, start, end, bills)
    edges = {start, *more, *(at for at, _ in items), *(at for span in spans for at in span[1:]), *(at for at, _ in marks)}
    edges |= {at for at in (strong.trial_start, strong.trial_end, strong.canceled_at) if at is not None}
    out = []
    for at in sorted(edge for edge in edges if start <= edge < end):
        held = [state for since, state in items if since <= at][-1]
        on = [discount for discount, since, until in spans if since <= at < until]
        status = [status for since, status in marks if since <= at]
        trial = strong.trial_start is not None and strong.trial_end is not None and strong.trial_start <= at < strong.trial_end
        state = replace(
            strong,
            status="trialing" if trial else status[-1] if status else "active",
            items=tuple(
                replace(each, discounts=tuple(d for d in on if d.level == "item" and d.holder == each.id)) for each in held
            ),
            discounts=tuple(each for each in on if each.level != "item"),
            pause_behavior=None,
            cancel_at=_NEVER if strong.canceled_at is not None and at >= strong.canceled_at else None,
            ended_at=None,
        )
        out.append((at, state))
    return out


def _marks(strong: SubscriptionState, bills: list[tuple[int, str]], start: int) -> list[tuple[int, str]]:
    """From when on the status that the strong state has shows: by its own date, or by the unpaid invoices, drafts among them."""
    if strong.status == "paused" and strong.held_at is not None:
        return [(max(start, strong.held_at), "paused")]
    if strong.status not in ("past_due", "unpaid"):
        return []
    paid = [n for n, (_, standing) in enumerate(bills) if standing == "paid"]
    rest = bills[paid[-1] + 1 :] if paid else bills
    failing = next((n for n, (_, standing) in enumerate(rest) if standing in ("open", "uncollectible")), len(rest))
    place = failing + (strong.status == "unpaid")
    return [(rest[place][0], strong.status)] if place < len(rest) else []


# --- what the lines say -----------------------------------------------------------------------------------------------------------


def _items(
    catalog: Catalog, sub: Subscription, strong: SubscriptionState, start: int, end: int, bills: list[Invoice]
) -> list[tuple[int, tuple[Item, ...]]]:
    moments: dict[int, list[_Shown]] = {}
    for bill in bills:
        for at, shown in _told_by(catalog, sub, bill):
            if at < end:
                moments.setdefault(at, []).append(shown)
    if not moments:
        return [(start, strong.items)]
    out: list[tuple[int, tuple[Item, ...]]] = []
    held: dict[str, Item] = {}
    for at in sorted(moments):
        group = moments[at]
        if not out and at > start:
            before = [shown.was for shown in group if shown.was is not None]
            if before:
                out.append((start, tuple(before)))
                held = {each.id: each for each in before}
        for shown in group:
            if shown.now is None:
                held.pop(shown.item, None)
            else:
                held[shown.item] = shown.now
        if any(shown.cycle for shown in group):
            billed = {shown.item for shown in group}
            held = {name: each for name, each in held.items() if name in billed or each.end > at}
        out.append((max(start, at) if out else start, tuple(held.values())))
    return out


def _told_by(catalog: Catalog, sub: Subscription, bill: Invoice) -> Iterator[tuple[int, _Shown]]:
    """What one invoice says: of each item, at each moment, one thing."""
    groups: dict[tuple[int, str], list[Line]] = {}
    for line in bill.lines:
        if line.item is not None and line.price is not None and not catalog.prices[line.price].metered:
            groups.setdefault((line.start, line.item), []).append(line)
    for (at, name), lines in groups.items():
        given_up = [line for line in lines if line.kind == "credit"]
        debits = [line for line in lines if line.kind == "debit"]
        cycles = [line for line in lines if line.kind == "cycle"]
        if debits:
            now: Item | None = _item(name, debits[-1])
        elif cycles:
            now = _as_billed(sub, name, cycles[0])
        else:
            now = None
        yield at, _Shown(name, now, _item(name, given_up[0]) if given_up else None, bool(cycles))


def _item(name: str, line: Line) -> Item:
    return Item(name, line.price or "", line.quantity, line.start, line.start, line.end, line.start, 1)


def _as_billed(sub: Subscription, name: str, line: Line) -> Item:
    """The item behind its cycle lines, which may be one for each tier."""
    for version in sub.versions:
        for each in version.state.items:
            if each.id == name and each.price == line.price and (each.start, each.end) == (line.start, line.end):
                return each
    return _item(name, line)


def _spans(strong: SubscriptionState, start: int, end: int, bills: list[Invoice]) -> list[tuple[Discount, int, int]]:
    """The discounts that lines or the strong state name, each from when to when it shows."""
    still = {each.id: each for each in (*strong.discounts, *(d for item in strong.items for d in item.discounts))}
    found = dict(still)
    lines = [(bill, line) for bill in bills for line in bill.lines if line.item is not None and line.start < end]
    for _, line in lines:
        for discount, _ in line.discounts:
            found.setdefault(discount.id, discount)
    out = []
    for discount in sorted(found.values(), key=lambda each: (each.start, each.id)):
        until = discount.end or _NEVER
        if discount.id not in still:
            lacking = [
                line.start
                for _, line in lines
                if line.kind == "cycle"
                and line.amount != 0
                and line.start > discount.start
                and (discount.level != "item" or line.item == discount.holder)
                and all(each.id != discount.id for each, _ in line.discounts)
            ]
            until = min(until, min(lacking, default=end))
        out.append((discount, max(start, discount.start), until))
    return out
