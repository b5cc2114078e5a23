"""Which object of a price's id an item had and a line billed, where the id names several: one that was deleted and one made again.

What inlines a price says it itself; of the rest, what the item was seen with next to it, or the amount that a line bills. An object that
nothing shows any more is known by its lines alone: a bill that was made before the price was can't be of it, so it is of one that cost
what it bills. Nothing here decides when an item had what.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from metrics.assigned import replace
from metrics.evidence import (
    CustomerEvidence,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Price,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
)
from metrics.pricing.catalog import BILLED, Catalog
from metrics.pricing.discounts import months_later
from metrics.pricing.object_versions import version_of

DAY = 86_400
Versions = Mapping[tuple[str, str], Sequence[tuple[Instant, str]]]
"""By item and price (and, with an empty item, by price), in order of time, which object of the price's id was seen."""


def versioned(member: CustomerEvidence, catalog: Catalog) -> CustomerEvidence:
    """The same evidence with each item and line of such an id carrying its object, also where it says the id alone."""
    return replace(member, subscriptions=tuple(_versioned(each, catalog) for each in member.subscriptions))


def _versioned(evidence: SubscriptionEvidence, catalog: Catalog) -> SubscriptionEvidence:
    evidence = _as_billed(evidence, catalog)
    if not catalog.earlier_prices:
        return evidence
    named = {item.price for state in evidence.states for item in state.subscription.items}
    named |= {line.price for bill in evidence.invoices for line in bill.lines}
    if not any(price in catalog.earlier_prices for price in named):
        return evidence
    seen = versions_seen(evidence, catalog)

    def line(held: InvoiceLine) -> InvoiceLine:
        if held.price_version or held.price not in catalog.earlier_prices:
            return held
        return replace(held, price_version=_by_the_line(held, catalog, _nearest_to(held, seen)))

    def state(held: SubscriptionState) -> SubscriptionState:
        now = with_versions(held.subscription, held.at, seen)
        return held if now is held.subscription else replace(held, subscription=now)

    def bill(held: InvoiceEvidence) -> InvoiceEvidence:
        return replace(held, lines=tuple(map(line, held.lines)))

    return replace(evidence, states=tuple(map(state, evidence.states)), invoices=tuple(map(bill, evidence.invoices)))


def versions_seen(evidence: SubscriptionEvidence, catalog: Catalog) -> Versions:
    """Which object was seen when, of the ids that name several."""
    several = {line.price for line in _of_unseen_objects(evidence.invoices)} | catalog.earlier_prices.keys()
    out: dict[tuple[str, str], list[tuple[Instant, str]]] = {}

    def note(item: str | None, price: str | None, at: Instant, version: str) -> None:
        if price is not None and version and price in several:
            for key in {(item or "", price), ("", price)}:
                out.setdefault(key, []).append((at, version))

    if several:
        for state in evidence.states:
            for item in state.subscription.items:
                note(item.id, item.price, state.at, item.price_version)
        for invoice in evidence.invoices:
            for line in invoice.lines:
                note(line.item, line.price, line.period_start, line.price_version)
    return {key: sorted(found) for key, found in out.items()}


def with_versions(subscription: Subscription, at: Instant, seen: Versions) -> Subscription:
    """A subscription whose items carry the object that they were seen with last at `at`, else first after it."""

    def item(held: Item) -> Item:
        if held.price_version or held.price is None:
            return held
        found = _nearest(seen.get((held.id, held.price)) or seen.get(("", held.price), ()), at)
        return replace(held, price_version=found) if found else held

    if not seen:
        return subscription
    items = tuple([item(each) for each in subscription.items])
    return subscription if items == subscription.items else replace(subscription, items=items)


def _nearest_to(line: InvoiceLine, seen: Versions) -> str:
    return _nearest(seen.get((line.item or "", line.price or "")) or seen.get(("", line.price or ""), ()), line.period_start)


def _nearest(sightings: Iterable[tuple[Instant, str]], at: Instant) -> str:
    found = ""
    for since, version in sightings:
        if found and since > at:
            break
        found = version
    return found


def _by_the_line(line: InvoiceLine, catalog: Catalog, seen: str) -> str:
    """Which object of an id a line bills: the one that its item was `seen` with next to it, unless the line comes to another amount.

    Then, and where nothing ever showed the item with one, it is, of those made by then, the one whose amount it is.
    """
    held = catalog.price_versions.get((line.price or "", seen)) if seen else None
    if held is not None and not bills_otherwise(line, held):
        return seen
    objects = [p for p in catalog.earlier_prices[line.price or ""] if p.created is None or p.created <= line.period_end]
    if held in objects:
        objects = [held, *objects]
    billing = [p for p in objects if p.unit is not None and line.quantity is not None and p.unit * line.quantity == line.amount]
    return next((version_of(found) for found in (*billing, *objects)), seen)


