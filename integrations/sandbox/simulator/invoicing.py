"""Invoice lines as Stripe words them: cycle lines, tiers, trials, usage, and the two halves of a proration.

Pure: given the items and the discounts in force, the lines and their amounts. Every line is rounded on its own and the
invoice is the sum of its lines; a proration is rounded down (towards minus infinity), by seconds of the period left.
"""

import hashlib
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from integrations.sandbox.simulator.catalog import Catalog, Coupon, Price
from integrations.sandbox.simulator.pricing import EXCLUSIVE_TAX, INCLUSIVE_TAX, apply_discounts, period_amount, tier_parts
from integrations.sandbox.simulator.records import Discount, Item, Line


class LineDraft(msgspec.Struct):
    """A line before it has an id; `exact` is the amount before rounding."""

    kind: str
    item: str | None
    price: str | None
    quantity: int
    exact: Fraction
    start: int
    end: int
    description: str
    unit: str | None = None
    discounts: list[tuple[Discount, int]] = msgspec.field(default_factory=list)
    invoice_item: bool = False
    waited_as: str = ""
    """The id of the pending invoice item that it was."""
    credited_invoice: str | None = None
    credited_lines: tuple[str, ...] = ()


def _interval(price: Price) -> str:
    return price.interval or "once" if price.interval_count == 1 else f"{price.interval_count} {price.interval}s"


def cycle_lines(catalog: Catalog, currency: str, item: Item) -> list[LineDraft]:
    """The lines of one item for its current period, before discounts: one, or one a tier and flat amount."""
    price = catalog.prices[item.price]
    name = catalog.products[price.product].name
    unit, tiers = price.in_currency(currency)

    def line(label: str, quantity: int, exact: Fraction, unit: str | None) -> LineDraft:
        return LineDraft("cycle", item.id, item.price, quantity, exact, item.start, item.end, label, unit)

    if tiers:
        return [
            line(f"{quantity} × {name} ({label} / {_interval(price)})", quantity, exact, None)
            for label, quantity, exact in tier_parts(price, currency, item.quantity)
        ]
    exact = period_amount(price, currency, item.quantity)
    return [line(f"{item.quantity} × {name} / {_interval(price)}", item.quantity, exact, unit)]


def trial_line(catalog: Catalog, item: Item) -> LineDraft:
    """The line of nothing with which a trial begins."""
    name = catalog.products[catalog.prices[item.price].product].name
    return LineDraft("cycle", item.id, item.price, item.quantity, Fraction(0), item.start, item.end, f"Trial period for {name}")


def usage_line(catalog: Catalog, currency: str, item: Item, start: int, end: int) -> LineDraft:
    """What a metered item used in the period that has just ended; the quantity is drawn from ids, so it is repeatable."""
    price = catalog.prices[item.price]
    used = int.from_bytes(hashlib.blake2b(f"{item.id}{start}".encode(), digest_size=2).digest(), "big")
    name = catalog.products[price.product].name
    exact = period_amount(price, currency, used)
    return LineDraft("usage", item.id, item.price, used, exact, start, end, f"{used} × {name}", price.in_currency(currency)[0])


def discount_lines(
    catalog: Catalog, currency: str, items: Sequence[tuple[Item, list[LineDraft]]], whole: Sequence[Discount]
) -> None:
    """Write onto each item's lines what every discount takes off them, in Stripe's order: the items' own, then the whole's."""
    coupons = catalog.coupons
    products = [catalog.prices[item.price].product for item, _ in items]
    left = [sum((line.exact for line in lines), Fraction(0)) for _, lines in items]
    nothing: list[list[Coupon]] = [[] for _ in items]

    def take(discount: Discount, after: list[Fraction]) -> list[Fraction]:
        for (_, lines), before, now in zip(items, left, after, strict=True):
            full = sum((line.exact for line in lines), Fraction(0))
            if before != now and full:
                for line in lines:
                    off = round((before - now) * line.exact / full)
                    if off:
                        line.discounts.append((discount, off))
        return after

    for number, (item, _) in enumerate(items):
        for discount in item.discounts:
            own = [*nothing]
            own[number] = [coupons[discount.coupon]]
            left = take(discount, apply_discounts(left, products, own, [], currency))
    for discount in whole:
        left = take(discount, apply_discounts(left, products, nothing, [coupons[discount.coupon]], currency))


