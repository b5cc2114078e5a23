"""What invoice lines say about a subscription in the time that no event or listing covers.

Stripe keeps events for thirty days; before that only invoices remain. A recurring line says what an item was during its period, a
pair of proration lines dates a change and names the old and the new state, and a discount on a line dates itself. This module
turns the lines that fall between two stronger facts into states, and says which of them are inferred. It must not look at
statuses or count anything: that is `metrics.timeline.timeline`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metrics.assigned import assigned, replace
from metrics.evidence import Discount, Instant, Item, Subscription, SubscriptionState
from metrics.pricing.catalog import Catalog
from metrics.timeline.lines.points import Point, Shape, shape
from metrics.timeline.states.told_elsewhere import trials_of, with_trials

ABSENT = Instant(-(2**62))
NEVER = Instant(2**62)


@assigned
@dataclass(frozen=True, slots=True)
class KnownState:
    """The subscription was so from `at` on, as `evidence` (object ids) says."""

    at: Instant
    subscription: Subscription
    evidence: tuple[str, ...]
    inferred: bool = False
    note: str = ""


@dataclass(slots=True)
class _Running:
    """The items as the walk over the points has them so far."""

    items: dict[str, Item] = field(default_factory=dict)
    in_arrears: frozenset[str] = frozenset()
    """Metered items that are there at the end: they are billed when a period is over, so a cycle without them says nothing."""
    first_told: Mapping[str, Shape] = field(default_factory=dict)


def fill(
    before: KnownState | None,
    after: Subscription,
    after_at: Instant,
    line_points: Sequence[Point],
    catalog: Catalog,
    *,
    start: Instant,
    following: Sequence[SubscriptionState] = (),
) -> list[KnownState]:
    """The states between a known one (None: nothing is known before) and the next known one, as the lines have them.

    `line_points` are all points of the subscription in order; those in (before.at, after_at) are used, from `start` on when
    nothing is known before. The last state before `after_at` may differ from `after`: then the change left no trace. `following` are the
    states after that, which tell of items that `after` doesn't show.
    """
    since = before.at if before else ABSENT
    used = [p for p in line_points if since < p.at < after_at]
    if not used and (before is None or not (_has_discounts(before.subscription) or _has_discounts(after))):
        return []
    running = _Running(
        {i.id: i for i in before.subscription.items} if before else {},
        frozenset(i.id for i in after.items if i.quantity is None),
        _first_told(line_points, since, after, after_at, following) if any(p.silent for p in used) else {},
    )
    template = before.subscription if before else after
    moments = sorted({p.at for p in used})
    out: list[KnownState] = []
    by_moment: dict[Instant, list[Point]] = defaultdict(list)
    for point in used:
        by_moment[point.at].append(point)
    for moment in moments:
        inferred, note = _apply(running, by_moment[moment], catalog)
        if not (out or before or running.items):
            continue  # the first line says nothing of what it bills, and nothing else does
        out.append(
            KnownState(
                moment,
                replace(template, items=tuple(running.items.values()), discounts=()),
                _evidence(by_moment[moment]),
                inferred and (bool(out or before) or any(p.silent for p in by_moment[moment])),
                note,
            )
        )
    if before is None and not out:
        return []
    if before is None:
        if out[0].at > start:
            credited = [p for p in by_moment[out[0].at] if p.kind == "credit" and not p.silent]
            if credited:
                out.insert(0, _given_up(credited, template, start))
            else:
                out[0] = replace(out[0], at=start)
        elif out[0].at < start:
            out = [replace(k, at=max(k.at, start)) for k in out]
            out = [k for k, nxt in zip(out, [*out[1:], None], strict=True) if nxt is None or nxt.at > k.at]
    trials = trials_of(after)
    if trials:
        out = [replace(k, subscription=with_trials(k.subscription, trials)) for k in out]
    showing = [p for p in line_points if since < p.said_at < after_at]
    return _with_discounts(before, out, after, after_at, showing, line_points, catalog)


def _first_told(
    line_points: Sequence[Point], since: Instant, after: Subscription, after_at: Instant, following: Sequence[SubscriptionState]
) -> dict[str, Shape]:
    """What each item is the first time that something says it: a cycle, a credit that names what was, or the state seen next."""
    told = [(after_at, item.id, shape(item)) for item in after.items]
    told += [(state.at, item.id, shape(item)) for state in following for item in state.subscription.items]
    telling = [p for p in line_points if p.said_at > since and (p.half or not p.silent) and p.kind != "debit"]
    told += [(p.said_at, p.item, shape(p)) for p in telling]
    told.sort(
        key=lambda each: each[0]
    )  # stable: on one moment a state comes first, and what a credit gives back before what is billed
    out: dict[str, Shape] = {}
    for _, item, what in told:
        out.setdefault(item, what)
    return out


def _has_discounts(subscription: Subscription) -> bool:
    return bool(subscription.discounts) or any(item.discounts for item in subscription.items)


def _given_up(credited: Sequence[Point], template: Subscription, start: Instant) -> KnownState:
    """What was before the first change that any line shows: its credits say so, only not since when."""
    items = {
        p.item: Item(p.item, p.price, p.quantity, quantity_decimal=p.quantity_decimal, price_version=p.price_version)
        for p in credited
    }
    note = "the first line that is known takes this back: it is carried back to the start"
    return KnownState(start, replace(template, items=tuple(items.values()), discounts=()), _evidence(credited), True, note)


def _evidence(group: Sequence[Point]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(i for p in group for i in (p.invoice, *p.ids)))


def _apply(running: _Running, group: Sequence[Point], catalog: Catalog) -> tuple[bool, str]:
    """Lay the points of one moment over the running items; tells whether something in it left no trace of its own."""
    items = running.items
    inferred, note = False, ""
    billed: set[str] = set()
    partial = any(p.partial for p in group)
    for p in group:
        if p.ahead and p.until > p.at and (known := items.get(p.item)) is not None:
            billed.add(p.item)
            items[p.item] = replace(known, period_end=max(p.until, known.period_end or p.until))
    by_item: dict[str, list[Point]] = {}
    for p in group:
        if not p.ahead:
            by_item.setdefault(p.item, []).append(p)
    for item, own in by_item.items():
        held = items.get(item)
        if held is not None and len(own) == 1 and _goes_on(held, own[0]):
            billed.add(item)
            items[item] = _billed_again(held, own[0])
            continue
        told = _told(own, partial=partial)
        if not told:
            billed.add(item)
            kept = held or _as_first_told(running, item)
            if kept is not None:
                until = max((p.until for p in own if p.kind != "credit"), default=kept.period_end or own[0].at)
                items[item] = replace(kept, period_end=max(until, kept.period_end or until))
            if held is None:
                inferred, note = True, "its line doesn't say what it was: it is taken to have been what is said of it first"
            continue
        given_up = [p for p in told if p.kind == "credit"]
        cycle = next((p for p in reversed(told) if p.kind == "cycle"), None)
        gone, new = _settled(given_up, [p for p in told if p.kind == "debit"], cycle, held)
        if held is not None and gone and all(shape(p) != shape(held) for p in gone):
            inferred, note = True, "the credit names a state that no earlier line shows: an earlier change left no trace"
        if new is None:
            items.pop(item, None)
            continue
        billed.add(item)
        # A credit of that moment that names what was dates the change, whatever the line of the new state looks like.
        dated = held is not None and any(shape(p) == shape(held) for p in gone)
        if new is cycle and held is not None and not dated and _is_another(held, new, catalog):
            inferred, note = True, "changed without a proration within the cycle before: dated at the cycle's start"
        if new is cycle and held is None and items:
            inferred = True
        now = held or Item(item, new.price, new.quantity)
        items[item] = replace(
            now,
            price=new.price,
            price_version=new.price_version or (now.price_version if now.price == new.price else ""),
            quantity=new.quantity,
            quantity_decimal=new.quantity_decimal,
            discounts=(),
            period_start=new.at,
            period_end=new.until,
        )
    if any(p.kind == "cycle" and not p.ahead for p in group) and not partial:
        for item, held in list(items.items()):
            if item in billed or item in running.in_arrears:
                continue
            if held.period_end is not None and max(held.period_end, held.billed_until or held.period_end) <= group[0].at:
                del items[item]
                inferred, note = True, "missing from the next cycle: removed without a proration"
    return inferred, note


def _goes_on(held: Item, p: Point) -> bool:
    """Whether a cycle bills what is held already: by far the most that lines say."""
    if p.kind != "cycle" or p.silent or p.price != held.price or p.quantity != held.quantity:
        return False
    same_object = p.price_version == held.price_version or not (p.price_version and held.price_version)
    return same_object and p.quantity_decimal == held.quantity_decimal


def _billed_again(held: Item, p: Point) -> Item:
    version = p.price_version or held.price_version
    return replace(held, price_version=version, discounts=(), period_start=p.at, period_end=p.until)


def _is_another(held: Item, new: Point, catalog: Catalog) -> bool:
    """Whether a line says that an item is something else than was known of it: another price, be it made again under its id, or quantity."""
    if shape(held) != shape(new):
        return True
    return is_another_object(held, replace(held, price_version=new.price_version), catalog)


def is_another_object(held: Item, now: Item, catalog: Catalog) -> bool:
    """Whether two items carry two objects of one price's id, as far as both say which."""
    if not (held.price_version and now.price_version) or held.price_version == now.price_version:
        return False
    return held.price == now.price and catalog.price_of(held) != catalog.price_of(now)


