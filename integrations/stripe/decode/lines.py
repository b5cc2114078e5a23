"""One invoice line, from Stripe's fields into ours: whether it is evidence, and of what.

A line is evidence when it bills a subscription item or prorates one; other charges are not, whatever invoice carries them. A line that
doesn't say enough to tell is neither: it is handed on as unread, with what it does say, and nothing is concluded from it.
"""

from collections.abc import Sequence
from typing import Final

from integrations.stripe.decode.bounds import bounded
from integrations.stripe.decode.catalog import UNDATED, Seen, discount
from integrations.stripe.decode.errors import Unusable, an_id, currency, maybe, quantities, ref
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas.shape import Id
from metrics.evidence import Discount, Invoice, InvoiceLine, UnreadLine

_OF_ITEM: Final = "subscription_item_details"
_OF_INVOICE_ITEM: Final = "invoice_item_details"
_OLD_TYPES: Final = frozenset({"subscription", "invoiceitem"})
_TAX_BEHAVIORS: Final = frozenset({"inclusive", "exclusive"})
OF_PLANS: Final = ("billing_cadence", "pricing_plan", "license_fee", "rate_card")
"""How the names begin by which invoices and lines of pricing plans say what made them: no subscription has those."""

Details = invoice_schemas.LineDetails | invoice_schemas.Line


def line(
    shape: invoice_schemas.Line, head: Invoice, named: dict[str, Discount] | None, seen: Seen, whole: Sequence[Discount] | None = ()
) -> InvoiceLine | UnreadLine | None:
    """A line as evidence, as unread, or None for a charge beside all subscription items. Raises Unusable without an id.

    `named` are the discounts that its invoice describes, `whole` those on the invoice as a whole (None: it doesn't say).
    """
    parent = shape.parent
    details: Details | None
    if parent is not None:
        # Published samples fill both details; the type says which of them holds.
        of_item = parent.type == _OF_ITEM
        if parent.type is not None and parent.type.startswith(OF_PLANS):
            return None
        details = parent.subscription_item_details if of_item else parent.invoice_item_details
        if details is None or parent.type not in (_OF_ITEM, _OF_INVOICE_ITEM):
            return _unread(shape, head, "line_without_parent", f"parent says nothing of its {parent.type or 'type'}", seen)
        pricing = shape.pricing
        priced = pricing.price_details.price if pricing and pricing.price_details else shape.price
    elif shape.type in _OLD_TYPES:
        of_item, details, priced = shape.type == "subscription", shape, shape.price
    else:
        return _unread(shape, head, "line_without_parent", "parent is missing", seen)
    if not (of_item or details.proration):
        return None
    # A line on the invoice of a subscription that names none itself can only be of that one.
    named_there = details.subscription
    subscription_id = named_there if isinstance(named_there, str) else _subscription(shape, named_there, head)
    period = shape.period
    if not subscription_id:
        return _unread(shape, head, "line_without_subscription", "neither it nor its invoice names a subscription", seen)
    if period is None or period.start is None or period.end is None:
        return _unread(shape, head, "line_without_period", "period is missing", seen)
    if shape.amount is None:
        return _unread(shape, head, "line_without_amount", "amount is missing", seen)
    answered = details.proration_details.credited_items if details.proration_details else None
    decimal, taken = shape.quantity_decimal, shape.discount_amounts
    quantity, decimal = (shape.quantity, None) if decimal is None else quantities(shape.quantity, decimal)
    price, version = (priced, "") if isinstance(priced, str) else seen.priced(priced, shape.plan)
    # Most lines give ids alone, in the invoice's currency, untaxed: what that is not worth a call for is looked at here.
    return InvoiceLine(
        id=shape.id or an_id(shape.id, "a line of the invoice"),
        invoice=head.id,
        subscription=subscription_id,
        item=details.subscription_item,
        price=price,
        quantity=quantity,
        amount=shape.amount,
        currency=head.currency if shape.currency in (None, head.currency) else currency(shape.currency, "line.currency"),
        period_start=period.start,
        period_end=period.end,
        proration=bool(details.proration),
        discounts=_line_discounts(shape, named, seen, whole) if taken or shape.discounts or (taken is None and whole) else (),
        inclusive_tax=inclusive(shape.taxes or shape.tax_amounts),
        credited_lines=answered.lines if answered else (),
        quantity_decimal=decimal,
        discounts_told=taken == [] or _discounts_told(shape, whole),
        discount_amounts_told=taken == [] or _amounts_told(shape, named),
        taxes_told=shape.taxes == [] or _taxes_told(shape),
        invoice_item=None if details.invoice_item is None else ref(details.invoice_item),
        price_version=version,
        decimal_told=shape.quantity_decimal is not None or shape.quantity is None,
    )


def _subscription(shape: invoice_schemas.Line, named: Id, head: Invoice) -> str | None:
    return ref(named) or ref(shape.subscription) or head.subscription


def _unread(shape: invoice_schemas.Line, head: Invoice, reason: str, detail: str, seen: Seen) -> UnreadLine:
    line_id = an_id(shape.id, "a line of the invoice")
    parent, period = shape.parent, shape.period
    of_item = parent.subscription_item_details if parent else None
    priced = shape.pricing.price_details.price if shape.pricing and shape.pricing.price_details else shape.price
    return UnreadLine(
        id=line_id,
        reason=reason,
        detail=detail,
        amount=shape.amount,
        currency=(shape.currency or head.currency).lower(),
        item=(of_item.subscription_item if of_item else None) or shape.subscription_item,
        price=seen.price(priced) if priced is not None else seen.plan(shape.plan),
        period_start=maybe(period.start) if period else None,
        period_end=maybe(period.end) if period else None,
    )