def discounted_amount(catalog: Catalog, currency: str, items: Sequence[Item], number: int, whole: Sequence[Discount]) -> Fraction:
    """The period amount of the item at `number` after every lasting discount: what a proration gives back or takes."""
    lasting = {name: coupon for name, coupon in catalog.coupons.items() if coupon.duration != "once"}
    licensed = [item for item in items if not catalog.prices[item.price].metered]
    amounts = apply_discounts(
        [period_amount(catalog.prices[item.price], currency, item.quantity) for item in licensed],
        [catalog.prices[item.price].product for item in licensed],
        [[lasting[each.coupon] for each in item.discounts if each.coupon in lasting] for item in licensed],
        [lasting[each.coupon] for each in whole if each.coupon in lasting],
        currency,
    )
    return amounts[licensed.index(items[number])]


def proration_line(
    catalog: Catalog,
    kind: str,
    item: Item,
    exact: Fraction,
    start: int,
    end: int,
    billed: tuple[str, tuple[str, ...]] | None,
) -> LineDraft:
    """A "credit" for the unused time of the old item, or a "debit" for the remaining time of the new one."""
    name = catalog.products[catalog.prices[item.price].product].name
    word = "Unused" if kind == "credit" else "Remaining"
    invoice, lines = billed if billed is not None and kind == "credit" else (None, ())
    return LineDraft(
        kind,
        item.id,
        item.price,
        item.quantity,
        -exact if kind == "credit" else exact,
        start,
        end,
        f"{word} time on {item.quantity} × {name}",
        None,
        [],
        True,
        "",
        invoice,
        lines,
    )


def finished(
    drafts: Sequence[LineDraft], catalog: Catalog, line_ids: Sequence[str], taxed: bool, invoice_item: str
) -> tuple[Line, ...]:
    """The drafts as lines of an invoice: ids given, amounts rounded, taxes worked out."""
    lines = []
    for number, (draft, line_id) in enumerate(zip(drafts, line_ids, strict=True)):
        floored = draft.kind in ("credit", "debit")
        amount = draft.exact.numerator // draft.exact.denominator if floored else round(draft.exact)
        after = amount - sum(off for _, off in draft.discounts)
        inclusive = draft.price is not None and catalog.prices[draft.price].tax_behavior == "inclusive"
        tax = 0
        if inclusive:
            tax = round(after * INCLUSIVE_TAX / (1 + INCLUSIVE_TAX))
        elif taxed:
            tax = round(after * EXCLUSIVE_TAX)
        lines.append(
            Line(
                line_id,
                draft.kind,
                draft.item,
                draft.price,
                draft.quantity,
                amount,
                draft.start,
                draft.end,
                draft.description,
                draft.unit,
                tuple(draft.discounts),
                tax,
                inclusive,
                _hangs_off(draft, f"{invoice_item}{number}"),
                draft.credited_invoice,
                draft.credited_lines,
            )
        )
    return tuple(lines)


def _hangs_off(draft: LineDraft, fresh: str) -> str | None:
    return (draft.waited_as or fresh) if draft.invoice_item or draft.kind == "one_off" else None


def totals(lines: Sequence[Line]) -> tuple[int, int, int, int]:
    """(subtotal, discounts, exclusive tax, total) of an invoice's lines, in minor units."""
    subtotal = sum(line.amount for line in lines)
    discounts = sum(off for line in lines for _, off in line.discounts)
    tax = sum(line.tax for line in lines if not line.tax_inclusive)
    return subtotal, discounts, tax, subtotal - discounts + tax