def _told(own: Sequence[Point], *, partial: bool) -> list[Point]:
    """Those points of one item and moment that say what it was; none when what it came to can't be read.

    What a credit took back is not gone when the line that answers it says nothing, or may be among those that can't be read.
    """
    told = [p for p in own if not p.silent]
    answered = any(p.silent and p.kind != "credit" for p in own)
    if (answered or partial) and all(p.kind != "debit" for p in told):
        return [p for p in told if p.kind != "credit"]
    return told


def _as_first_told(running: _Running, item: str) -> Item | None:
    price, quantity, fraction = running.first_told.get(item, (None, None, None))
    return Item(item, price, quantity, quantity_decimal=fraction) if price is not None else None


def _settled(
    given_up: Sequence[Point], debits: Sequence[Point], cycle: Point | None, held: Item | None
) -> tuple[list[Point], Point | None]:
    """What one item's points of one moment come to: the states that were given up, and the one that holds from now on.

    Within one second there may be several pairs: a debit that another pair credits again was only a step on the way. A cycle of
    the same second comes first if a credit gives its state back, else last.
    """
    gone, steps = list(given_up), list(debits)
    for debit in debits:
        match = next((c for c in gone if shape(c) == shape(debit)), None)
        if match is not None:
            gone.remove(match)
            steps.remove(debit)
    given_back = cycle is not None and shape(cycle) in {shape(c) for c in given_up}
    if cycle is not None and not given_back:
        return gone, cycle
    if steps:
        return gone, steps[-1]
    if cycle is not None:  # given back as a whole, it is gone; else the credit was for what was left of the period before
        return gone, None if any(c.until == cycle.until for c in gone) else cycle
    if debits:
        kept = held is not None and next((d for d in debits if shape(d) == shape(held)), None)
        return gone, kept or debits[-1]
    return gone, None