def worth(unread: UnreadLine) -> str:
    """How much money an unread line is about, in words."""
    return "over an unknown amount" if unread.amount is None else f"over {unread.amount} minor units of {unread.currency}"


def _discounts_told(shape: invoice_schemas.Line, whole: Sequence[Discount] | None) -> bool:
    """Whether the line tells which discounts it carries: by what each took off, else by its own list and that of the whole invoice together,
    since its own has only those that hang off its item."""
    taken = shape.discount_amounts
    if taken is None:
        return shape.discounts is not None and whole is not None
    return all(each.discount is not None for each in taken)


def _amounts_told(shape: invoice_schemas.Line, named: dict[str, Discount] | None) -> bool:
    """Whether the line tells what discounts took off it. Those of the whole invoice are not among its own: without amounts it is told only
    where the invoice has none either."""
    taken = shape.discount_amounts
    if taken is None:
        return named is None and shape.discounts is not None and not shape.discounts
    return all(each.amount is not None and each.discount is not None for each in taken)


def _line_discounts(
    shape: invoice_schemas.Line, named: dict[str, Discount] | None, seen: Seen, whole: Sequence[Discount] | None
) -> tuple[tuple[Discount, int], ...]:
    """Each discount in force on a line with what it took off; zero where the line, or else its invoice, names it without an amount."""
    held: dict[str, Discount] = {}
    amounts: dict[str, int] = {}
    for value in shape.discounts or ():
        known = discount(value, seen, shape.id or "")
        if known.id not in held or held[known.id].coupon is None:
            held[known.id] = known
    for taken in shape.discount_amounts or ():
        if taken.discount is not None:
            known = discount(taken.discount, seen, shape.id or "")
            if known.start != UNDATED or known.id not in held:
                held[known.id] = known
            amounts[known.id] = amounts.get(known.id, 0) + (taken.amount or 0)
    if shape.discount_amounts is None:
        held = {each.id: each for each in whole or ()} | held
    if named:
        held = {i: _better_described(d, named.get(i)) for i, d in held.items()}
    return tuple((d, amounts.get(i, 0)) for i, d in held.items())


def _better_described(discount: Discount, by_invoice: Discount | None) -> Discount:
    """A line's discount as the invoice describes it, where that says more: the coupon, or what the coupon is."""
    if by_invoice is None or (discount.coupon is not None and not by_invoice.coupon_version):
        return discount
    return discount if discount.coupon_version else by_invoice


def _taxes_told(shape: invoice_schemas.Line) -> bool:
    """Whether the line tells its taxes, and of each that is something whether the amount contains it."""
    taxes = shape.taxes if shape.taxes is not None else shape.tax_amounts
    if not taxes:
        return taxes is not None
    return all(tax.tax_behavior in _TAX_BEHAVIORS or tax.inclusive is not None or not tax.amount for tax in taxes)


def inclusive(taxes: Sequence[invoice_schemas.Tax] | None) -> int:
    """The part of some taxes that amounts contain."""
    return sum(tax.amount or 0 for tax in taxes if tax.tax_behavior == "inclusive" or tax.inclusive) if taxes else 0


def pending(shape: invoice_schemas.InvoiceItem, seen: Seen) -> tuple[str, InvoiceLine] | None:
    """An invoice item that waits for its invoice, as the line that it will be, with its customer; None unless it is a proration.

    Raises Unusable without an id, a known currency, or, when it is a proration, what a line needs: the subscription that it prorates, too.
    """
    item_id = an_id(shape.id, "the invoice item")
    of = shape.parent.subscription_details if shape.parent else None
    subscription = (ref(of.subscription) if of else None) or ref(shape.subscription)
    if not shape.proration or shape.deleted or ref(shape.invoice):
        return None
    if not subscription:
        raise Unusable("missing_subscription", "the pending proration names no subscription")
    owner = ref(shape.customer) or shape.customer_account
    period = shape.period
    credited = shape.proration_details.credited_items if shape.proration_details else None
    lines = credited.lines if credited else ()
    quantity, decimal = quantities(shape.quantity, shape.quantity_decimal)
    priced = shape.pricing.price_details.price if shape.pricing and shape.pricing.price_details else shape.price
    for name, value in (
        ("customer", owner),
        ("amount", shape.amount),
        ("period", period and period.start),
        ("period", period and period.end),
    ):
        if value is None:
            raise Unusable(f"missing_{name}", f"the pending proration has no {name}")
    assert owner is not None
    assert shape.amount is not None
    assert period is not None
    assert period.start is not None
    assert period.end is not None
    price, version = seen.priced(priced, shape.plan)
    found = InvoiceLine(
        id=item_id,
        invoice="",
        subscription=subscription,
        item=(of.subscription_item if of else None) or shape.subscription_item,
        price=price,
        quantity=quantity,
        amount=shape.amount,
        currency=currency(shape.currency, "currency"),
        period_start=period.start,
        period_end=period.end,
        proration=True,
        credited_lines=lines,
        quantity_decimal=decimal,
        discounts_told=False,
        discount_amounts_told=False,
        taxes_told=False,
        invoice_item=item_id,
        price_version=version,
        decimal_told=shape.quantity_decimal is not None or shape.quantity is None,
    )
    return owner, bounded(found)
