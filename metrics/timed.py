"""Values that change over a subscription's life beside its states: the customer's discount, the share of tax, metered usage."""

from collections.abc import Iterable
from fractions import Fraction

from metrics.evidence import Catalog, CustomerState, Discount, Instant, InvoiceEvidence, InvoiceLine

Timed = list[tuple[Instant, Fraction, str]]
"""From when on which value holds, and the line that says so."""


def value_at(changes: Timed, at: Instant) -> Fraction | None:
    found = changes[0][1] if changes else None
    for since, value, _ in changes:
        if since <= at:
            found = value
    return found


def customer_discounts(states: Iterable[CustomerState]) -> list[tuple[Instant, Discount | None]]:
    """From when on which discount lay on the customer; the first one known counts from its own start."""
    out: list[tuple[Instant, Discount | None]] = []
    for state in sorted(states, key=lambda s: (s.at, s.source, s.source_id)):
        discount = state.customer.discount
        if state.customer.described:
            continue
        if not out:
            if discount is not None:
                out.append((discount.start, discount))
            else:
                out.append((state.at, None))
        elif out[-1][1] != discount:
            since = state.at
            if discount is not None and out[-1][0] < discount.start <= state.at:
                since = discount.start
            out.append((since, discount))
    return out


def tax_shares(invoices: Iterable[InvoiceEvidence], catalog: Catalog) -> dict[str, Timed]:
    """The share of inclusive tax in an item's amount over time; a new line changes it only if rounding can't explain it."""
    out: dict[str, Timed] = {}
    for line in lines_of(invoices):
        price = catalog.prices.get(line.price or "")
        # A price that says nothing of tax may be taxed by an inclusive tax rate: the line tells.
        if line.item is None or line.proration or line.amount <= 0 or price is None or price.tax_behavior == "exclusive":
            continue
        changes = out.setdefault(line.item, [])
        if changes and abs(line.inclusive_tax - line.amount * changes[-1][1]) <= 1:
            continue
        if changes or line.inclusive_tax:
            changes.append((line.period_start, Fraction(line.inclusive_tax, line.amount), line.id))
    return {item: changes for item, changes in out.items() if changes}


def usage_billed(invoices: Iterable[InvoiceEvidence], catalog: Catalog) -> dict[str, Timed]:
    """Minor units billed for each metered item in its last complete period, known from the period's end."""
    periods: dict[tuple[str, Instant], tuple[int, str]] = {}
    for line in lines_of(invoices):
        price = catalog.prices.get(line.price or "")
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
