"""What invoice lines say about a subscription in the time that no event or listing covers.

Stripe keeps events for thirty days; before that only invoices remain. A recurring line says what an item was during its period, a
pair of proration lines dates a change and names the old and the new state, and a discount on a line dates itself. This module
turns the lines that fall between two stronger facts into states, and says which of them are inferred. It must not look at
statuses or count anything: that is `metrics.timeline`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from metrics.evidence import Catalog, Discount, Instant, InvoiceEvidence, InvoiceLine, Item, Price, Subscription
from metrics.pricing import quantity_behind

ABSENT = Instant(-(2**62))
NEVER = Instant(2**62)


@dataclass(frozen=True, slots=True)
class Known:
    """The subscription was so from `at` on, as `evidence` (object ids) says."""

    at: Instant
    subscription: Subscription
    evidence: tuple[str, ...]
    inferred: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """What the lines of one invoice say of one item from `at` on. `kind` is cycle, credit or debit."""

    at: Instant
    until: Instant
    kind: str
    item: str
    price: str | None
    quantity: int | None
    discounts: tuple[Discount, ...]
    amount: int
    invoice: str
    invoiced: Instant
    ids: tuple[str, ...]


@dataclass(slots=True)
class _Running:
    """The items as the walk over the points has them so far."""

    items: dict[str, Item] = field(default_factory=dict)
    in_arrears: frozenset[str] = frozenset()
    """Metered items that are there at the end: they are billed when a period is over, so a cycle without them says nothing."""


_ORDER = {"credit": 0, "debit": 1, "cycle": 2}


def points(invoices: Iterable[InvoiceEvidence], catalog: Catalog, items: Sequence[Item]) -> list[Point]:
    """The points of a subscription's invoices in order of time; drafts and one-off items say nothing.

    `items` are those of the known states: a proration line of the older kind names no item, only its price.
    """
    out: list[Point] = []
    billed = sorted((i for i in invoices if i.head.status != "draft"), key=lambda i: (i.head.created, i.head.id))
    for number, invoice in enumerate(billed):
        lines = [line for line in invoice.lines if _is_recurring(line, catalog)]
        nameless = any(line.item is None for line in lines)
        later = (line for following in billed[number + 1 :] for line in following.lines) if nameless else ()
        named = _with_items(lines, items, out, later)
        groups: dict[tuple[str, Instant, str, str], list[InvoiceLine]] = defaultdict(list)
        for line, item in named:
            kind = "cycle" if not line.proration else ("credit" if line.gives_back else "debit")
            price = catalog.prices.get(line.price or "")
            # Only a tiered price has several lines for one state; else each proration line is a state of its own.
            alone = line.id if kind != "cycle" and price is not None and price.scheme != "tiered" else ""
            groups[item, line.period_start, kind, alone].append(line)
        for (item, at, kind, _), group in groups.items():
            out.append(_point(item, at, kind, group, invoice, catalog))
    out.sort(key=lambda p: (p.at, p.invoiced, _ORDER[p.kind], p.item))  # stable: pairs of one second stay in the invoice's order
    return out


def _is_recurring(line: InvoiceLine, catalog: Catalog) -> bool:
    price = catalog.prices.get(line.price or "")
    if price is not None:
        return price.kind == "recurring"
    return line.item is not None or line.proration


def _with_items(
    lines: Sequence[InvoiceLine], items: Sequence[Item], before: Sequence[Point], later: Iterable[InvoiceLine]
) -> list[tuple[InvoiceLine, str]]:
    """Each line with its item; where the line names none, the item that held the price, or whose credit it answers.

    Who held a price is said by earlier lines, by those before it on the same invoice (a change may follow another), by the next
    cycle that names the item, or by the known states.
    """
    by_price = {i.price: i.id for i in items}
    by_price |= {line.price: line.item for line in sorted(later, key=lambda each: each.period_start, reverse=True) if line.item}
    by_price |= {p.price: p.item for p in before}
    by_price |= {line.price: line.item for line in lines if line.item}
    known = {item for item in by_price.values() if item is not None}
    alone = next(iter(known)) if len(known) == 1 else None  # the only item there is must be the one that changed
    found: dict[str, str] = {}
    credited: dict[Instant, list[str]] = defaultdict(list)
    for line in sorted(lines, key=lambda each: (each.period_start, not each.gives_back)):
        if line.item is not None:
            item = line.item
        elif line.gives_back:
            item = by_price.get(line.price) or alone or f"price:{line.price}"
        else:
            waiting = credited[line.period_start]
            item = waiting[0] if waiting else (by_price.get(line.price) or f"price:{line.price}")
        if line.gives_back:
            if item not in credited[line.period_start]:
                credited[line.period_start].append(item)
        else:
            by_price[line.price] = item
            if item in credited[line.period_start]:
                credited[line.period_start].remove(item)
        found[line.id] = item
    return [(line, found[line.id]) for line in lines]


def _point(item: str, at: Instant, kind: str, group: list[InvoiceLine], invoice: InvoiceEvidence, catalog: Catalog) -> Point:
    # A credit may be split over the debits that it takes back; the newest of them names the state, so quantities must not add up.
    split = kind == "credit" and len(group) > 1
    price = group[-1].price
    known = catalog.prices.get(price or "")
    quantity = group[-1].quantity if split else _quantity(group, known)
    if known is not None and known.usage == "metered":
        quantity = None  # the line's quantity is what was used, not what the item is
    discounts: dict[str, Discount] = {}
    for line in group:
        discounts |= {discount.id: discount for discount, _ in line.discounts}
    return Point(
        at,
        max(line.period_end for line in group),
        kind,
        item,
        price,
        quantity,
        tuple(discounts.values()),
        sum(line.amount for line in group),
        invoice.head.id,
        invoice.head.created,
        tuple(line.id for line in group),
    )


def _quantity(group: Sequence[InvoiceLine], price: Price | None) -> int | None:
    """The item's quantity behind its lines of one period: a tiered price is billed as a line for each tier and each flat fee."""
    if len(group) == 1 and (price is None or price.scheme != "tiered"):
        return group[0].quantity
    return quantity_behind([(line.quantity, line.amount) for line in group], price, group[0].currency)


