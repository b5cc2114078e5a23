"""What is billed beside subscriptions, and what invoices and credit notes come to: amounts that are no evidence of MRR.

They are kept so that every invoiced cent has a place, in figures of their own. Free text (descriptions, memos, values of metadata) is never
looked at: what sort of charge a line is, is told by the marks that Stripe and other systems leave.
"""

from collections.abc import Sequence

from integrations.stripe.decode.bounds import bounded
from integrations.stripe.decode.errors import Unusable, an_id, currency, ref
from integrations.stripe.decode.lines import OF_PLANS, inclusive
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from metrics.billings.classes import CONTRACT, MANUAL, METRONOME, ONE_OFF, ONE_OFF_MARK, OUTSIDE, PRICING_PLAN, QUOTE
from metrics.evidence import BilledLine, CreditedLine, CreditNote, Invoice, Totals

Taxes = Sequence[invoice_schemas.Tax] | None
Amounts = Sequence[invoice_schemas.DiscountAmount] | None


def totals(shape: invoice_schemas.Invoice, lines: Sequence[invoice_schemas.Line] | None) -> Totals | None:
    """What an invoice says that it comes to, None when it doesn't. `lines` are all its lines; None: they weren't read, and nothing is
    worked out by them."""
    if shape.total is None:
        return None
    taxes = shape.total_taxes if shape.total_taxes is not None else shape.total_tax_amounts
    tax, within = _taxed(taxes)
    if taxes is None:
        tax = shape.tax or 0  # versions that old know no tax inside an amount
    used_up = _credits(shape.total_pretax_credit_amounts)
    shipping = (shape.shipping_cost.amount_subtotal or 0) if shape.shipping_cost else 0
    taken = shape.total_discount_amounts
    if taken is not None or lines is None or not (shape.discount or shape.discounts):
        discount = _summed(taken)
    else:
        # An old version names the discount and not its amount: what is lacking to the total is it.
        lacking = sum(each.amount or 0 for each in lines) + tax - within - used_up + shipping - shape.total
        discount = max(0, lacking)
    return Totals(shape.total, tax, within, discount, used_up, shipping)


def other_line(shape: invoice_schemas.Line, invoice: invoice_schemas.Invoice, head: Invoice, *, told: bool) -> BilledLine:
    """A line that is no subscription item's; `told` is False for one that doesn't say enough to know. Raises Unusable without an id."""
    parent = shape.parent
    details = parent.invoice_item_details if parent else None
    own = (details.subscription if details else None) or shape.subscription
    by_plan = (parent.type if parent else None) or ""
    mark = PRICING_PLAN if by_plan.startswith(OF_PLANS) else mark_of(invoice)
    if not told and mark != PRICING_PLAN:
        kind, mark = "", ""
    elif mark == PRICING_PLAN or not (own or head.subscription):
        kind = OUTSIDE
    else:
        kind, mark = ONE_OFF, mark if mark == METRONOME else ONE_OFF_MARK
    price, product = _priced(shape)
    return BilledLine(
        id=shape.id or an_id(shape.id, "a line of the invoice"),
        kind=kind,
        mark=mark,
        amount=shape.amount,
        price=price,
        product=product,
        discount=_summed(shape.discount_amounts),
        inclusive_tax=inclusive(shape.taxes if shape.taxes is not None else shape.tax_amounts),
    )


def mark_of(invoice: invoice_schemas.Invoice) -> str:
    """By which mark an invoice without a subscription is told: who or what wrote it."""
    keys = [str(key).lower() for key in invoice.metadata] if isinstance(invoice.metadata, dict) else []
    made_by = (invoice.parent.type if invoice.parent else None) or ""
    if any(key.startswith("metronome") for key in keys):
        return METRONOME
    if made_by.startswith(OF_PLANS):
        return PRICING_PLAN
    if made_by == "quote_details" or invoice.quote is not None or invoice.billing_reason == "quote_accept":
        return QUOTE
    return CONTRACT if any("contract" in key for key in keys) else MANUAL


def credit_note(shape: invoice_schemas.CreditNote, *, lines: Sequence[invoice_schemas.CreditNoteLine] | None = None) -> CreditNote:
    """A credit note in our words; `lines` are all its lines where the inlined ones aren't. Raises Unusable without an id, a date, a
    status or a known currency."""
    note_id = an_id(shape.id, "the credit note")
    code = currency(shape.currency, "currency")
    if shape.created is None:
        raise Unusable("missing_date", "created is missing")
    if not shape.status:
        raise Unusable("missing_status", "the credit note has no status")
    tax, within = _taxed(shape.total_taxes if shape.total_taxes is not None else shape.tax_amounts)
    taken = _summed(shape.discount_amounts) if shape.discount_amounts is not None else shape.discount_amount or 0
    shipping = (shape.shipping_cost.amount_subtotal or 0) if shape.shipping_cost else 0
    inline = shape.lines.data if shape.lines and shape.lines.data else []
    told = {line.id: line for line in (inline if lines is None else lines)}
    found = CreditNote(
        id=note_id,
        customer=ref(shape.customer) or shape.customer_account,
        invoice=ref(shape.invoice),
        status=shape.status,
        created=shape.created,
        currency=code,
        totals=Totals(shape.total, tax, within, taken, _credits(shape.pretax_credit_amounts), shipping),
        lines=tuple(_credited(line) for line in told.values()),
        voided_at=shape.voided_at,
    )
    return bounded(found)


def _credited(shape: invoice_schemas.CreditNoteLine) -> CreditedLine:
    taken = _summed(shape.discount_amounts) if shape.discount_amounts is not None else shape.discount_amount or 0
    return CreditedLine(
        id=an_id(shape.id, "a line of the credit note"),
        line=shape.invoice_line_item,
        amount=shape.amount or 0,
        discount=taken,
        inclusive_tax=inclusive(shape.taxes if shape.taxes is not None else shape.tax_amounts),
    )


def _priced(shape: invoice_schemas.Line) -> tuple[str | None, str | None]:
    """The ids of a line's price and product, as far as it says them."""
    details = shape.pricing.price_details if shape.pricing else None
    priced = (details.price if details else None) or shape.price or shape.plan
    product = details.product if details else None
    if isinstance(priced, catalog_schemas.Price | catalog_schemas.Plan):
        product = product or priced.product
        priced = priced.id
    return priced, product.id if isinstance(product, catalog_schemas.Product) else product


def _taxed(taxes: Taxes) -> tuple[int, int]:
    """All tax, and what of it amounts contain."""
    return (sum(each.amount or 0 for each in taxes), inclusive(taxes)) if taxes else (0, 0)


def _summed(taken: Amounts) -> int:
    return sum(each.amount or 0 for each in taken) if taken else 0


def _credits(taken: Sequence[invoice_schemas.PretaxCredit] | None) -> int:
    """Billing credits alone: discounts are listed among what is taken off before tax as well."""
    return sum(each.amount or 0 for each in taken if each.type == "credit_balance_transaction") if taken else 0