def bills_otherwise(line: InvoiceLine, price: Price | None) -> bool:
    """Whether the line of a whole period comes to another amount than this price does, so that it must have billed another object of its id.

    Only a price of so much a unit can tell, in its own currency; a line of nothing is a trial's.
    """
    if price is None or price.unit is None or price.scheme != "per_unit" or price.transform is not None or price.usage == "metered":
        return False
    if line.proration or line.amount <= 0 or line.quantity is None or line.currency != price.currency:
        return False
    return abs(price.unit * _quantity(line) - line.amount) > 1


def _quantity(line: InvoiceLine) -> Decimal:
    return Decimal(line.quantity or 0) if line.quantity_decimal is None else line.quantity_decimal


# --- objects that nothing shows any more -----------------------------------------------------------------------------------------


def is_unseen(line: InvoiceLine, bill: Invoice, catalog: Catalog) -> bool:
    """Whether a line bills an object of its price's id that nothing shows: its bill was made before any that is known."""
    known = catalog.prices.get(line.price or "")
    if known is None or known.created is None or known.created <= bill.created:
        return False
    return all(p.created is not None and p.created > bill.created for p in catalog.earlier_prices.get(known.id, ()))


def is_of_unseen_object(line: InvoiceLine) -> bool:
    """Whether a line carries an object that is known by what lines bill alone."""
    return line.price_version.startswith(BILLED)


def _of_unseen_objects(invoices: Iterable[InvoiceEvidence]) -> Iterator[InvoiceLine]:
    return (line for bill in invoices for line in bill.lines if line.price_version and is_of_unseen_object(line))


def _as_billed(evidence: SubscriptionEvidence, catalog: Catalog) -> SubscriptionEvidence:
    """The lines of an object that nothing shows carry it as they bill it, those beside it too; what doesn't tell is of the one next to it."""
    if not any(is_unseen(line, bill.head, catalog) for bill in evidence.invoices for line in bill.lines):
        return evidence
    unseen = {line.price for bill in evidence.invoices for line in bill.lines if is_unseen(line, bill.head, catalog)}

    def told(bill: InvoiceEvidence) -> InvoiceEvidence:
        number = Counter((line.item, line.price, line.period_start) for line in bill.lines if not line.proration)

        def line(held: InvoiceLine) -> InvoiceLine:
            if held.price_version or held.price not in unseen or held.proration or bill.head.status == "draft":
                return held
            known = catalog.prices[held.price or ""]
            if is_unseen(held, bill.head, catalog):
                alone = number[held.item, held.price, held.period_start] == 1
                return replace(held, price_version=_by_its_amount(held, known) if alone else "")
            of_known = known.id not in catalog.earlier_prices and not bills_otherwise(held, known)
            return replace(held, price_version=version_of(known)) if of_known else held

        return replace(bill, lines=tuple(map(line, bill.lines)))

    bills = tuple(map(told, evidence.invoices))
    seen = versions_seen(replace(evidence, states=(), invoices=bills), catalog)

    def whole(bill: InvoiceEvidence) -> InvoiceEvidence:
        def line(held: InvoiceLine) -> InvoiceLine:
            if held.price_version or held.price not in unseen:
                return held
            if held.price in catalog.earlier_prices and not is_unseen(held, bill.head, catalog):
                return held
            return replace(held, price_version=_nearest_to(held, seen))

        return replace(bill, lines=tuple(map(line, bill.lines)))

    return replace(evidence, invoices=tuple(map(whole, bills)))


def _by_its_amount(line: InvoiceLine, known: Price) -> str:
    """The version that says what a unit cost a period, by the line of a whole one; empty where it doesn't tell."""
    if line.proration or line.amount <= 0 or not _quantity(line) or known.usage == "metered":
        return ""
    period = _period(line, known)
    if period is None:
        return ""
    interval, count = period
    return f"{BILLED} {line.currency} {Decimal(line.amount) / _quantity(line)} {interval} {count}"


def _period(line: InvoiceLine, known: Price) -> tuple[str, int] | None:
    """How often a line recurs, by its period: as `known` does where that fits, else so many months (to three days), else so many days."""
    length = line.period_end - line.period_start

    def fits(months: int) -> bool:
        return abs(months_later(line.period_start, months) - line.period_end) <= 3 * DAY

    months = {"month": 1, "year": 12}.get(known.interval, 0) * known.interval_count
    days = {"day": 1, "week": 7}.get(known.interval, 0) * known.interval_count
    if (months and fits(months)) or (days and length == days * DAY):
        return known.interval, known.interval_count
    months = next((n for n in (1, 3, 6, 12, 24, 36, *range(2, 36)) if fits(n)), 0)
    if months:
        return ("year", months // 12) if months % 12 == 0 else ("month", months)
    if length <= 0 or length % DAY:
        return None
    return ("week", length // DAY // 7) if length // DAY % 7 == 0 else ("day", length // DAY)