def fill(
    before: Known | None, after: Subscription, after_at: Instant, line_points: Sequence[Point], *, start: Instant
) -> list[Known]:
    """The states between a known one (None: nothing is known before) and the next known one, as the lines have them.

    `line_points` are all points of the subscription in order; those in (before.at, after_at) are used, from `start` on when
    nothing is known before. The last state before `after_at` may differ from `after`: then the change left no trace.
    """
    since = before.at if before else ABSENT
    used = [p for p in line_points if since < p.at < after_at]
    if not used and (before is None or not (_has_discounts(before.subscription) or _has_discounts(after))):
        return []
    running = _Running(
        {i.id: i for i in before.subscription.items} if before else {}, frozenset(i.id for i in after.items if i.quantity is None)
    )
    template = before.subscription if before else after
    moments = sorted({p.at for p in used})
    out: list[Known] = []
    by_moment: dict[Instant, list[Point]] = defaultdict(list)
    for point in used:
        by_moment[point.at].append(point)
    for moment in moments:
        inferred, note = _apply(running, by_moment[moment])
        out.append(
            Known(
                moment,
                replace(template, items=tuple(running.items.values()), discounts=()),
                _evidence(by_moment[moment]),
                inferred and bool(out or before),
                note,
            )
        )
    if before is None:
        if out[0].at > start:
            credited = [p for p in by_moment[moments[0]] if p.kind == "credit"]
            if credited:
                out.insert(0, _given_up(credited, template, start))
            else:
                out[0] = replace(out[0], at=start)
        elif out[0].at < start:
            out = [replace(k, at=max(k.at, start)) for k in out]
            out = [k for k, nxt in zip(out, [*out[1:], None], strict=True) if nxt is None or nxt.at > k.at]
    return _with_discounts(before, out, after, after_at, used, line_points)


def _has_discounts(subscription: Subscription) -> bool:
    return bool(subscription.discounts) or any(item.discounts for item in subscription.items)


def _given_up(credited: Sequence[Point], template: Subscription, start: Instant) -> Known:
    """What was before the first change that any line shows: its credits say so, only not since when."""
    items = {p.item: Item(p.item, p.price, p.quantity) for p in credited}
    note = "the first line that is known takes this back: it is carried back to the start"
    return Known(start, replace(template, items=tuple(items.values()), discounts=()), _evidence(credited), True, note)


def _evidence(group: Sequence[Point]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(i for p in group for i in (p.invoice, *p.ids)))


def _apply(running: _Running, group: Sequence[Point]) -> tuple[bool, str]:
    """Lay the points of one moment over the running items; tells whether something in it left no trace of its own."""
    items = running.items
    inferred, note = False, ""
    billed: set[str] = set()
    for item in dict.fromkeys(p.item for p in group):
        own = [p for p in group if p.item == item]
        given_up = [p for p in own if p.kind == "credit"]
        cycle = next((p for p in reversed(own) if p.kind == "cycle"), None)
        held = items.get(item)
        gone, new = _settled(given_up, [p for p in own if p.kind == "debit"], cycle, held)
        if held is not None and gone and all(_shape(p) != (held.price, held.quantity) for p in gone):
            inferred, note = True, "the credit names a state that no earlier line shows: an earlier change left no trace"
        if new is None:
            items.pop(item, None)
            continue
        billed.add(item)
        if new is cycle and held is not None and (held.price, held.quantity) != _shape(new):
            inferred, note = True, "changed without a proration within the cycle before: dated at the cycle's start"
        if new is cycle and held is None and items:
            inferred = True
        items[item] = Item(item, new.price, new.quantity, (), new.at, new.until)
    if any(p.kind == "cycle" for p in group):
        for item, held in list(items.items()):
            if item in billed or item in running.in_arrears:
                continue
            if held.period_end is not None and held.period_end <= group[0].at:
                del items[item]
                inferred, note = True, "missing from the next cycle: removed without a proration"
    return inferred, note


