"""Invoices and their lines, from Stripe's fields into ours.

A line is evidence when it bills a subscription item or prorates one; one-off charges are not, whatever invoice carries them. The
amounts due, paid and total of an invoice say nothing about MRR and only `amount_paid` is kept, to know whether it ever was.
"""

from collections.abc import Sequence
from typing import Final

from integrations.stripe import invoice_shapes, shapes
from integrations.stripe.decode.catalog import UNDATED, Seen, discount
from integrations.stripe.decode.faults import Unusable, an_id, currency, ref
from metrics.evidence import Discount, Invoice, InvoiceEvidence, InvoiceLine

_NO_MOMENTS: Final = invoice_shapes.StatusTransitions()


def invoice(
    shape: invoice_shapes.Invoice, seen: Seen, *, lines: Sequence[invoice_shapes.Line] | None = None
) -> tuple[InvoiceEvidence, int]:
    """An invoice in our words, and how many of its lines belong to no subscription item.

    `lines` are all its lines where the ten inlined ones aren't. Lines of drafts are no evidence and are left out. Raises Unusable
    without an id, a date or a known currency, or when a line of a subscription lacks what it bills.
    """
    invoice_id = an_id(shape.id, "the invoice")
    code = currency(shape.currency, "currency")
    if shape.created is None:
        raise Unusable("missing_date", "created is missing")
    moments = shape.status_transitions or _NO_MOMENTS
    status = shape.status or "open"
    head = Invoice(
        id=invoice_id,
        customer=ref(shape.customer),
        subscription=_subscription_of(shape),
        status=status,
        created=shape.created,
        currency=code,
        billing_reason=shape.billing_reason,
        amount_paid=shape.amount_paid or 0,
        finalized_at=moments.finalized_at,
        paid_at=moments.paid_at,
        voided_at=moments.voided_at,
        uncollectible_at=moments.marked_uncollectible_at,
    )
    if status == "draft":
        return InvoiceEvidence(head), 0
    inline = shape.lines.data if shape.lines and shape.lines.data else []
    named = _discounts_of(shape, seen)
    out: list[InvoiceLine] = []
    others = 0
    for line_shape in inline if lines is None else lines:
        line = _line(line_shape, head, named, seen)
        if line is None:
            others += 1
        else:
            out.append(line)
    return InvoiceEvidence(head, tuple(out)), others


def _subscription_of(shape: invoice_shapes.Invoice) -> str | None:
    details = shape.parent.subscription_details if shape.parent else None
    if details is not None and details.subscription is not None:
        return ref(details.subscription)
    return ref(shape.subscription)


def _discounts_of(shape: invoice_shapes.Invoice, seen: Seen) -> dict[str, Discount] | None:
    """The discounts that an invoice describes itself: its lines name those of the whole subscription by id only."""
    if not (shape.discounts or shape.discount or shape.total_discount_amounts):
        return None
    holder = shape.id or ""
    found: dict[str, Discount] = {}
    for value in (*(shape.discounts or ()), shape.discount, *(a.discount for a in shape.total_discount_amounts or ())):
        if isinstance(value, shapes.Discount):
            known = discount(value, seen, holder)
            found[known.id] = known
    return found


def _line(shape: invoice_shapes.Line, head: Invoice, named: dict[str, Discount] | None, seen: Seen) -> InvoiceLine | None:
    details: invoice_shapes.LineDetails | invoice_shapes.Line | None = shape
    parent = shape.parent
    if parent is None:
        of_item, priced = shape.type == "subscription", shape.price
    else:
        # Published samples fill both details; the type says which of them holds.
        of_item = parent.type == "subscription_item_details"
        details = parent.subscription_item_details if of_item else parent.invoice_item_details
        pricing = shape.pricing
        priced = pricing.price_details.price if pricing and pricing.price_details else shape.price
    if details is None or not (of_item or details.proration):
        return None
    named_there = details.subscription
    subscription_id = (named_there if isinstance(named_there, str) else ref(named_there)) or (
        head.subscription if of_item else None
    )
    if not subscription_id:
        return None
    period = shape.period
    if period is None or period.start is None or period.end is None:
        raise Unusable("missing_period", f"line {shape.id} has no period")
    if shape.amount is None:
        raise Unusable("missing_amount", f"line {shape.id} has no amount")
    answered = details.proration_details.credited_items if details.proration_details else None
    # Most lines give ids alone, in the invoice's currency, untaxed: what that is not worth a call for is looked at here.
    return InvoiceLine(
        id=shape.id or an_id(shape.id, "a line of the invoice"),
        invoice=head.id,
        subscription=subscription_id,
        item=details.subscription_item,
        price=priced if isinstance(priced, str) else seen.price(priced) if priced is not None else seen.plan(shape.plan),
        quantity=shape.quantity,
        amount=shape.amount,
        currency=head.currency if shape.currency in (None, head.currency) else currency(shape.currency, "line.currency"),
        period_start=period.start,
        period_end=period.end,
        proration=bool(details.proration),
        discounts=_line_discounts(shape, named, seen) if shape.discount_amounts or shape.discounts else (),
        inclusive_tax=_inclusive(shape) if shape.taxes or shape.tax_amounts else 0,
        credited_lines=tuple(answered.invoice_line_items or ()) if answered else (),
    )


def _line_discounts(shape: invoice_shapes.Line, named: dict[str, Discount] | None, seen: Seen) -> tuple[tuple[Discount, int], ...]:
    """Each discount in force on a line with what it took off; zero where the line names it without an amount."""
    held: dict[str, Discount] = {}
    amounts: dict[str, int] = {}
    for value in shape.discounts or ():
        known = discount(value, seen, shape.id or "")
        held[known.id] = known
    for taken in shape.discount_amounts or ():
        if taken.discount is not None:
            known = discount(taken.discount, seen, shape.id or "")
            if known.start != UNDATED or known.id not in held:
                held[known.id] = known
            amounts[known.id] = amounts.get(known.id, 0) + (taken.amount or 0)
    if named:
        held = {i: named.get(i, d) if d.coupon is None else d for i, d in held.items()}
    return tuple((d, amounts.get(i, 0)) for i, d in held.items())


def _inclusive(shape: invoice_shapes.Line) -> int:
    """The tax that a line's amount contains."""
    total = 0
    for tax in shape.taxes or shape.tax_amounts or ():
        if tax.tax_behavior == "inclusive" or tax.inclusive:
            total += tax.amount or 0
    return total
