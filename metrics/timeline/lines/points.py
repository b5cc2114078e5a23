"""What each line of a subscription's invoices says of an item: a point in time with a price and a quantity.

A recurring line says what an item was during its period, a pair of proration lines dates a change and names the old and the new state.
A line that doesn't say its price or quantity is *silent*: it proves that the item was billed, and changes nothing of it. Which points
lie between which states, and what they come to, is decided in `metrics.timeline.lines.invoice_history`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from metrics.assigned import assigned, replace
from metrics.evidence import Discount, Instant, Invoice, InvoiceEvidence, InvoiceLine, Item, Price, SubscriptionEvidence, UnreadLine
from metrics.pricing.amounts import fraction_behind, quantity_behind
from metrics.pricing.catalog import Catalog

DAY = 86_400
AHEAD = DAY
"""Seconds after the making of an invoice from which on a period that begins is billed ahead."""


@assigned
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
    silent: bool = False
    """It doesn't say what the item was: only that it was billed."""
    partial: bool = False
    """The invoice has lines that can't be read: an item without one may have been billed all the same."""
    discounts_told: bool = True
    """False when a discount that isn't among them may have been in force all the same."""
    quantity_decimal: Decimal | None = None
    """The quantity where it is not whole; `quantity` is then cut to a whole number."""
    price_version: str = ""
    """Which object of the price's id it is, where that is said."""
    ahead: bool = False
    """Its period begins after its invoice was made: it says how far the item is billed, and nothing of how things stand when it begins."""
    half: bool = False
    """A silent credit whose answer is missing: it changes nothing, and still names what the item was until then."""

    @property
    def said_at(self) -> Instant:
        """Since when what the lines say of the item holds, as far as they say it: what is billed ahead is said when its invoice is made."""
        return self.invoiced if self.ahead else self.at


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that could not be read in full, with what it lacks in words."""

    line: str
    invoice: str
    at: Instant
    lacks: str
    amount: int | None
    currency: str


@dataclass(slots=True)
class Points:
    """The points of a subscription in order of time, and the lines that say too little."""

    points: list[Point] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


PENDING = "pending"
"""The status of what stands for an invoice that is not made yet."""
_ORDER = {"credit": 0, "debit": 1, "cycle": 2}


Shape = tuple[str | None, int | None, Decimal | None]
"""Price, quantity, and the quantity where it is not whole."""


def shape(told: Point | Item) -> Shape:
    """What a line or a state says that an item is."""
    return told.price, told.quantity, told.quantity_decimal


def with_waiting(evidence: SubscriptionEvidence) -> tuple[InvoiceEvidence, ...]:
    """The invoices, and one more of the prorations that wait for an invoice: they date a change as lines do, until a line bills them."""
    billed = {line.invoice_item for invoice in evidence.invoices for line in invoice.lines if line.invoice_item is not None}
    waiting = tuple(sorted((x for x in evidence.pending if x.invoice_item not in billed), key=lambda x: (x.period_start, x.id)))
    if not waiting:
        return evidence.invoices
    first = waiting[0]
    head = Invoice(first.id, None, evidence.subscription, PENDING, max(x.period_start for x in waiting), first.currency)
    return (*evidence.invoices, InvoiceEvidence(head, waiting))


def points_of(invoices: Iterable[InvoiceEvidence], catalog: Catalog, items: Sequence[Item]) -> Points:
    """The points of a subscription's invoices in order of time; drafts and one-off items say nothing.

    `items` are those of the known states, each with every price and period that it had: a proration line of the older kind names no item,
    only its price.
    """
    out = Points()
    billed = sorted((i for i in invoices if i.head.status != "draft"), key=lambda i: (i.head.created, i.head.id))
    facts = _Facts(catalog, {(i.id, i.price) for i in items if i.quantity is None}, _fractions(billed, items))
    for number, invoice in enumerate(billed):
        lines = [line for line in invoice.lines if _is_recurring(line, catalog)]
        named = [(line, line.item) for line in lines if line.item is not None]
        unplaced: list[InvoiceLine] = []
        own: list[Point] = []
        if len(named) != len(lines) or invoice.unread:
            later = [line for following in billed[number + 1 :] for line in following.lines]
            places = _Places(lines, items, out.points, later)
            named, unplaced = places.of(lines, partial=bool(invoice.unread))
            own = [p for line in invoice.unread if (p := places.presence(line, invoice.head)) is not None]
        out.unread += [_unread(line, invoice.head) for line in invoice.unread] + [_without_place(line) for line in unplaced]
        told = _grouped(named, invoice, facts, partial=bool(invoice.unread or unplaced))
        out.unread += [u for p in told if p.silent and (u := _half_told(p, invoice)) is not None]
        out.points += own + told
    out.points.sort(
        key=lambda p: (p.at, p.invoiced, _ORDER[p.kind], p.item)
    )  # stable: pairs of one second stay in the invoice's order
    out.points = [replace(p, ahead=True) if p.kind == "cycle" and p.at > p.invoiced + AHEAD else p for p in out.points]
    return out


@dataclass(frozen=True, slots=True)
class _Facts:
    """What tells what a line leaves out: prices, the items (with their prices) that no quantity is told of, and exact quantities by price."""

    catalog: Catalog
    unmeasured: set[tuple[str, str | None]]
    fractions: Mapping[str | None, set[Decimal]]
    behind: dict[tuple[object, ...], int | Decimal | None] = field(default_factory=dict)
    """What was found to be behind several lines: most invoices bill what the one before them did."""


def _fractions(billed: Iterable[InvoiceEvidence], items: Iterable[Item]) -> Mapping[str | None, set[Decimal]]:
    """By price every quantity that is no whole number, as any line or state tells it: older answers cut it."""
    out: dict[str | None, set[Decimal]] = defaultdict(set)
    everything: list[Item | InvoiceLine] = [*items, *(line for invoice in billed for line in invoice.lines)]
    for told in everything:
        if told.quantity_decimal is not None:
            out[told.price].add(told.quantity_decimal)
    return out


def _grouped(named: Sequence[tuple[InvoiceLine, str]], invoice: InvoiceEvidence, facts: _Facts, *, partial: bool) -> list[Point]:
    groups: dict[tuple[str, Instant, str, str], list[InvoiceLine]] = defaultdict(list)
    for line, item in named:
        kind = "cycle" if not line.proration else ("credit" if line.gives_back else "debit")
        price = facts.catalog.price_of(line)
        # Only a tiered price has several lines for one state; else each proration line is a state of its own.
        several = line.price is not None and (price is None or price.scheme == "tiered")
        alone = "" if kind == "cycle" or several else line.id
        groups[item, line.period_start, kind, alone].append(line)
    return [_point(item, at, kind, group, invoice, facts, partial=partial) for (item, at, kind, _), group in groups.items()]


def _is_recurring(line: InvoiceLine, catalog: Catalog) -> bool:
    price = catalog.price_of(line)
    if price is not None:
        return price.kind != "one_time"
    return line.item is not None or line.proration


class _Places:
    """Which item a line is of, where the line names none: the one that held the price, or whose credit it answers.

    Who held a price is said by earlier lines, by those before it on the same invoice (a change may follow another), by the next
    cycle that names the item, or by the known states. A line that can't be read in full may be of any of them: see `presence`.
    """

    def __init__(
        self, lines: Sequence[InvoiceLine], items: Sequence[Item], before: Sequence[Point], later: Sequence[InvoiceLine]
    ) -> None:
        self.tellers = (items, before, [*lines, *later])
        by_price = {i.price: i.id for i in items}
        by_price |= {line.price: line.item for line in sorted(later, key=lambda x: x.period_start, reverse=True) if line.item}
        by_price |= {p.price: p.item for p in before}
        by_price |= {line.price: line.item for line in lines if line.item}
        known = set(by_price.values())
        self.alone = next(iter(known)) if len(known) == 1 else None  # the only item there is must be the one that changed
        self.by_price = {price: item for price, item in by_price.items() if price is not None}

    def of(self, lines: Sequence[InvoiceLine], *, partial: bool) -> tuple[list[tuple[InvoiceLine, str]], list[InvoiceLine]]:
        """Each line with its item, and those whose item nobody knows."""
        found: dict[str, str] = {}
        unplaced: set[str] = set()
        credited: dict[Instant, list[str]] = defaultdict(list)
        doubtful: set[Instant] = set()
        for line in sorted(lines, key=lambda each: (each.period_start, not each.gives_back)):
            waiting = credited[line.period_start]
            item = line.item or self._item(line, waiting, doubtful=partial or line.period_start in doubtful)
            if item is None:
                unplaced.add(line.id)
                doubtful.add(line.period_start)
                continue
            if line.gives_back:
                if item not in waiting:
                    waiting.append(item)
            else:
                if line.price is not None:
                    self.by_price[line.price] = item
                if item in waiting:
                    waiting.remove(item)
            found[line.id] = item
        return [(line, found[line.id]) for line in lines if line.id in found], [x for x in lines if x.id in unplaced]

    def _item(self, line: InvoiceLine, waiting: Sequence[str], *, doubtful: bool) -> str | None:
        held = self.by_price.get(line.price) if line.price is not None else None
        if line.gives_back:
            return held or self.alone or (f"price:{line.price}" if line.price is not None else None)
        if waiting:
            return waiting[0]
        if held is None and (doubtful or line.price is None):
            return self.alone  # what it took the place of could not be read
        return held or f"price:{line.price}"

    def presence(self, line: UnreadLine, head: Invoice) -> Point | None:
        """That an item was billed, if an unread line tells as much."""
        if line.period_start is None or line.period_end is None or (line.amount or 0) < 0:
            return None
        item = line.item or self._only_holder(line.price, line.period_start, line.period_end)
        if item is None:
            return None
        return Point(
            line.period_start,
            line.period_end,
            "cycle",
            item,
            None,
            None,
            (),
            line.amount or 0,
            head.id,
            head.created,
            (line.id,),
            silent=True,
            partial=True,
            discounts_told=False,
        )

    def _only_holder(self, price: str | None, start: Instant, end: Instant) -> str | None:
        """The item that had a price: the only one, else the only one of which anything tells a period that adjoins [start, end) or shares a bound with it."""
        if price is None:
            return None
        items, before, lines = self.tellers
        told = [(i.id, i.period_start, i.period_end) for i in items if i.price == price]
        told += [(p.item, p.at, p.until) for p in before if p.price == price]
        told += [(x.item, x.period_start, x.period_end) for x in lines if x.price == price and x.item is not None]
        holders = {item for item, _, _ in told}
        if len(holders) > 1:
            holders = {item for item, since, until in told if not {since, until}.isdisjoint((start, end))}
        return next(iter(holders)) if len(holders) == 1 else None


def _point(
    item: str,
    at: Instant,
    kind: str,
    group: list[InvoiceLine],
    invoice: InvoiceEvidence,
    facts: _Facts,
    *,
    partial: bool,
) -> Point:
    if len(group) == 1:
        return _point_of_line(item, at, kind, group[0], invoice, facts, partial=partial)
    # A credit may be split over the debits that it takes back; the newest of them names the state, so quantities must not add up.
    split = kind == "credit"
    price = group[-1].price
    known = facts.catalog.price_of(group[-1])
    metered = known is not None and known.usage == "metered"
    # A metered line's quantity is what was used, not what the item is.
    exact = None if metered else _exact(group[-1], known, facts) if split else _quantity(group, known, facts)
    told = group[-1:] if split else group
    lacks_quantity = any(line.quantity is None for line in told) and not metered and (item, price) not in facts.unmeasured
    # One of the lines that can't be read may be another tier of this very item.
    lacks_lines = partial and known is not None and known.scheme == "tiered" and not metered
    discounts: dict[str, Discount] = {}
    for line in group:
        discounts |= {discount.id: discount for discount, _ in line.discounts}
    return Point(
        at,
        max(line.period_end for line in group),
        kind,
        item,
        price,
        None if exact is None else int(exact),
        tuple(discounts.values()),
        sum(line.amount for line in group),
        invoice.head.id,
        invoice.head.created,
        tuple(line.id for line in group),
        silent=any(line.price is None for line in group) or lacks_quantity or lacks_lines,
        partial=partial,
        discounts_told=all(line.discounts_told for line in group),
        quantity_decimal=Decimal(exact) if exact is not None and exact != int(exact) else None,
        price_version=group[-1].price_version,
    )


def _point_of_line(
    item: str, at: Instant, kind: str, line: InvoiceLine, invoice: InvoiceEvidence, facts: _Facts, *, partial: bool
) -> Point:
    """The point of one line alone, as nearly all are."""
    known = facts.catalog.price_of(line)
    metered = known is not None and known.usage == "metered"
    tiered = known is not None and known.scheme == "tiered"
    exact = None if metered else _quantity((line,), known, facts)
    lacks_quantity = line.quantity is None and not metered and (item, line.price) not in facts.unmeasured
    whole = None if exact is None else int(exact)
    return Point(
        at,
        line.period_end,
        kind,
        item,
        line.price,
        whole,
        tuple({discount.id: discount for discount, _ in line.discounts}.values()) if line.discounts else (),
        line.amount,
        invoice.head.id,
        invoice.head.created,
        (line.id,),
        line.price is None or lacks_quantity or (partial and tiered and not metered),
        partial,
        line.discounts_told,
        Decimal(exact) if exact is not None and exact != whole else None,
        line.price_version,
    )


def _exact(line: InvoiceLine, price: Price | None, facts: _Facts) -> int | Decimal | None:
    if line.quantity_decimal is None and line.price in facts.fractions:
        behind = fraction_behind(line, price, facts.fractions[line.price])
        return line.quantity if behind is None else behind
    return line.quantity if line.quantity_decimal is None else line.quantity_decimal


def _quantity(group: Sequence[InvoiceLine], price: Price | None, facts: _Facts) -> int | Decimal | None:
    """The item's quantity behind its lines of one period: a tiered price is billed as a line for each tier and each flat fee."""
    if len(group) == 1:
        exact = _exact(group[0], price, facts)
        tiered = price is not None and price.scheme == "tiered"
        return quantity_behind([(exact, group[0].amount)], price, group[0].currency) if tiered else exact
    told = tuple((line.quantity if line.quantity_decimal is None else line.quantity_decimal, line.amount) for line in group)
    asked = group[-1].price, group[-1].price_version, group[0].currency, told
    if asked not in facts.behind:
        facts.behind[asked] = quantity_behind(told, price, group[0].currency)
    return facts.behind[asked]


def _half_told(point: Point, invoice: InvoiceEvidence) -> Unread | None:
    """The line that doesn't say what its item was; None when each of the item's lines does, and others are missing."""
    lines = [line for line in invoice.lines if line.id in point.ids]
    priceless = next((line for line in lines if line.price is None), None)
    line = priceless or next((x for x in lines if x.quantity is None), None)
    if line is None:
        return None
    lacks = "price" if priceless else "quantity"
    return Unread(line.id, invoice.head.id, point.at, lacks, sum(x.amount for x in lines), line.currency)


def _without_place(line: InvoiceLine) -> Unread:
    return Unread(line.id, line.invoice, line.period_start, "subscription item", line.amount, line.currency)


def _unread(line: UnreadLine, head: Invoice) -> Unread:
    lacks = "rest" if line.reason == "lines_cut" else line.reason.removeprefix("line_without_").replace("_", " ")
    return Unread(line.id, head.id, line.period_start or head.created, lacks, line.amount, line.currency or head.currency)