def _settled(
    given_up: Sequence[Point], debits: Sequence[Point], cycle: Point | None, held: Item | None
) -> tuple[list[Point], Point | None]:
    """What one item's points of one moment come to: the states that were given up, and the one that holds from now on.

    Within one second there may be several pairs: a debit that another pair credits again was only a step on the way. A cycle of
    the same second comes first if a credit gives its state back, else last.
    """
    gone, steps = list(given_up), list(debits)
    for debit in debits:
        match = next((c for c in gone if _shape(c) == _shape(debit)), None)
        if match is not None:
            gone.remove(match)
            steps.remove(debit)
    given_back = cycle is not None and _shape(cycle) in {_shape(c) for c in given_up}
    if cycle is not None and not given_back:
        return gone, cycle
    if steps:
        return gone, steps[-1]
    if cycle is not None:  # given back as a whole, it is gone; else the credit was for what was left of the period before
        return gone, None if any(c.until == cycle.until for c in gone) else cycle
    if debits:
        kept = held is not None and next((d for d in debits if _shape(d) == (held.price, held.quantity)), None)
        return gone, kept or debits[-1]
    return gone, None


def _shape(point: Point) -> tuple[str | None, int | None]:
    return point.price, point.quantity


@dataclass(frozen=True, slots=True)
class _Span:
    """A discount on the subscription (item None) or on an item, in force over [start, end)."""

    discount: Discount
    item: str | None
    end: Instant


def _with_discounts(
    before: Known | None,
    states: list[Known],
    after: Subscription,
    after_at: Instant,
    used: Sequence[Point],
    all_points: Sequence[Point],
) -> list[Known]:
    """Put on each state the discounts that the lines and the two known states show, each over the time that it dates itself."""
    spans = _spans(before, after, after_at, used, all_points)
    if not spans and not (before and states):
        return states
    first = before.at if before else (states[0].at if states else after_at)
    edges = {s.discount.start for s in spans} | {s.end for s in spans}
    base = ([before] if before else []) + states
    out: list[Known] = []
    for index, known in enumerate(base):
        until = base[index + 1].at if index + 1 < len(base) else after_at
        cuts = [known.at, *sorted(e for e in edges if known.at < e < until)]
        for cut in cuts:
            if before is not None and index == 0 and cut == known.at:
                continue
            subscription = _dressed(known.subscription, spans, cut)
            moved = cut != known.at
            ids = tuple(s.discount.id for s in spans if cut in (s.discount.start, s.end)) if moved else known.evidence
            out.append(Known(cut, subscription, ids, known.inferred and not moved, "" if moved else known.note))
    return [k for k in out if k.at >= first]


def _spans(
    before: Known | None, after: Subscription, after_at: Instant, used: Sequence[Point], all_points: Sequence[Point]
) -> list[_Span]:
    held: dict[tuple[str, str | None], Discount] = {}
    levels: dict[str, set[str | None]] = defaultdict(set)
    for subscription in ([before.subscription] if before else []) + [after]:
        for d in subscription.discounts:
            held[d.id, None] = d
            levels[d.id].add(None)
        for item in subscription.items:
            for d in item.discounts:
                held[d.id, item.id] = d
                levels[d.id].add(item.id)
    for point in used:
        for d in point.discounts:
            if levels[d.id]:
                continue
            # A discount that all lines of an invoice carry is the subscription's; one that only some carry, be it once, is theirs.
            carrying = {p.invoice for p in all_points if any(x.id == d.id for x in p.discounts)}
            bearers = {p.item for p in all_points if any(x.id == d.id for x in p.discounts)}
            mates = {p.item for p in all_points if p.invoice in carrying and p.kind == "cycle" and p.quantity is not None}
            targets: set[str | None] = {None} if bearers >= mates else set(bearers)
            for target in targets:
                held[d.id, target] = d
            levels[d.id] |= targets
    still = {d.id for d in after.discounts} | {d.id for i in after.items for d in i.discounts}
    out = []
    for (discount_id, target), d in sorted(held.items(), key=lambda kv: (kv[1].start, kv[0][0], kv[0][1] or "")):
        end = d.end if d.end is not None else NEVER
        if discount_id not in still:
            lacking = [
                p.at
                for p in used
                if p.kind == "cycle"
                and p.amount != 0
                and p.quantity is not None  # usage is billed afterwards, when the discount may be over
                and p.at > d.start
                and (target is None or p.item == target)
                and all(x.id != discount_id for x in p.discounts)
            ]
            end = min(end, min(lacking, default=after_at))
        if end > d.start:
            out.append(_Span(d, target, end))
    return out


def _dressed(subscription: Subscription, spans: Sequence[_Span], at: Instant) -> Subscription:
    now = [s for s in spans if s.discount.start <= at < s.end]
    items = tuple(replace(item, discounts=tuple(s.discount for s in now if s.item == item.id)) for item in subscription.items)
    return replace(subscription, items=items, discounts=tuple(s.discount for s in now if s.item is None))
