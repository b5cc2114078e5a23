"""Values that change over a subscription's life beside its states: the customer's discount, the share of tax, metered usage."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from metrics.evidence import CustomerState, Discount, Instant, InvoiceEvidence, InvoiceLine, Item, Price
from metrics.pricing.catalog import Catalog

_NO_TAX: Final = Fraction(0)

Timed = list[tuple[Instant, Fraction, str]]
"""From when on which value holds, and the line that says so."""


def value_at(changes: Timed, at: Instant) -> Fraction | None:
    found = changes[0][1] if changes else None
    for since, value, _ in changes:
        if since <= at:
            found = value
    return found


def customer_discounts(states: Iterable[CustomerState]) -> list[tuple[Instant, Discount | None]]:
    """From when on which discount lay on the customer; the first one known counts from its own start.

    A discount that says neither its coupon nor since when it runs, and that nothing describes, takes the place of none that is known.
    """
    out: list[tuple[Instant, Discount | None]] = []
    for state in sorted(states, key=lambda s: (s.at, s.source, s.source_id)):
        discount = state.customer.discount
        if state.customer.described or not state.customer.discount_told:
            continue
        if not out:
            if discount is not None:
                out.append((discount.start, discount))
            else:
                out.append((state.at, None))
        elif out[-1][1] != discount and not (out[-1][1] and discount and _says_nothing(discount)):
            since = state.at
            if discount is not None and out[-1][0] <= discount.start <= state.at:
                since = discount.start
            out.append((since, discount))
    return out


def _says_nothing(discount: Discount) -> bool:
    return discount.coupon is None and not discount.start


@dataclass(frozen=True, slots=True)
class Taxes:
    """The shares of inclusive tax over time that the lines of a subscription show: by item, by price, and of all its lines."""

    items: Mapping[str, Timed] = field(default_factory=dict)
    prices: Mapping[str, Timed] = field(default_factory=dict)
    lines: Timed = field(default_factory=list)
    untold: Mapping[str, tuple[InvoiceLine, ...]] = field(default_factory=dict)
    """By item the lines that don't tell their tax where that leaves open since when or until when a share held."""

    def share(self, item: Item, price: Price | None, at: Instant) -> Fraction | None:
        """The part of an item's amount after discounts that is tax, by its own latest line, else its price's, else the subscription's.

        0 where the price excludes tax; None when no line says anything. A first line speaks for the time before it too.
        """
        if price is not None and price.tax_behavior == "exclusive":
            return _NO_TAX
        for changes in (self.items.get(item.id), self.prices.get(item.price or ""), self.lines):
            if changes:
                return value_at(changes, at)
        return None

    def edges(self) -> list[tuple[Instant, str]]:
        """When a share becomes another one, and the line that says so."""
        every = (*self.items.values(), *self.prices.values(), self.lines)
        return list(dict.fromkeys((at, line) for changes in every for at, _, line in changes[1:]))


def tax_shares(invoices: Iterable[InvoiceEvidence], catalog: Catalog) -> Taxes:
    """The shares of inclusive tax that lines of any kind show: cycles and prorations, charged or given back.

    A share is the tax in a line over its amount less its discounts. Lines in a row that differ by no more than the rounding of a cent
    show one share, and the largest of them says it best. A line whose price excludes tax, that is discounted away, that would be nothing
    but tax, or that doesn't tell what discounts took off it, shows none; only where no line of the subscription tells that (old versions of the API had no such amounts),
    one without any discount is taken at its word.
    """
    taxed_lines = [line for line in lines_of(invoices) if line.taxes_told]
    told = [line for line in taxed_lines if line.discount_amounts_told] or [line for line in taxed_lines if not line.discounts]
    told.sort(key=lambda line: (line.period_start, not line.gives_back, line.id))
    by_item: dict[str, list[_Taxed]] = {}
    by_price: dict[str, list[_Taxed]] = {}
    everything: list[_Taxed] = []
    owners: dict[str | None, set[str]] = {}
    for line in told:
        if line.item is not None:
            owners.setdefault(line.price, set()).add(line.item)
    for line in told:
        price, base = catalog.price_of(line), _base(line)
        # A price that says nothing of tax may be taxed by an inclusive tax rate: the line tells.
        if price is None or price.tax_behavior == "exclusive" or base <= 0:
            continue
        if is_all_tax(line):
            continue
        taxed = _Taxed(line.period_start, base, abs(line.inclusive_tax), line.id)
        item = line.item or next(iter(owners.get(line.price, ())), None)
        if item is not None and (line.item is not None or len(owners[line.price]) == 1):
            by_item.setdefault(item, []).append(taxed)
        by_price.setdefault(price.id, []).append(taxed)
        everything.append(taxed)
    items = {item: _runs(found) for item, found in by_item.items()}
    return Taxes(
        items,
        {price: _runs(found) for price, found in by_price.items()},
        _runs(everything),
        _untold({line.id for line in told}, lines_of(invoices), by_item, items, catalog),
    )


