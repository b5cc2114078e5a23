"""Items of which a state doesn't say what they cost or how many there are: what is known of them holds.

Stripe lets an item come without its quantity, and the old values that an event tells may leave out more. What isn't said takes nothing away:
such an item is as it was seen last, in a state or on a line, and where nothing came before it as it was seen next. Metered items have no
quantity, and need none. What is filled in is told to whoever reads the numbers, since the state may have been the one that changed it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from metrics.assigned import replace
from metrics.evidence import Finding, Instant, InvoiceEvidence, InvoiceLine, Item, Source, SubscriptionEvidence, SubscriptionState
from metrics.pricing.catalog import Catalog

_CREDITED, _BEFORE, _BILLED, _SEEN, _LISTED = range(5)
"""On one second: what a credit gives back and what an event says was before it, then what is billed from now on, and what is."""
_RANKS: Final = {Source.EVENT_BEFORE: _BEFORE, Source.EVENT: _SEEN, Source.SNAPSHOT: _LISTED}


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What a state or a line says of an item; `number` puts states of one moment in their order."""

    at: Instant
    rank: int
    number: int
    price: str | None
    version: str
    quantity: int | None
    decimal: Decimal | None
    decimal_told: bool
    several: bool = False
    """Whether it is several lines of one moment (tiers, say), of which none says how many there are in all."""

    @property
    def place(self) -> tuple[int, int, int]:
        return self.at, self.rank, self.number


def with_untold_items(
    states: Sequence[SubscriptionState], invoices: Sequence[InvoiceEvidence], catalog: Catalog
) -> tuple[list[SubscriptionState], dict[str, Instant]]:
    """The states, in order, with what they leave out of their items; and the items that this was done for, each with the first moment of it."""
    wanting = {i.id for state in states for i in state.subscription.items if _lacks(i, catalog)}
    if not wanting:
        return list(states), {}
    sightings: dict[str, list[_Sighting]] = defaultdict(list)
    for name, sighting in (*_seen(states, wanting), *_billed(invoices, wanting)):
        sightings[name].append(sighting)
    for held in sightings.values():
        held.sort(key=lambda each: each.place)
    filled: dict[str, Instant] = {}
    out = []
    for number, state in enumerate(states):
        s = state.subscription
        place = (state.at, _RANKS[state.source], number)
        items = tuple(_told(i, place, sightings, catalog) if i.id in wanting and _lacks(i, catalog) else i for i in s.items)
        for item, before in zip(items, s.items, strict=True):
            if item is not before:
                filled.setdefault(item.id, state.at)
        same = all(item is before for item, before in zip(items, s.items, strict=True))
        out.append(state if same else replace(state, subscription=replace(s, items=items)))
    return out, filled


def untold_findings(evidence: SubscriptionEvidence, filled: Mapping[str, Instant], customer: str) -> list[Finding]:
    """One for each item."""
    return [
        Finding(
            evidence.account,
            item,
            "item_untold",
            f"an answer doesn't say what item {item} of {evidence.subscription} costs, or how many there are: it counts as it was known before, else "
            "as it was seen next; a change that came with that answer is dated when it was seen next",
            customer,
            at,
        )
        for item, at in filled.items()
    ]


def _lacks(item: Item, catalog: Catalog) -> bool:
    if item.price is None:
        return True
    if item.quantity is not None:
        return False
    price = catalog.price_of(item)
    return price is not None and price.usage == "licensed"


def _told(item: Item, place: tuple[int, int, int], sightings: Mapping[str, Sequence[_Sighting]], catalog: Catalog) -> Item:
    """The item with what the last sighting before its place, else the first one after it, says of what it lacks.

    Where the last one before is several lines, the next one says more than what was before them.
    """
    fitting = [s for s in sightings.get(item.id, ()) if _says(s, item)]
    earlier, later = [s for s in fitting if s.place < place], [s for s in fitting if s.place > place and not s.several]
    plain = [s for s in earlier if not s.several]
    nearest = [s for s in earlier[-1:] if not s.several]
    found = next(iter((*nearest, *later[:1], *plain[-1:])), None)
    if found is None:
        return item
    if item.price is None:
        item = replace(item, price=found.price, price_version=found.version)
    if not _lacks(item, catalog):
        return item
    return replace(item, quantity=found.quantity, quantity_decimal=found.decimal, decimal_told=found.decimal_told)


def _says(sighting: _Sighting, item: Item) -> bool:
    """Whether a sighting is of the item as far as it is known, and says what it lacks."""
    if item.price is None:
        return sighting.price is not None
    return sighting.price == item.price and sighting.quantity is not None


def _seen(states: Sequence[SubscriptionState], wanting: set[str]) -> Iterator[tuple[str, _Sighting]]:
    for number, state in enumerate(states):
        for i in state.subscription.items:
            if i.id in wanting:
                said = (i.price, i.price_version, i.quantity, i.quantity_decimal, i.decimal_told)
                yield i.id, _Sighting(state.at, _RANKS[state.source], number, *said)


def _billed(invoices: Sequence[InvoiceEvidence], wanting: set[str]) -> Iterator[tuple[str, _Sighting]]:
    """What lines say: not of what is billed ahead, nor of what was not paid and may never have been."""
    for invoice in invoices:
        if invoice.head.status != "paid":
            continue
        number = Counter(_of(line) for line in invoice.lines)
        for line in invoice.lines:
            if line.item in wanting and line.item and line.period_start <= invoice.head.created:
                rank = _CREDITED if line.gives_back else _BILLED
                said = (line.price, line.price_version, line.quantity, line.quantity_decimal, line.decimal_told)
                yield line.item, _Sighting(line.period_start, rank, 0, *said, several=number[_of(line)] > 1)


def _of(line: InvoiceLine) -> tuple[str | None, Instant, bool]:
    return line.item, line.period_start, line.gives_back
