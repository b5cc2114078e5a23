"""Invoices, from Stripe's fields into ours; what a line says is in `lines`.

The amounts due, paid and total of an invoice say nothing about MRR; `amount_paid` is kept to know whether it ever was, and what it comes to
for the figures of what is billed (`billed`).
"""

from collections.abc import Sequence
from typing import Final

from integrations.stripe.decode import lines as decoded
from integrations.stripe.decode.billed import other_line, totals
from integrations.stripe.decode.bounds import bounded
from integrations.stripe.decode.catalog import Seen, discount
from integrations.stripe.decode.errors import Unusable, an_id, currency, ref
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from metrics.evidence import BilledLine, Discount, Invoice, InvoiceEvidence, InvoiceLine, UnreadLine

_SEVERAL: Final = 2
_NO_MOMENTS: Final = invoice_schemas.StatusTransitions()


def invoice(
    shape: invoice_schemas.Invoice, seen: Seen, *, lines: Sequence[invoice_schemas.Line] | None = None, short: bool = False
) -> InvoiceEvidence:
    """An invoice in our words: evidence, lines that can't be told, and how many others there are with what they come to.

    `lines` are all its lines where the ten inlined ones aren't; one that comes twice counts once, as it came last. `short` says that there
    must be more of them, which nobody tells. Lines of drafts are no evidence and are left out. Raises Unusable without an id, a date or a
    known currency, or when it doesn't say whether it is a draft.
    """
    invoice_id = an_id(shape.id, "the invoice")
    code = currency(shape.currency, "currency")
    if shape.created is None:
        raise Unusable("missing_date", "created is missing")
    moments = shape.status_transitions or _NO_MOMENTS
    status = shape.status or _status_by(moments)
    head = Invoice(
        id=invoice_id,
        customer=ref(shape.customer) or shape.customer_account,
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
        return bounded(InvoiceEvidence(head, totals=totals(shape, None)), code)
    inline = shape.lines.data if shape.lines and shape.lines.data else []
    every = _once(inline if lines is None else lines)
    named = _discounts_of(shape, seen)
    whole = None if shape.discounts is None else tuple([discount(d, seen, invoice_id) for d in shape.discounts])
    out: list[InvoiceLine] = []
    unread: list[UnreadLine] = []
    others: list[BilledLine] = []
    count = amount = 0
    for line_shape in every:
        line = decoded.line(line_shape, head, named, seen, whole)
        if isinstance(line, InvoiceLine):
            out.append(line)
            continue
        others.append(other_line(line_shape, shape, head, told=line is None))
        if line is None:
            count += 1
            amount += line_shape.amount or 0
        else:
            unread.append(line)
    if short:
        detail = "the list of its lines says that more follows, and brings nothing further"
        unread.append(UnreadLine(f"{invoice_id}_rest", "lines_cut", detail))
    return bounded(
        InvoiceEvidence(head, tuple(out), tuple(unread), count, amount, totals(shape, every), tuple(others)),
        code,
    )


def _status_by(moments: invoice_schemas.StatusTransitions) -> str:
    """The status that an invoice without one has by the dates of its states. Raises Unusable where there is none: it may be a draft."""
    by_date = (
        ("void", moments.voided_at),
        ("paid", moments.paid_at),
        ("uncollectible", moments.marked_uncollectible_at),
        ("open", moments.finalized_at),
    )
    told = next((status for status, at in by_date if at is not None), None)
    if told is None:
        raise Unusable("missing_status", "the invoice has no status, nor a date of any")
    return told


def _once(lines: Sequence[invoice_schemas.Line]) -> Sequence[invoice_schemas.Line]:
    if len(lines) < _SEVERAL:
        return lines
    by_id = {line.id: line for line in lines}
    return lines if len(by_id) == len(lines) or None in by_id else list(by_id.values())


def _subscription_of(shape: invoice_schemas.Invoice) -> str | None:
    details = shape.parent.subscription_details if shape.parent else None
    if details is not None and details.subscription is not None:
        return ref(details.subscription)
    return ref(shape.subscription)


def _discounts_of(shape: invoice_schemas.Invoice, seen: Seen) -> dict[str, Discount] | None:
    """The discounts that an invoice describes itself: its lines name those of the whole subscription by id only."""
    if not (shape.discounts or shape.discount or shape.total_discount_amounts):
        return None
    holder = shape.id or ""
    found: dict[str, Discount] = {}
    for value in (*(shape.discounts or ()), shape.discount, *(a.discount for a in shape.total_discount_amounts or ())):
        if isinstance(value, catalog_schemas.Discount):
            known = discount(value, seen, holder, own=True)
            found[known.id] = known
    return found