def _base(line: InvoiceLine) -> int:
    return abs(line.amount) - sum(abs(taken) for _, taken in line.discounts)


def is_all_tax(line: InvoiceLine) -> bool:
    """Whether the tax in a line, as it tells it, comes to all that was charged or more: no price has such a tax in it."""
    return line.inclusive_tax != 0 and line.taxes_told and 0 < _base(line) <= abs(line.inclusive_tax)


@dataclass(frozen=True, slots=True)
class _Taxed:
    """A line's amount less discounts and the tax in it, both in minor units and without a sign."""

    at: Instant
    base: int
    tax: int
    line: str

    @property
    def share(self) -> Fraction:
        return Fraction(self.tax, self.base)


def _untold(
    told: Collection[str],
    lines: Sequence[InvoiceLine],
    by_item: Mapping[str, Sequence[_Taxed]],
    items: Mapping[str, Timed],
    catalog: Catalog,
) -> dict[str, tuple[InvoiceLine, ...]]:
    """The lines of items with tax in them that tell none and lie between two lines of one item that show different shares, or beyond its first or last one."""
    out: dict[str, tuple[InvoiceLine, ...]] = {}
    for item, runs in items.items():
        if not any(share for _, share, _ in runs):
            continue
        starts = [taxed.at for taxed in by_item[item]]
        silent = []
        for line in lines:
            if line.item != item or line.id in told or line.period_start in starts or _base(line) <= 0:
                continue
            price = catalog.price_of(line)
            if price is None or price.tax_behavior == "exclusive":
                continue
            following = next((at for at in starts if at > line.period_start), None)
            if following is None or line.period_start < starts[0] or any(at == following for at, _, _ in runs):
                silent.append(line)
        if silent:
            out[item] = tuple(silent)
    return out


def _runs(lines: Sequence[_Taxed]) -> Timed:
    """The shares of lines in order of time; those in a row that a cent's rounding explains are one share, said by the largest of them."""
    out: Timed = []
    largest: _Taxed | None = None
    for line in lines:
        if largest is not None and (_explains(largest, line) or _explains(line, largest)):
            if line.base > largest.base:
                largest, out[-1] = line, (out[-1][0], line.share, out[-1][2])
            continue
        largest = line
        out.append((line.at, line.share, line.line))
    return out


def _explains(one: _Taxed, other: _Taxed) -> bool:
    """Whether the share of `one` comes to the tax of `other`, to the cent."""
    return abs(other.tax - other.base * one.share) <= 1


def usage_billed(invoices: Iterable[InvoiceEvidence], catalog: Catalog) -> dict[str, Timed]:
    """Minor units billed for each metered item in its last complete period, known from the period's end."""
    periods: dict[tuple[str, Instant], tuple[int, str]] = {}
    for line in lines_of(invoices):
        price = catalog.price_of(line)
        if line.item is None or price is None or price.usage != "metered":
            continue
        amount, _ = periods.get((line.item, line.period_end), (0, ""))
        periods[line.item, line.period_end] = (amount + line.amount, line.id)
    out: dict[str, Timed] = {}
    for (item, end), (amount, line_id) in sorted(periods.items(), key=lambda kv: kv[0][1]):
        changes = out.setdefault(item, [(Instant(-(2**62)), Fraction(0), "")])
        changes.append((end, Fraction(amount), line_id))
    return out


def lines_of(invoices: Iterable[InvoiceEvidence]) -> list[InvoiceLine]:
    lines = [line for invoice in invoices if invoice.head.status != "draft" for line in invoice.lines]
    return sorted(lines, key=lambda line: (line.period_start, line.id))