@assigned
@dataclass(frozen=True, slots=True)
class _Span:
    """A discount on the subscription (item None) or on an item, in force over [start, end)."""

    discount: Discount
    item: str | None
    end: Instant
    by_hand: bool = False
    """Taken off at some moment before `end`, which is only when it shows."""


def _with_discounts(
    before: KnownState | None,
    states: list[KnownState],
    after: Subscription,
    after_at: Instant,
    used: Sequence[Point],
    all_points: Sequence[Point],
    catalog: Catalog,
) -> list[KnownState]:
    """Put on each state the discounts that the lines and the two known states show, each over the time that it dates itself."""
    spans = _spans(before, after, after_at, used, all_points, catalog)
    if not spans and not (before and states):
        return states
    first = before.at if before else (states[0].at if states else after_at)
    edges = {s.discount.start for s in spans} | {s.end for s in spans}
    base = ([before] if before else []) + states
    out: list[KnownState] = []
    for index, known in enumerate(base):
        until = base[index + 1].at if index + 1 < len(base) else after_at
        cuts = [known.at, *sorted(e for e in edges if known.at < e < until)]
        for cut in cuts:
            if before is not None and index == 0 and cut == known.at:
                continue
            subscription = _dressed(known.subscription, spans, cut)
            moved = cut != known.at
            ids = tuple(s.discount.id for s in spans if cut in (s.discount.start, s.end)) if moved else known.evidence
            inferred, note = (False, "") if moved else (known.inferred, known.note)
            if any(s.by_hand and s.end == cut for s in spans):
                inferred, note = (
                    True,
                    note or "a discount was taken off at some moment before this one, at which it first is missing",
                )
            out.append(KnownState(cut, subscription, ids, inferred, note))
    return [k for k in out if k.at >= first]


def _spans(
    before: KnownState | None,
    after: Subscription,
    after_at: Instant,
    used: Sequence[Point],
    all_points: Sequence[Point],
    catalog: Catalog,
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
                held[d.id, target] = _begun(d, used)
            levels[d.id] |= targets
    still = {d.id for d in after.discounts} | {d.id for i in after.items for d in i.discounts}
    out = []
    for (discount_id, target), d in sorted(held.items(), key=lambda kv: (kv[1].start, kv[0][0], kv[0][1] or "")):
        end = d.end if d.end is not None else NEVER
        by_hand = False
        if discount_id not in still:
            lacking = [
                p.said_at
                for p in used
                if p.kind == "cycle"
                and p.amount != 0
                and p.discounts_told
                and (p.quantity is not None or p.silent)  # usage is billed afterwards, when the discount may be over
                and p.said_at > d.start
                and (target is None or p.item == target)
                and all(x.id != discount_id for x in p.discounts)
            ]
            missing = min([*lacking, *_replacing(d, target, held, before, used)], default=after_at)
            coupon = catalog.coupon_of(d)
            by_hand = missing < end and (coupon is None or coupon.duration != "once")
            end = min(end, missing)
        if end > d.start:
            out.append(_Span(d, target, end, by_hand))
    return out


def _begun(d: Discount, used: Sequence[Point]) -> Discount:
    """A discount that says no start begins with the first line that carries it: those before had none, so they don't end it either."""
    return d if d.start > 0 else replace(d, start=min(p.said_at for p in used if any(x.id == d.id for x in p.discounts)))


def _replacing(
    d: Discount,
    target: str | None,
    held: Mapping[tuple[str, str | None], Discount],
    before: KnownState | None,
    used: Sequence[Point],
) -> list[Instant]:
    """When other discounts began on the same thing after `d` was last seen there: one that is gone then has given way to the first of them."""
    there = [d.start, *(p.said_at for p in used if any(x.id == d.id for x in p.discounts))]
    if before is not None and d.id in {
        x.id for x in (*before.subscription.discounts, *(x for i in before.subscription.items for x in i.discounts))
    }:
        there.append(before.at)
    last = max(there)
    return [x.start for (name, where), x in held.items() if name != d.id and where == target and x.start > last]


def _dressed(subscription: Subscription, spans: Sequence[_Span], at: Instant) -> Subscription:
    now = [s for s in spans if s.discount.start <= at < s.end]
    if not now and not _has_discounts(subscription):
        return subscription
    items = tuple(replace(item, discounts=tuple(s.discount for s in now if s.item == item.id)) for item in subscription.items)
    return replace(subscription, items=items, discounts=tuple(s.discount for s in now if s.item is None))
